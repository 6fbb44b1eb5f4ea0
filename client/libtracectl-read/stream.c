/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/libtracectl-read/compact.h"
#include "client/libtracectl-read/layout.h"
#include "client/libtracectl-read/packet.h"
#include "common/cleanup.h"
#include "protocol/ring.h"

/*
 * Nothing that our tracer writes is larger, with what may lie before it in a window, which begins where any type may;
 * without an end, a broken trace could take the machine's memory.
 */
#define WINDOW_MAX ((size_t) RING_SUBBUF_SIZE_MAX + TYPE_ALIGN_MAX / 8)

DEFINE_CLEANUP(struct stream *, stream_free)

int stream_new(const struct metadata *metadata, const struct report *report, int directory_fd, const char *name,
               const char *path, struct stream **ret) {
        int fd;

        fd = openat(directory_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
        return fd < 0 ? -errno : stream_new_fd(metadata, report, fd, path, ret);
}

int stream_new_fd(const struct metadata *metadata, const struct report *report, int fd, const char *path,
                  struct stream **ret) {
        _cleanup_(stream_freep) struct stream *stream = calloc(1, sizeof(*stream));
        struct stat st;

        if (!stream) {
                close(fd);
                return -ENOMEM;
        }
        stream->window.fd = fd;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        stream->metadata = metadata;
        stream->report = report;
        stream->file_size = (uint64_t) st.st_size;
        stream->cpu = -1;
        stream->since = INT64_MIN;
        stream->until = INT64_MAX;
        stream->path = strdup(path);
        stream->decoder.credit = DECODER_CREDIT;
        stream->decoder.registers = calloc(metadata->n_registers, sizeof(uint64_t));
        if (!stream->path || !stream->decoder.registers)
                return -ENOMEM;
        *ret = TAKE_PTR(stream);
        return 0;
}

struct stream *stream_free(struct stream *stream) {
        if (stream) {
                window_done(&stream->window);
                decoder_done(&stream->decoder);
                free(stream->decoder.registers);
                free(stream->path);
                free(stream);
        }
        return NULL;
}

int stream_load_more(struct stream *stream) {
        struct decoder *decoder = &stream->decoder;
        struct window *window = &stream->window;
        uint64_t slide = decoder->position / TYPE_ALIGN_MAX * TYPE_ALIGN_MAX;
        size_t before = window->size - (size_t) (slide / 8), wanted;
        int r;

        /* What is larger than the window needs a larger one. */
        if (slide == 0 && before >= WINDOW_MAX)
                return -E2BIG;
        wanted = slide > 0 ? before + 1 : 2 * before;
        r = window_load(window, window->start + slide / 8, wanted < WINDOW_MAX || slide > 0 ? wanted : WINDOW_MAX);
        if (r < 0)
                return r;
        stream->slid += slide;
        decoder->position -= slide;
        decoder->end -= slide;
        decoder->data = window->data;

        /* The file was cut while we read it. */
        if (window->size <= before)
                decoder->end = 8 * (uint64_t) before;
        decoder->limit = 8 * (uint64_t) window->size;
        if (decoder->limit > decoder->end)
                decoder->limit = decoder->end;
        return 0;
}

int stream_run(struct stream *stream, const struct program *const *programs, size_t n, uint64_t *ret_start) {
        struct decoder *decoder = &stream->decoder;
        int r;

        for (;;) {
                uint64_t position = decoder->position, time = decoder->time;

                decoder->n_slots = 0;
                r = 0;
                for (size_t i = 0; r >= 0 && i < n; i++) {
                        r = decode_run(decoder, programs[i]);
                        /* The last program is the one of the fields. */
                        if (i + 2 == n)
                                stream->n_context_slots = decoder->n_slots;
                }
                if (r >= 0)
                        *ret_start = position;
                if (r != -EAGAIN)
                        return r;
                decoder->position = position;
                decoder->time = time;
                r = stream_load_more(stream);
                if (r < 0)
                        return r;
        }
}

void stream_skip(struct stream *stream, const char *why) {
        uint64_t at = stream->window.start + stream->decoder.position / 8;
        uint64_t end = stream->packet_end < stream->file_size ? stream->packet_end : stream->file_size;
        uint64_t skipped = end > at ? end - at : 0;

        stream->in_packet = false;
        stream->bytes_skipped += skipped;
        if (stream->has_reported)
                return;
        stream->has_reported = true;
        report_say(stream->report, "%s, byte %" PRIu64 ": %s; %" PRIu64 " bytes from there on cannot be read",
                   stream->path, at, why, skipped);
}

static int read_header(struct stream *stream, uint64_t *ret_id) {
        const struct program *program = stream->class->event_header_program;
        struct decoder *decoder = &stream->decoder;
        uint64_t start;
        int r;

        if (stream->class->has_compact_header) {
                while ((r = compact_header_read(decoder, ret_id)) == -EAGAIN) {
                        r = stream_load_more(stream);
                        if (r < 0)
                                return r;
                }
                return r;
        }
        decoder->seen = 0;
        r = stream_run(stream, &program, 1, &start);
        if (r < 0)
                return r;
        *ret_id = decoder->seen & (1 << ROLE_ID) ? decoder->roles[ROLE_ID] : 0;
        return 0;
}

/* An event of the kernel: which process that is, is known when it is its turn. */
static void set_thread(struct stream *stream, int32_t tid) {
        stream->pid = -1;
        stream->tid = tid;
        stream->has_thread = true;
}

/* By the programs: every value becomes a slot. */
static int decode_values(struct stream *stream) {
        struct decoder *decoder = &stream->decoder;
        const struct program *programs[] = {
                stream->class->event_context_program,
                stream->event->context_program,
                stream->event->fields_program,
        };
        uint64_t start;
        int r;

        decoder->seen = 0;
        r = stream_run(stream, programs, ARRAY_SIZE(programs), &start);
        if (r < 0)
                return r;
        stream->has_slots = true;
        stream->bytes = decoder->data + start / 8;
        stream->n_bytes = (size_t) ((decoder->position + 7) / 8 - start / 8);
        if ((decoder->seen & (1 << ROLE_PID)) && (decoder->seen & (1 << ROLE_TID))) {
                stream->pid = (int32_t) decoder->roles[ROLE_PID];
                stream->tid = (int32_t) decoder->roles[ROLE_TID];
                stream->has_thread = true;
        } else if (stream->threads && (decoder->seen & (1 << ROLE_TID)))
                set_thread(stream, (int32_t) decoder->roles[ROLE_TID]);
        return 0;
}

/* By the layout: only its size has to be known. */
static int measure_values(struct stream *stream, const struct layout *layout) {
        struct decoder *decoder = &stream->decoder;
        size_t size;

        for (;;) {
                uint64_t start = decoder->position / 8, limit = decoder->limit / 8;
                int r;

                if (start > limit)
                        return -EBADMSG;
                r = layout_measure(layout, decoder->data + start, limit - start, decoder->end / 8 - start, &size);
                if (r == -EAGAIN)
                        r = stream_load_more(stream);
                else if (r >= 0)
                        break;
                if (r < 0)
                        return r;
        }
        stream->has_slots = false;
        stream->bytes = decoder->data + decoder->position / 8;
        stream->n_bytes = size;
        decoder->position += 8 * (uint64_t) size;
        if (layout->has_thread) {
                stream->pid = (int32_t) layout_load(stream->bytes + layout->pid_offset, 4);
                stream->tid = (int32_t) layout_load(stream->bytes + layout->tid_offset, 4);
                stream->has_thread = true;
        } else if (stream->threads && layout->has_tid)
                set_thread(stream, (int32_t) layout_load(stream->bytes + layout->tid_offset, 4));
        return 0;
}

static int read_values(struct stream *stream) {
        const struct layout *layout = stream->event->layout;
        int r;

        r = layout && stream->decoder.position % 8 == 0 ? measure_values(stream, layout) : decode_values(stream);
        /* One without a bit would come again and again. */
        return r >= 0 && stream->slid + stream->decoder.position == stream->event_at ? -ENOMSG : r;
}

/* Errors of the trace end the packet; those of this process end the reading. */
static int give_up(struct stream *stream, int error) {
        if (error == -ENOMEM)
                return error;
        stream_skip(stream, error == -EBADMSG ? "what follows is no event" :
                            error == -ENOMSG  ? "an event has no size" :
                            error == -E2BIG   ? "an event is too large" :
                            error == -ELOOP   ? "reading on would take too long" :
                                                strerror(-error));
        return 0;
}

/* 1 for an event, 0 where there is none here. */
static int next_in_packet(struct stream *stream, bool with_markers) {
        struct decoder *decoder = &stream->decoder;
        bool is_wanted = true;
        uint64_t id;
        int r;

        if (decoder->position >= decoder->end) {
                stream->in_packet = false;
                return 0;
        }
        stream->event_at = stream->slid + decoder->position;
        r = read_header(stream, &id);
        if (r < 0)
                return give_up(stream, r);
        stream->event = stream_class_find_event(stream->class, id);
        if (!stream->event) {
                stream_skip(stream, "there is an event that the metadata does not have");
                return 0;
        }
        if (!with_markers && (stream->event->is_thread || (stream->event->is_state && stream->metadata->hides_state)))
                is_wanted = false;
        else {
                stream->ns = stream->class->clock ? clock_to_ns(stream->class->clock, decoder->time) :
                                                    (int64_t) decoder->time;
                is_wanted = stream->ns >= stream->since && stream->ns < stream->until;
        }
        if (!is_wanted) {
                r = read_values(stream);
                return r < 0 ? give_up(stream, r) : 0;
        }
        return 1;
}

int stream_next(struct stream *stream, bool with_markers) {
        for (;;) {
                int r;

                if (!stream->in_packet) {
                        r = packet_next(stream);
                        if (r <= 0)
                                return r;
                }
                r = next_in_packet(stream, with_markers);
                if (r != 0)
                        return r;
        }
}

int stream_read_event(struct stream *stream) {
        int r = read_values(stream);

        return r < 0 ? give_up(stream, r) : 1;
}
