/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Connections to the registry alone: whose they are, how they end, what they cost, how many there can be. */

#include "bare-registry.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "service/registry/internal.h"
#include "service/registry/peer.h"
#include "service/registry/table.h"

#define CONNECTIONS_MIN 64 /* as the registry has it */

static const struct registry_config sweep_often = { .sweep_usec = 10000 };

static const char *const shop[] = { "shop:order_paid", NULL };

static unsigned count_fds(void) {
        DIR *d = opendir("/proc/self/fd");
        unsigned n = 0;

        g_assert_nonnull(d);
        while (readdir(d))
                n++;
        closedir(d);
        return n;
}

/* The child connects and registers, has a child of its own that keeps the socket, and ends. *ret_hold ends that. */
static void register_and_leave(struct bare_registry *w, int *ret_hold) {
        int hold[2], status;
        pid_t pid;

        g_assert_no_errno(pipe(hold));
        g_assert_no_errno(pid = fork());
        if (pid == 0) {
                char byte;

                (void) fake_application_register(&w->f, shop, 0);
                if (fork() != 0)
                        _exit(0);
                close(hold[1]);
                _exit(read(hold[0], &byte, 1) == 0 ? 0 : 1);
        }
        g_assert_no_errno(waitpid(pid, &status, 0));
        g_assert_cmpint(status, ==, 0);
        close(hold[0]);
        *ret_hold = hold[1];
}

/* Nobody asks; the sweep comes by. */
static void test_sweep(void) {
        struct fake_application *a;
        struct bare_registry w;
        int hold;

        bare_registry_init(&w, &sweep_often);
        a = fake_application_register(&w.f, shop, 0);
        register_and_leave(&w, &hold);
        bare_registry_wait(&w, &w.added, 2);
        bare_registry_wait(&w, &w.removed, 1);
        g_assert_cmpuint(registry_count(w.registry, getuid()), ==, 1);
        close(hold);
        fake_application_free(a);
        bare_registry_wait(&w, &w.removed, 2);
        bare_registry_done(&w);
}

static struct {
        GMutex lock;
        GCond added;
        GHashTable *tables; /* those that were made as small as they begin */
} shrunk;

/* liburcu's, in front of which it stands. */
void cds_lfht_resize(struct cds_lfht *table, unsigned long size) {
        void (*resize)(struct cds_lfht *table, unsigned long size) = dlsym(RTLD_NEXT, "cds_lfht_resize");

        resize(table, size);
        g_mutex_lock(&shrunk.lock);
        if (shrunk.tables && size == TABLE_BUCKETS_MIN)
                g_hash_table_add(shrunk.tables, table);
        g_cond_signal(&shrunk.added);
        g_mutex_unlock(&shrunk.lock);
}

static void wait_until_shrunk(struct cds_lfht *table) {
        gint64 until = g_get_monotonic_time() + WAIT_SECONDS * G_USEC_PER_SEC;

        g_mutex_lock(&shrunk.lock);
        while (!g_hash_table_contains(shrunk.tables, table))
                g_assert_true(g_cond_wait_until(&shrunk.added, &shrunk.lock, until));
        g_mutex_unlock(&shrunk.lock);
}

/* The last stroke makes every table small that the others made large. */
static void test_sweep_shrinks(void) {
        struct fake_application *a;
        struct bare_registry w;

        bare_registry_init(&w, &sweep_often);
        shrunk.tables = g_hash_table_new(NULL, NULL);
        a = fake_application_register(&w.f, shop, 0);
        bare_registry_wait(&w, &w.added, 1);
        fake_application_free(a);
        bare_registry_wait(&w, &w.removed, 1);
        wait_until_shrunk(w.registry->by_id);
        wait_until_shrunk(w.registry->by_pid);
        wait_until_shrunk(w.registry->resumed);
        wait_until_shrunk(registry_account(w.registry, getuid())->applications);
        bare_registry_done(&w);
        g_clear_pointer(&shrunk.tables, g_hash_table_unref);
}

