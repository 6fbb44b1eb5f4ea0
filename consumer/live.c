/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "consumer/live-reader.h"
#include "consumer/live.h"
#include "consumer/wait.h"

/* Pauses of a hundredth of a second: while nobody takes anything, and in all. */
#define IDLE_MAX 20
#define PAUSES_MAX 200

void live_done(struct live *live) {
        struct live_reader *reader;

        while ((reader = LIST_FIRST(&live->readers))) {
                LIST_REMOVE(reader, entries);
                live_reader_free(reader);
        }
}

int live_add(struct live *live, int socket, int life) {
        struct live_reader *reader;
        unsigned n = 0;
        int r;

        LIST_FOREACH(reader, &live->readers, entries)
                n++;
        if (n >= LIVE_READERS_MAX)
                return -EDQUOT;
        r = live_reader_new(socket, life, &reader);
        if (r >= 0)
                LIST_INSERT_HEAD(&live->readers, reader, entries);
        return r;
}

void live_send(struct live *live, const struct live_packet *packet) {
        struct live_reader *reader;

        LIST_FOREACH(reader, &live->readers, entries)
                live_reader_send(reader, packet);
}

void live_sync(struct live *live, uint64_t time) {
        struct stream_sync sync = { .time = time };
        struct timespec now;
        struct live_reader *reader;

        if (!live_is_used(live))
                return;
        clock_gettime(CLOCK_REALTIME, &now);
        sync.realtime = (uint64_t) now.tv_sec * 1000000000 + (uint64_t) now.tv_nsec;
        LIST_FOREACH(reader, &live->readers, entries)
                live_reader_sync(reader, &sync);
}

void live_flush(struct live *live) {
        struct live_reader *reader = LIST_FIRST(&live->readers);

        live->is_behind = live->has_rest = false;
        while (reader) {
                struct live_reader *next = LIST_NEXT(reader, entries);
                int r = live_reader_flush(reader);

                if (r < 0) {
                        LIST_REMOVE(reader, entries);
                        live_reader_free(reader);
                } else {
                        live->is_behind |= r > 0;
                        live->has_rest |= reader->begin < reader->end;
                }
                reader = next;
        }
}

void live_finish(struct live *live) {
        unsigned idle = 0;

        live_flush(live);
        for (unsigned n = 0; live->has_rest && idle < IDLE_MAX && n < PAUSES_MAX; n++) {
                wait_pause();
                live_flush(live);
                idle = live->is_behind ? 0 : idle + 1;
        }
}
