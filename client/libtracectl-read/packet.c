/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "client/libtracectl-read/packet.h"
#include "protocol/ctf.h"

#define LOOK_SIZE ((size_t) 4096) /* enough of a packet to see whether it is wanted */

/* As one is that is being written while its file is read, or after a power cut. */
#define CUT_OFF "the last packet is cut off"

static bool has_role(const struct stream *stream, enum role role) {
        return stream->decoder.seen & (UINT32_C(1) << role);
}

static uint64_t role_or(const struct stream *stream, enum role role, uint64_t otherwise) {
        return has_role(stream, role) ? stream->decoder.roles[role] : otherwise;
}

/* Everything up to the end of the file is this packet's until its context says otherwise. */
static int open_window(struct stream *stream) {
        struct decoder *decoder = &stream->decoder;
        int r;

        r = window_load(&stream->window, stream->packet_offset, 1);
        if (r < 0)
                return r;
        stream->slid = 0;
        decoder->data = stream->window.data;
        decoder->position = 0;
        decoder->end = 8 * (stream->file_size - stream->packet_offset);
        decoder->limit = 8 * (uint64_t) stream->window.size;
        if (decoder->limit > decoder->end)
                decoder->limit = decoder->end;
        decoder->seen = 0;
        return 0;
}

/* The packet header: whose packet it is. */
static int read_header(struct stream *stream, const char **ret_why) {
        const struct program *program = stream->metadata->packet_header_program;
        struct decoder *decoder = &stream->decoder;
        uint64_t start;
        int r;

        *ret_why = CUT_OFF;
        r = stream_run(stream, &program, 1, &start);
        if (r < 0)
                return r;
        *ret_why = "this is no packet of CTF";
        if (role_or(stream, ROLE_MAGIC, CTF_MAGIC) != CTF_MAGIC)
                return -EBADMSG;
        *ret_why = "the packet is of another trace";
        if (has_role(stream, ROLE_UUID) && stream->metadata->has_uuid &&
            memcmp(decoder->data + decoder->roles[ROLE_UUID] / 8, stream->metadata->uuid, 16) != 0)
                return -EBADMSG;
        *ret_why = "the packet is of a stream that the metadata does not have";
        stream->class = has_role(stream, ROLE_STREAM_ID) ?
                metadata_find_stream(stream->metadata, decoder->roles[ROLE_STREAM_ID]) :
                stream->metadata->streams;
        return stream->class ? 0 : -EBADMSG;
}

/* How many packets came before this one, and how many events never did. */
static void count_lost(struct stream *stream) {
        uint64_t discarded = role_or(stream, ROLE_DISCARDED, stream->last_discarded);
        uint64_t sequence = stream->decoder.roles[ROLE_SEQUENCE];

        if (discarded > stream->last_discarded)
                stream->discarded += discarded - stream->last_discarded;
        stream->last_discarded = discarded;

        if (!has_role(stream, ROLE_SEQUENCE))
                return;
        if (stream->has_sequence && sequence != stream->sequence + 1) {
                if (sequence > stream->sequence)
                        stream->packets_lost += sequence - stream->sequence - 1;
                stream->has_thread = false;
        }
        stream->sequence = sequence;
        stream->has_sequence = true;
}