/* Who has come is served once it has acknowledged its view, or is gone; each counts once. */
static void test_served(void) {
        struct fake_application *a, *b;
        struct bare_registry w;

        bare_registry_init(&w, NULL);
        a = fake_application_register_only(&w.f, shop, 0);
        b = fake_application_register_only(&w.f, shop, 0);
        bare_registry_wait(&w, &w.added, 2);
        g_assert_cmpuint(registry_count_served(w.registry), ==, 0);
        fake_application_send(a, &(struct handshake) { .keys = HANDSHAKE_APPLIED, .applied = a->generation }, NULL, 0);
        while (registry_count_served(w.registry) == 0)
                bare_registry_next(&w);
        fake_application_free(b);
        bare_registry_wait(&w, &w.removed, 1);
        g_assert_cmpuint(registry_count_served(w.registry), ==, 2);
        fake_application_free(a);
        bare_registry_wait(&w, &w.removed, 2);
        g_assert_cmpuint(registry_count_served(w.registry), ==, 2);
        bare_registry_done(&w);
}

/* A connection that never registers has no right to stay, either: its place becomes free. */
static void test_sweep_silent(void) {
        struct fake_application *a[CONNECTIONS_MIN - 1], *last = NULL;
        struct rlimit limit, low;
        struct bare_registry w;
        pid_t pid;
        int hold[2];

        g_assert_no_errno(getrlimit(RLIMIT_NOFILE, &limit));
        low = limit;
        low.rlim_cur = 1024;
        g_assert_no_errno(setrlimit(RLIMIT_NOFILE, &low));
        bare_registry_init(&w, &sweep_often);
        for (int i = 0; i < CONNECTIONS_MIN - 1; i++)
                a[i] = fake_application_register(&w.f, shop, 0);
        g_assert_no_errno(pipe(hold));
        g_assert_no_errno(pid = fork());
        if (pid == 0) {
                char byte;

                (void) fake_application_connect(&w.f);
                if (fork() != 0)
                        _exit(0);
                close(hold[1]);
                _exit(read(hold[0], &byte, 1) == 0 ? 0 : 1);
        }
        g_assert_no_errno(waitpid(pid, NULL, 0));
        while (registry_count(w.registry, getuid()) < CONNECTIONS_MIN) {
                struct handshake h = { .keys = HANDSHAKE_REGISTER | HANDSHAKE_ABI | HANDSHAKE_NAME | HANDSHAKE_EVENTS,
                                       .abi_major = 1, .events = a[0]->hash };
                char buffer[HANDSHAKE_SIZE_MAX];
                size_t size = handshake_format(&h, buffer, sizeof(buffer));

                if (last)
                        fake_application_free(last);
                last = fake_application_connect(&w.f);
                (void) send(last->fd, buffer, size, MSG_NOSIGNAL);
                (void) recv(last->fd, buffer, sizeof(buffer), 0);
        }
        close(hold[0]);
        close(hold[1]);
        fake_application_free(last);
        for (int i = 0; i < CONNECTIONS_MIN - 1; i++)
                fake_application_free(a[i]);
        bare_registry_done(&w);
        g_assert_no_errno(setrlimit(RLIMIT_NOFILE, &limit));
}

static void test_refused(void) {
        struct fake_application *a[CONNECTIONS_MIN], *more;
        struct rlimit limit, low;
        struct bare_registry w;

        g_assert_no_errno(getrlimit(RLIMIT_NOFILE, &limit));
        low = limit;
        low.rlim_cur = 1024;
        g_assert_no_errno(setrlimit(RLIMIT_NOFILE, &low));
        bare_registry_init(&w, NULL);
        for (int i = 0; i < CONNECTIONS_MIN; i++)
                a[i] = fake_application_register(&w.f, shop, 0);
        g_assert_cmpuint(registry_count_refused(w.registry, getuid()), ==, 0);
        for (unsigned i = 1; i <= 2; i++) {
                more = fake_application_connect(&w.f);
                fake_application_assert_closed(more);
                fake_application_free(more);
                g_assert_cmpuint(registry_count_refused(w.registry, getuid()), ==, i);
        }
        g_assert_cmpuint(registry_count(w.registry, getuid()), ==, CONNECTIONS_MIN);
        /* One goes, and its place is the next one's. */
        fake_application_free(a[0]);
        bare_registry_wait(&w, &w.removed, 1);
        a[0] = fake_application_register(&w.f, shop, 0);
        for (int i = 0; i < CONNECTIONS_MIN; i++)
                fake_application_free(a[i]);
        bare_registry_done(&w);
        g_assert_no_errno(setrlimit(RLIMIT_NOFILE, &limit));
}

