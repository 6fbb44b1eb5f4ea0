/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "tracer/libc-preload/address.h"

/* Appends at p and returns the end. The longest text of all has its place in ADDRESS_TEXT_MAX. */
static char *put_text(char *p, const char *text) {
        size_t n = strlen(text);

        memcpy(p, text, n);
        return p + n;
}

static char *put_number(char *p, unsigned value, unsigned base) {
        char digits[10];
        unsigned n = 0;

        do
                digits[n++] = "0123456789abcdef"[value % base];
        while ((value /= base) > 0);
        while (n > 0)
                *p++ = digits[--n];
        return p;
}

static char *put_inet(char *p, const uint8_t *bytes) {
        for (unsigned i = 0; i < 4; i++) {
                if (i > 0)
                        *p++ = '.';
                p = put_number(p, bytes[i], 10);
        }
        return p;
}

static unsigned word_at(const uint8_t *bytes, unsigned i) {
        return (unsigned) bytes[2 * i] << 8 | bytes[2 * i + 1];
}

/* The first longest run of at least two zero words, which "::" stands for. */
static void find_zeroes(const uint8_t *bytes, unsigned *ret_start, unsigned *ret_end) {
        unsigned start = 8, end = 8;

        for (unsigned i = 0; i < 8;) {
                unsigned first = i;

                while (i < 8 && word_at(bytes, i) == 0)
                        i++;
                if (i - first >= 2 && i - first > end - start) {
                        start = first;
                        end = i;
                }
                if (i == first)
                        i++;
        }
        *ret_start = start;
        *ret_end = end;
}

/* As RFC 5952 has it. */
static char *put_inet6(char *p, const uint8_t *bytes) {
        static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
        unsigned start, end;

        if (memcmp(bytes, mapped, sizeof(mapped)) == 0)
                return put_inet(put_text(p, "::ffff:"), bytes + 12);
        find_zeroes(bytes, &start, &end);
        for (unsigned i = 0; i < 8; i++) {
                if (i == start) {
                        p = put_text(p, "::");
                        i = end;
                        if (i == 8)
                                break;
                } else if (i > 0)
                        *p++ = ':';
                p = put_number(p, word_at(bytes, i), 16);
        }
        return p;
}

static char *put_unix(char *p, const char *path, size_t length) {
        p = put_text(p, "unix:");
        if (length > 0 && path[0] == '\0') {
                *p++ = '@';
                path++;
                length--;
        } else
                length = strnlen(path, length);
        for (size_t i = 0; i < length; i++)
                *p++ = path[i] > ' ' && path[i] <= '~' ? path[i] : '?';
        return p;
}

void address_format(const void *address, size_t length, char text[static ADDRESS_TEXT_MAX]) {
        struct sockaddr_storage a = { 0 };
        const struct sockaddr_in *inet = (const struct sockaddr_in *) &a;
        const struct sockaddr_in6 *inet6 = (const struct sockaddr_in6 *) &a;
        const size_t path_offset = offsetof(struct sockaddr_un, sun_path);
        char *p = text;

        if (length > sizeof(struct sockaddr_un)) /* the longest that is shown in full */
                length = sizeof(struct sockaddr_un);
        if (address && length >= sizeof(a.ss_family)) {
                memcpy(&a, address, length);
                if (a.ss_family == AF_INET && length >= sizeof(*inet)) {
                        p = put_inet(p, (const uint8_t *) &inet->sin_addr);
                        *p++ = ':';
                        p = put_number(p, ntohs(inet->sin_port), 10);
                } else if (a.ss_family == AF_INET6 && length >= offsetof(struct sockaddr_in6, sin6_scope_id)) {
                        *p++ = '[';
                        p = put_inet6(p, (const uint8_t *) &inet6->sin6_addr);
                        p = put_text(p, "]:");
                        p = put_number(p, ntohs(inet6->sin6_port), 10);
                } else if (a.ss_family == AF_UNIX)
                        p = put_unix(p, (const char *) &a + path_offset, length - path_offset);
                else
                        p = put_number(put_text(p, "family:"), a.ss_family, 10);
        } else
                p = put_text(p, "(none)");
        *p = '\0';
}
