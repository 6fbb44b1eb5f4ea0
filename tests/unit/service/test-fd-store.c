/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The store of descriptors is full: who is refused, that nothing is sent then, and that the state always has a place. */

#undef NDEBUG

#include <glib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/datagram.h"
#include "common/fd.h"
#include "service/state/fd-store.h"
#include "service/state/ledger.h"

/* In place of the service manager; an abstract address that nobody else has. */
static int manager;

static void listen_as_manager(void) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        socklen_t size = sizeof(address);
        g_autofree char *text = NULL;

        manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        g_assert_cmpint(manager, >=, 0);
        g_assert_no_errno(bind(manager, (struct sockaddr *) &address, sizeof(sa_family_t)));
        g_assert_no_errno(getsockname(manager, (struct sockaddr *) &address, &size));
        text = g_strdup_printf("@%.*s", (int) (size - sizeof(sa_family_t) - 1), address.sun_path + 1);
        g_setenv("NOTIFY_SOCKET", text, TRUE);
}

/* It was told nothing else, and has the descriptor if fd is one. */
static void assert_told(const char *text, int fd) {
        int fds[DATAGRAM_FDS_MAX], n;
        char buffer[256] = "";
        size_t n_fds = 0;

        n = datagram_recv(manager, buffer, sizeof(buffer) - 1, fds, &n_fds, MSG_DONTWAIT);
        g_assert_cmpint(n, >, 0);
        g_assert_cmpstr(buffer, ==, text);
        g_assert_cmpuint(n_fds, ==, fd >= 0 ? 1 : 0);
        if (fd >= 0)
                g_assert_true(fd_same_file(fds[0], fd));
        datagram_close_fds(fds, n_fds);
}

static void assert_told_nothing(void) {
        char byte;

        g_assert_cmpint(recv(manager, &byte, 1, MSG_DONTWAIT), ==, -1);
}

/* Adds one, which must be the number n. */
static void add(struct fd_store *s, int fd, enum fd_store_use use, unsigned n) {
        g_autofree char *text = g_strdup_printf("FDSTORE=1\nFDNAME=%u", n);

        g_assert_cmpuint(fd_store_add(s, fd, use), ==, n);
        assert_told(text, fd);
}

static void assert_full(struct fd_store *s, int fd, enum fd_store_use use) {
        g_assert_cmpuint(fd_store_add(s, fd, use), ==, 0);
        assert_told_nothing();
}

/* As many as there may be of a use; the number of the last. */
static unsigned fill(struct fd_store *s, int fd, enum fd_store_use use, unsigned from, unsigned to) {
        for (unsigned i = from + 1; i <= to; i++)
                add(s, fd, use, i);
        assert_full(s, fd, use);
        return to;
}

/* Whatever rings there are, sessions have room left, and the state has when sessions have none. */
static void test_full(void) {
        int fd = memfd_create("any", MFD_CLOEXEC);
        struct fd_store *s;
        uint64_t first = 1;
        unsigned n;

        g_assert_cmpint(fd_store_new(NULL, 0, &s), ==, 0);
        n = fill(s, fd, FD_STORE_RINGS, 0, 384);
        n = fill(s, fd, FD_STORE_SESSION, n, 504);
        assert_full(s, fd, FD_STORE_RINGS);
        n = fill(s, fd, FD_STORE_STATE, n, FD_STORE_MAX);
        /* Where one has gone there is room for the next, under a number that none had. */
        fd_store_remove(s, &first);
        g_assert_cmpuint(first, ==, 0);
        assert_told("FDSTOREREMOVE=1\nFDNAME=1", -1);
        assert_full(s, fd, FD_STORE_SESSION);
        add(s, fd, FD_STORE_STATE, n + 1);
        assert_full(s, fd, FD_STORE_STATE);
        fd_store_free(s);
        close(fd);
}

/* At a restart the new state is there before the old one goes: also if all else that there may be is there. */
static void test_state(void) {
        int fd = memfd_create("any", MFD_CLOEXEC);
        struct ledger *l = NULL;
        struct fd_store *s;

        g_assert_cmpint(fd_store_new(NULL, 0, &s), ==, 0);
        for (unsigned i = 1; fd_store_add(s, fd, FD_STORE_RINGS); i++)
                g_assert_cmpint(recv(manager, &(char) { 0 }, 1, 0), >, 0);
        g_assert_cmpint(ledger_new(s, 1, &l), ==, 0);
        g_assert_false(ledger_is_stored(l));
        g_assert_cmpint(ledger_complete(l), ==, 0);
        g_assert_true(ledger_is_stored(l));
        ledger_free(l);
        fd_store_free(s);
        close(fd);
}

/* Beyond what the units say, systemd would drop descriptors in silence. */
static void test_units(const void *data) {
        const char *const *units = data;

        for (; *units; units++) {
                g_autofree char *text = NULL, *line = g_strdup_printf("\nFileDescriptorStoreMax=%u\n", FD_STORE_MAX);

                g_assert_true(g_file_get_contents(*units, &text, NULL, NULL));
                g_assert_nonnull(strstr(text, line));
        }
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_assert_cmpint(argc, ==, 3);
        listen_as_manager();
        g_test_add_func("/fd-store/full", test_full);
        g_test_add_func("/fd-store/state", test_state);
        g_test_add_data_func("/fd-store/units", argv + 1, test_units);
        return g_test_run();
}