/* A connection is a descriptor here and nothing else; afterwards none is left. */
static void test_descriptors(void) {
        enum { N = 100 };
        struct fake_application *a[N];
        unsigned before, with_one;
        struct bare_registry w;

        bare_registry_init(&w, NULL);
        before = count_fds();
        /* The first one brings the definitions and a view, which all share. */
        a[0] = fake_application_register(&w.f, shop, 0);
        with_one = count_fds();
        for (int i = 1; i < N; i++)
                a[i] = fake_application_register(&w.f, shop, 0);
        /* Here are both ends of each, and what the fake keeps: its definitions and its view. */
        g_assert_cmpuint(count_fds() - with_one, ==, (N - 1) * (1 + 3));
        for (int i = 0; i < N; i++)
                fake_application_free(a[i]);
        bare_registry_wait(&w, &w.removed, N);
        rcu_barrier();
        /* The definitions and the view are kept for the next start of the program. */
        g_assert_cmpuint(count_fds(), ==, before + 2);
        bare_registry_done(&w);
}

static void test_identity(void) {
        struct peer self, other;
        uint64_t start, again;
        int pair[2], child[2], pidfd;
        pid_t pid;

        g_assert_no_errno(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
        g_assert_cmpint(peer_read(pair[0], &self), ==, 0);
        g_assert_cmpint(peer_identify(pair[0], &self, &pidfd), ==, 0);
        g_assert_true(peer_is_alive(pidfd, &self));
        close(pidfd);
        g_assert_cmpint(self.pid, ==, getpid());
        g_assert_cmpuint(self.uid, ==, getuid());
        g_assert_cmpuint(self.process, !=, 0);
        g_assert_true(peer_socket_is_alive(pair[0], &self));
        /* A child gets a pair of its own, and leaves an end of it here. */
        g_assert_no_errno(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, child));
        g_assert_no_errno(pid = fork());
        if (pid == 0) {
                int made[2];

                if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, made) < 0 ||
                    datagram_send(child[1], "x", 1, made, 2, 0) < 0)
                        _exit(1);
                (void) read(child[1], made, 1);
                _exit(0);
        }
        int fds[DATAGRAM_FDS_MAX];
        size_t n_fds = 0;
        char byte;

        g_assert_cmpint(datagram_recv(child[0], &byte, 1, fds, &n_fds, 0), ==, 1);
        g_assert_cmpint(peer_read(fds[0], &other), ==, 0);
        g_assert_cmpint(peer_identify(fds[0], &other, &pidfd), ==, 0);
        g_assert_cmpint(other.pid, ==, pid);
        g_assert_cmpuint(other.process, !=, self.process);
        g_assert_true(peer_socket_is_alive(fds[0], &other));
        /* Without pidfds: the time of its start. */
        g_assert_cmpint(process_identity(pid, -1, &start), ==, 0);
        g_assert_cmpint(process_identity(pid, -1, &again), ==, 0);
        g_assert_cmpuint(start, ==, again);
        close(child[0]);
        g_assert_no_errno(kill(pid, SIGKILL));
        siginfo_t info;
        g_assert_no_errno(waitid(P_PID, (id_t) pid, &info, WEXITED | WNOWAIT));
        /* Dead, and not waited for yet; then gone. */
        g_assert_false(peer_is_alive(pidfd, &other));
        close(pidfd);
        g_assert_false(peer_socket_is_alive(fds[0], &other));
        g_assert_cmpint(process_identity(pid, -1, &again), ==, -ESRCH);
        g_assert_no_errno(waitpid(pid, NULL, 0));
        g_assert_false(peer_socket_is_alive(fds[0], &other));
        g_assert_cmpint(process_identity(pid, -1, &again), ==, -ESRCH);
        datagram_close_fds(fds, n_fds);
        close(child[1]);
        close(pair[0]);
        close(pair[1]);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/connections/identity", test_identity);
        g_test_add_func("/connections/descriptors", test_descriptors);
        g_test_add_func("/connections/refused", test_refused);
        g_test_add_func("/connections/sweep", test_sweep);
        g_test_add_func("/connections/sweep-shrinks", test_sweep_shrinks);
        g_test_add_func("/connections/served", test_served);
        g_test_add_func("/connections/sweep-silent", test_sweep_silent);
        return g_test_run();
}