/* The packet context: how large it is, and when it began. */
static int read_context(struct stream *stream, const char **ret_why) {
        const struct program *program = stream->class->packet_context_program;
        struct decoder *decoder = &stream->decoder;
        uint64_t there = 8 * (stream->file_size - stream->packet_offset), packet, content, start;
        int r;

        *ret_why = CUT_OFF;
        r = stream_run(stream, &program, 1, &start);
        if (r < 0)
                return r;
        *ret_why = "the packet has sizes that make no sense";
        packet = role_or(stream, ROLE_PACKET_SIZE, role_or(stream, ROLE_CONTENT_SIZE, there));
        content = role_or(stream, ROLE_CONTENT_SIZE, packet);
        if (packet % 8 != 0 || packet == 0 || content > packet || content < stream->slid + decoder->position)
                return -EBADMSG;

        stream->packet_end = stream->packet_offset + packet / 8;
        if (content > there)
                content = there;
        if (packet > there && !stream->has_reported) {
                stream->has_reported = true;
                report_say(stream->report, "%s: " CUT_OFF "; what there is of it is read", stream->path);
        }
        decoder->end = content - stream->slid;
        if (decoder->limit > decoder->end)
                decoder->limit = decoder->end;
        decoder->time = role_or(stream, ROLE_BEGIN, decoder->time);
        stream->cpu = (int32_t) role_or(stream, ROLE_CPU, UINT64_MAX);
        count_lost(stream);
        return 0;
}

bool packet_ends_before(const struct stream *stream) {
        const uint64_t *roles = stream->decoder.roles;

        return stream->class->clock && has_role(stream, ROLE_END) && roles[ROLE_END] >= role_or(stream, ROLE_BEGIN, 0) &&
               clock_to_ns(stream->class->clock, roles[ROLE_END]) < stream->since;
}

static bool begins_behind(const struct stream *stream) {
        return stream->class->clock && has_role(stream, ROLE_BEGIN) &&
               clock_to_ns(stream->class->clock, stream->decoder.roles[ROLE_BEGIN]) >= stream->until;
}

int packet_look(struct stream *stream) {
        const char *why = strerror(EBADMSG);
        int r;

        stream->packet_offset = stream->packet_end;
        if (stream->packet_offset >= stream->file_size)
                return 0;
        stream->packet_end = stream->file_size; /* where nobody knows the next packet's beginning */
        r = open_window(stream);
        if (r >= 0)
                r = read_header(stream, &why);
        if (r >= 0)
                r = read_context(stream, &why);
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                if (r != -EBADMSG)
                        why = r == -ELOOP ? "reading on would take too long" : strerror(-r);
                stream_skip(stream, why);
                return 0;
        }
        return 1;
}

bool packet_is_anchor(const struct stream *stream) {
        const struct event_class *thread = stream->class->direct[CTF_ID_THREAD];
        const struct decoder *decoder = &stream->decoder;

        if (!thread || !thread->is_thread || !stream->class->has_compact_header)
                return true;
        return decoder_has(decoder, decoder->position, 8) &&
               (decoder->data[decoder->position / 8] & CTF_ID_EXTENDED) == CTF_ID_THREAD;
}

/* Passes over the packets before what is wanted, and back to one that reading can begin with. As packet_next(). */
static int look_for_first(struct stream *stream) {
        uint64_t discarded = stream->discarded, lost = stream->packets_lost, anchor = UINT64_MAX;
        int r;

        stream->window.ahead = LOOK_SIZE;
        while ((r = packet_look(stream)) > 0) {
                if (packet_is_anchor(stream))
                        anchor = stream->packet_offset;
                if (!packet_ends_before(stream))
                        break;
                /* What is missing from what is not wanted is no loss. */
                stream->discarded = discarded;
                stream->packets_lost = lost;
        }
        stream->window.ahead = 0;
        if (r <= 0 || anchor == UINT64_MAX || anchor == stream->packet_offset)
                return r;
        stream->packet_end = anchor;
        stream->has_sequence = false;
        stream->discarded = discarded;
        stream->packets_lost = lost;
        return packet_look(stream);
}

int packet_next(struct stream *stream) {
        bool is_first = stream->since != INT64_MIN && !stream->has_begun;
        uint64_t discarded = stream->discarded, lost = stream->packets_lost;
        int r;

        r = is_first ? look_for_first(stream) : packet_look(stream);
        stream->has_begun = true;
        if (r > 0 && stream->until != INT64_MAX && begins_behind(stream)) {
                stream->discarded = discarded;
                stream->packets_lost = lost;
                stream->packet_end = stream->file_size;
                return 0;
        }
        stream->in_packet = r > 0;
        return r;
}
