/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/libtracectl-read/metadata-file.h"
#include "common/cleanup.h"

#define METADATA_SIZE_MAX (64 << 20)
#define PACKET_MAGIC UINT32_C(0x75d11d57)

/* CTF 1.8, 7.1: the header of a metadata packet, in the trace's byte order. */
struct packet {
        uint32_t magic;
        uint8_t uuid[16];
        uint32_t checksum;
        uint32_t content_size; /* bits, with this header */
        uint32_t packet_size;
        uint8_t compression, encryption, checksum_scheme;
        uint8_t major, minor;
} __attribute__((packed));

static int read_file(int directory_fd, const char *path, struct problem *problem, char **ret, size_t *ret_size) {
        _cleanup_close_ int fd = -1;
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        struct stat st;

        /* Whoever made the trace could put a FIFO there, which would block. */
        fd = openat(directory_fd, "metadata", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0 || fstat(fd, &st) < 0)
                return problem_set(problem, -errno, "Failed to open %s: %s", path, strerror(errno));
        if (!S_ISREG(st.st_mode) || st.st_size > METADATA_SIZE_MAX)
                return problem_set(problem, -EBADMSG, "%s is no file, or has more than %d MiB, so it is not read", path,
                                   METADATA_SIZE_MAX >> 20);
        text = malloc((size_t) st.st_size + 1);
        if (!text)
                return problem_set(problem, -ENOMEM, "There is not enough memory to read %s", path);
        while (size < (size_t) st.st_size) {
                ssize_t n = read(fd, text + size, (size_t) st.st_size - size);

                if (n < 0)
                        return problem_set(problem, -errno, "Failed to read %s: %s", path, strerror(errno));
                if (n == 0)
                        break;
                size += (size_t) n;
        }
        *ret = TAKE_PTR(text);
        *ret_size = size;
        return 0;
}

static uint32_t number(uint32_t value, bool is_foreign) {
        return is_foreign ? __builtin_bswap32(value) : value;
}

/* Moves the packets' contents together, over their headers. What is not whole at the end is left out. */
static int unpack(char *text, size_t size, const char *path, struct problem *problem, size_t *ret_size) {
        size_t in = 0, out = 0;
        struct packet packet;

        while (size - in >= sizeof(packet)) {
                size_t content, whole;
                bool is_foreign;

                memcpy(&packet, text + in, sizeof(packet));
                is_foreign = packet.magic == __builtin_bswap32(PACKET_MAGIC);
                content = number(packet.content_size, is_foreign) / 8;
                whole = number(packet.packet_size, is_foreign) / 8;
                if ((packet.magic != PACKET_MAGIC && !is_foreign) || content < sizeof(packet) || whole < content)
                        return problem_set(problem, -EBADMSG, "%s is broken at byte %zu", path, in);
                if (packet.compression != 0 || packet.encryption != 0)
                        return problem_set(problem, -EBADMSG,
                                           "%s is compressed or encrypted; tracectl cannot read that", path);
                if (whole > size - in)
                        break;
                memmove(text + out, text + in + sizeof(packet), content - sizeof(packet));
                out += content - sizeof(packet);
                in += whole;
        }
        *ret_size = out;
        return 0;
}

int metadata_file_read(int directory_fd, const char *path, struct problem *problem, char **ret, size_t *ret_size) {
        _cleanup_free_ char *text = NULL;
        uint32_t magic;
        size_t size = 0;
        int r;

        r = read_file(directory_fd, path, problem, &text, &size);
        if (r < 0)
                return r;
        if (size >= sizeof(magic)) {
                memcpy(&magic, text, sizeof(magic));
                if (magic == PACKET_MAGIC || magic == __builtin_bswap32(PACKET_MAGIC)) {
                        r = unpack(text, size, path, problem, &size);
                        if (r < 0)
                                return r;
                }
        }
        if (size > 0 && text[0] == '\x1e')
                return problem_set(problem, -EPROTONOSUPPORT,
                                   "%s is of CTF 2; tracectl reads CTF 1.8 (babeltrace2 2.1 or later reads both)",
                                   path);
        *ret = TAKE_PTR(text);
        *ret_size = size;
        return 0;
}
