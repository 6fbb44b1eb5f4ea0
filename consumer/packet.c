/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "consumer/packet.h"

int packet_write(const struct channel *channel, struct stream_file *file, const struct packet_source *source,
                 struct packet_outcome *ret) {
        struct session *session = channel->set->session;
        struct walk_result walk;
        struct packet packet;
        uint64_t end;
        int r;

        walker_walk(&channel->walker, session->scratch, source->size, source->begin, source->latest, source->before,
                    &walk);
        end = source->end < source->latest ? source->end : source->latest;
        if (end < walk.last_time)
                end = walk.last_time;
        *ret = (struct packet_outcome) { .end = end, .after = walk.thread };
        if (walk.valid < source->size) {
                file->state.counters.lost_garbage += source->size - walk.valid;
                /* Whoever writes next, nobody saw his name. */
                ret->after = (struct walk_thread) {};
        }
        if (walk.valid == 0)
                return 0;
        packet = (struct packet) {
                .begin = source->begin,
                .end = end,
                .sequence = source->sequence,
                .discarded = source->discarded,
                .events = walk.events,
                .records = session->scratch,
                .size = walk.valid,
                .before = source->before,
                .after = walk.thread,
        };
        r = stream_file_write(file, &packet);
        ret->written = r >= 0;
        return r;
}

int packet_write_empty(struct stream_file *file, uint64_t time, uint64_t sequence, uint64_t discarded) {
        struct packet packet = {
                .begin = file->state.end > 0 ? file->state.end : time,
                .end = time > file->state.end ? time : file->state.end,
                .sequence = sequence,
                .discarded = discarded,
        };

        return stream_file_write(file, &packet);
}
