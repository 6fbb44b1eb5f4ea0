/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/libtracectl-read/bisect.h"
#include "client/libtracectl-read/packet.h"
#include "client/libtracectl-read/seek.h"
#include "common/cleanup.h"
#include "protocol/ctf.h"

struct packet_index {
        int fd;
        uint64_t entry_size, n;
};

static int open_index(const struct stream *stream, struct packet_index *index) {
        const char *slash = strrchr(stream->path, '/'), *name = slash ? slash + 1 : stream->path;
        _cleanup_free_ char *path = NULL;
        _cleanup_close_ int fd = -1;
        struct ctf_index_header header;
        struct stat st;

        if (asprintf(&path, "%.*sindex/%s.idx", (int) (name - stream->path), stream->path, name) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || pread(fd, &header, sizeof(header), 0) != sizeof(header) ||
            be32toh(header.magic) != CTF_INDEX_MAGIC || be32toh(header.major) != CTF_INDEX_MAJOR ||
            be32toh(header.entry_size) < sizeof(struct ctf_index_entry))
                return -EBADMSG;
        index->entry_size = be32toh(header.entry_size);
        index->n = ((uint64_t) st.st_size - sizeof(header)) / index->entry_size;
        index->fd = TAKE_FD(fd);
        return 0;
}

static void index_done(struct packet_index *index) {
        if (index->fd >= 0)
                close(index->fd);
}

static int read_entry(const struct packet_index *index, uint64_t i, struct ctf_index_entry *ret) {
        off_t offset = (off_t) (sizeof(struct ctf_index_header) + i * index->entry_size);

        return pread(index->fd, ret, sizeof(*ret), offset) == sizeof(*ret) ? 0 : -EBADMSG;
}

/* The first packet that does not end before since, or else the last one. */
static int find_packet(const struct stream *stream, const struct packet_index *index, int64_t since, uint64_t *ret) {
        uint64_t low = 0, high = index->n;

        while (low < high) {
                uint64_t middle = low + (high - low) / 2;
                const struct stream_class *class;
                struct ctf_index_entry entry;
                int r;

                r = read_entry(index, middle, &entry);
                if (r < 0)
                        return r;
                class = metadata_find_stream(stream->metadata, be64toh(entry.stream_id));
                if (!class || !class->clock)
                        return -EBADMSG;
                if (clock_to_ns(class->clock, be64toh(entry.timestamp_end)) < since)
                        low = middle + 1;
                else
                        high = middle;
        }
        *ret = low < index->n ? low : index->n - 1;
        return 0;
}

/* Whether there is a packet, by what the file begins with. */
static bool is_packet(const struct stream *stream, uint64_t offset) {
        uint8_t first[PACKET_BEGINNING], there[PACKET_BEGINNING];

        return offset < stream->file_size &&
               pread(stream->window.fd, first, sizeof(first), 0) == sizeof(first) &&
               pread(stream->window.fd, there, sizeof(there), (off_t) offset) == sizeof(there) &&
               memcmp(first, there, sizeof(first)) == 0;
}

/* Makes packet i the next one. False where the index is wrong. */
static bool go_to(struct stream *stream, const struct packet_index *index, uint64_t i) {
        struct ctf_index_entry entry, before = {};

        if (read_entry(index, i, &entry) < 0 || (i > 0 && read_entry(index, i - 1, &before) < 0) ||
            !is_packet(stream, be64toh(entry.offset)))
                return false;
        stream->packet_end = be64toh(entry.offset);
        stream->last_discarded = be64toh(before.events_discarded);
        stream->sequence = be64toh(before.packet_seq_num);
        stream->has_sequence = i > 0;
        return true;
}

static bool seek_by_index(struct stream *stream, int64_t since) {
        _cleanup_(index_done) struct packet_index index = { .fd = -1 };
        uint64_t i;

        if (open_index(stream, &index) < 0 || index.n == 0 || find_packet(stream, &index, since, &i) < 0)
                return false;
        /* Back to where the thread is known that the events after it belong to. */
        for (; i > 0 && go_to(stream, &index, i); i--) {
                bool is_anchor = packet_look(stream) > 0 && packet_is_anchor(stream);

                (void) go_to(stream, &index, i);
                stream->discarded = stream->packets_lost = 0;
                if (is_anchor)
                        return true;
        }
        stream->packet_end = 0;
        stream->last_discarded = 0;
        stream->has_sequence = false;
        return i == 0;
}

void stream_seek(struct stream *stream, int64_t since) {
        if (!seek_by_index(stream, since))
                stream_bisect(stream);
}
