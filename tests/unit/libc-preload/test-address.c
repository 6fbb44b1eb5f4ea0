/* SPDX-License-Identifier: LGPL-2.1-or-later */

#undef NDEBUG

#include <arpa/inet.h>
#include <glib.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "tracer/libc-preload/address.h"

#define GUARD 16

/* Formats into the middle of a larger place, around which nothing may change. */
static const char *format(const void *address, size_t length) {
        static char place[GUARD + ADDRESS_TEXT_MAX + GUARD];

        memset(place, 0x55, sizeof(place));
        address_format(address, length, place + GUARD);
        for (unsigned i = 0; i < GUARD; i++) {
                g_assert_cmpint(place[i], ==, 0x55);
                g_assert_cmpint(place[GUARD + ADDRESS_TEXT_MAX + i], ==, 0x55);
        }
        return place + GUARD;
}

static void assert_inet(const char *host, uint16_t port) {
        struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
        g_autofree char *expected = g_strdup_printf("%s:%u", host, port);

        g_assert_cmpint(inet_pton(AF_INET, host, &a.sin_addr), ==, 1);
        g_assert_cmpstr(format(&a, sizeof(a)), ==, expected);
}

static void test_inet(void) {
        assert_inet("127.0.0.1", 80);
        assert_inet("0.0.0.0", 0);
        assert_inet("255.255.255.255", 65535);
}

static void test_inet_short(void) {
        struct sockaddr_in a = { .sin_family = AF_INET };

        g_assert_cmpstr(format(&a, sizeof(a) - 1), ==, "family:2");
}

static void assert_inet6_as_libc(const struct in6_addr *host) {
        struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(443), .sin6_addr = *host };
        char text[INET6_ADDRSTRLEN];
        g_autofree char *expected = g_strdup_printf("[%s]:443", inet_ntop(AF_INET6, host, text, sizeof(text)));

        g_assert_cmpstr(format(&a, sizeof(a)), ==, expected);
}

/* Every pattern of zero and other words. The C library writes ::1234:5678 as IPv4, which is long out of use. */
static void test_inet6_patterns(void) {
        for (unsigned pattern = 0; pattern < 256; pattern++) {
                struct in6_addr host = { 0 };

                if ((pattern & 0x3f) == 0 && pattern != 0)
                        continue;
                for (unsigned word = 0; word < 8; word++)
                        if (pattern & (1U << word)) {
                                host.s6_addr[2 * word] = (uint8_t) (word * 7);
                                host.s6_addr[2 * word + 1] = (uint8_t) (0x0f + word);
                        }
                assert_inet6_as_libc(&host);
        }
}

static void test_inet6(void) {
        static const char *const hosts[] = { "::", "::1", "fe80::1", "2001:db8::8:800:200c:417a", "::ffff:192.0.2.1" };

        for (size_t i = 0; i < G_N_ELEMENTS(hosts); i++) {
                struct in6_addr host;

                g_assert_cmpint(inet_pton(AF_INET6, hosts[i], &host), ==, 1);
                assert_inet6_as_libc(&host);
        }
}

static void test_unix(void) {
        struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "/run/x\n y" };
        size_t offset = offsetof(struct sockaddr_un, sun_path);

        g_assert_cmpstr(format(&a, sizeof(a)), ==, "unix:/run/x??y");
        g_assert_cmpstr(format(&a, offset + 4), ==, "unix:/run");
        g_assert_cmpstr(format(&a, offset), ==, "unix:");
        memcpy(a.sun_path, "\0abstract\0z", 11);
        g_assert_cmpstr(format(&a, offset + 11), ==, "unix:@abstract?z");
}

static void test_unix_longest(void) {
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        g_autofree char *path = g_strnfill(sizeof(a.sun_path), 'x');
        g_autofree char *expected = g_strconcat("unix:", path, NULL);

        memcpy(a.sun_path, path, sizeof(a.sun_path)); /* without NUL */
        g_assert_cmpstr(format(&a, sizeof(a)), ==, expected);
}

static void test_others(void) {
        struct sockaddr_storage a = { .ss_family = AF_NETLINK };

        g_assert_cmpstr(format(&a, sizeof(a)), ==, "family:16");
        a.ss_family = UINT16_MAX;
        g_assert_cmpstr(format(&a, SIZE_MAX), ==, "family:65535");
        g_assert_cmpstr(format(&a, 1), ==, "(none)");
        g_assert_cmpstr(format(&a, 0), ==, "(none)");
        g_assert_cmpstr(format(NULL, sizeof(a)), ==, "(none)");
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/address/inet", test_inet);
        g_test_add_func("/address/inet-short", test_inet_short);
        g_test_add_func("/address/inet6", test_inet6);
        g_test_add_func("/address/inet6-patterns", test_inet6_patterns);
        g_test_add_func("/address/unix", test_unix);
        g_test_add_func("/address/unix-longest", test_unix_longest);
        g_test_add_func("/address/others", test_others);
        return g_test_run();
}
