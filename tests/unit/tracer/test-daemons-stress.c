/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Two daemons that change their views as fast as they are acknowledged (events
 * on and off, two ring sets, contexts), hang up, and stop wanting, while four
 * threads of a program trace and a fifth makes children that trace too. Every
 * record must be whole and its thread's own; nobody may crash or hang. Seeded;
 * longer with TRACECTL_TORTURE=1.
 */

#undef NDEBUG

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/context.h"
#include "tests/unit/tracer/fake-daemon.h"
#include "tests/unit/tracer/program.h"
#include "tracer/sys.h"
#include "tracer/wait.h"

#define THREADS 4
#define CONNECTIONS_MAX 32
#define CLASSES_PER_SET 4 /* a class number tells the contexts, too */
#define CLASSES (CLASSES_PER_SET * (CONTEXTS_ALL + 1))

/* One daemon, with two ring sets in turns. */
struct server {
        struct fake_daemon base;
        struct fixture rings[2];
        struct reader readers[2];
        struct fake_daemon connections[CONNECTIONS_MAX];
        bool waiting[CONNECTIONS_MAX]; /* for the acknowledgement */
        unsigned n_connections;
        uint64_t views;
        GRand *random;
        GThread *thread;
        int stop;
};

/* A number that tells its thread, and that no torn record has by chance. */
static uint64_t value_of(uint32_t tid, uint32_t counter) {
        return (uint64_t) tid << 32 | ((counter * UINT32_C(2654435761)) & 0xffff0000) | (counter & 0xffff);
}

static void assert_value(uint64_t value, int32_t tid) {
        uint32_t low = (uint32_t) value & 0xffff, high = (uint32_t) value & 0xffff0000;

        g_assert_cmpuint(value >> 32, ==, (uint32_t) tid);
        /* The counter has 16 bits here: see trace(). */
        g_assert_cmphex(high, ==, (low * UINT32_C(2654435761)) & 0xffff0000);
}

static uint32_t contexts_of(uint32_t id) {
        return (id - 1) % CLASSES / CLASSES_PER_SET;
}

static bool is_string(uint32_t id) {
        return (id - 1) % CLASSES_PER_SET == 1;
}

/* These daemons say nothing about a control group: it is the empty string. */
static uint32_t size_of_contexts(uint32_t contexts) {
        return contexts_fixed_size(contexts) + (contexts & CONTEXT_CGROUP ? 1 : 0);
}

static uint64_t payload_size(uint32_t id, const char *payload, uint64_t room) {
        return size_of_contexts(contexts_of(id)) + 8 + (is_string(id) ? sizeof(PROGRAM_STRING) : 0);
}

static void check(uint32_t cpu, int32_t pid, int32_t tid, uint64_t time, uint32_t id, const char *payload,
                  uint64_t size, void *userdata) {
        const struct server *s = userdata;
        uint32_t contexts = contexts_of(id);
        uint64_t value;
        int32_t number;

        g_assert_cmpuint(id, >=, s->base.first_class);
        g_assert_cmpuint(id, <, s->base.first_class + CLASSES);
        if (contexts & CONTEXT_VPID) {
                memcpy(&number, payload, sizeof(number));
                g_assert_cmpint(number, ==, pid);
        }
        if (contexts & CONTEXT_VTID) {
                memcpy(&number, payload + contexts_fixed_size(contexts & CONTEXT_VPID), sizeof(number));
                g_assert_cmpint(number, ==, tid);
        }
        payload += size_of_contexts(contexts);
        memcpy(&value, payload, sizeof(value));
        assert_value(value, tid);
        if (is_string(id))
                g_assert_cmpint(memcmp(payload + 8, PROGRAM_STRING, sizeof(PROGRAM_STRING)), ==, 0);
}

/* The next view, for one connection. */
static void send_view(struct server *s, unsigned i, uint32_t reply) {
        struct fake_daemon *c = &s->connections[i];
        unsigned ring = (unsigned) g_rand_int_range(s->random, 0, 2);

        c->rings = s->rings[ring];
        c->ring_id = s->base.first_class + ring;
        c->contexts = g_rand_boolean(s->random) ? (uint32_t) g_rand_int_range(s->random, 0, CONTEXTS_ALL + 1) : 0;
        c->first_class = s->base.first_class + c->contexts * CLASSES_PER_SET;
        c->n_events = s->base.n_events;
        (void) fake_send_view(c, reply, g_rand_int_range(s->random, 0, 4) != 0);
        s->waiting[i] = true;
        s->views++;
}

static void drop(struct server *s, unsigned i) {
        fake_hang_up(&s->connections[i]);
        s->n_connections--;
        s->connections[i] = s->connections[s->n_connections];
        s->waiting[i] = s->waiting[s->n_connections];
}

static void take_connection(struct server *s) {
        struct fake_daemon *c = &s->connections[s->n_connections];
        struct handshake h;

        *c = s->base;
        c->connection = accept4(s->base.listener, NULL, NULL, SOCK_CLOEXEC);
        g_assert_cmpint(c->connection, >=, 0);
        /* Whoever has ended, or forked for another, since. */
        if (!fake_receive(c, &h)) {
                fake_hang_up(c);
                return;
        }
        g_assert_true(h.keys & HANDSHAKE_REGISTER);
        g_assert_cmphex(h.events, ==, s->base.definitions);
        send_view(s, s->n_connections++, HANDSHAKE_READY);
}

static void take_message(struct server *s, unsigned i) {
        struct handshake h;

        if (!fake_receive(&s->connections[i], &h)) {
                drop(s, i);
                return;
        }
        g_assert_cmphex(h.keys, ==, HANDSHAKE_APPLIED);
        s->waiting[i] = false;
}

static void change(struct server *s) {
        int dice = g_rand_int_range(s->random, 0, 400);

        if (dice == 0) { /* stop wanting */
                fake_want(&s->base, false);
                while (s->n_connections > 0)
                        drop(s, 0);
                fake_want(&s->base, true);
        }
        if (dice == 1 && s->n_connections > 0) /* as if it had crashed */
                drop(s, 0);
        for (unsigned i = 0; i < s->n_connections; i++)
                if (!s->waiting[i])
                        send_view(s, i, HANDSHAKE_CONFIG);
}

static gpointer serve(gpointer userdata) {
        struct server *s = userdata;

        while (!__atomic_load_n(&s->stop, __ATOMIC_ACQUIRE)) {
                struct pollfd fds[CONNECTIONS_MAX + 1] = { { .fd = s->base.listener, .events = POLLIN } };
                unsigned n = s->n_connections;

                for (unsigned i = 0; i < n; i++)
                        fds[i + 1] = (struct pollfd) { .fd = s->connections[i].connection, .events = POLLIN };
                (void) poll(fds, n + 1, 1);
                for (unsigned i = n; i-- > 0;)
                        if (fds[i + 1].revents)
                                take_message(s, i);
                if (fds[0].revents && s->n_connections < CONNECTIONS_MAX)
                        take_connection(s);
                change(s);
                reader_consume(&s->readers[0]);
                reader_consume(&s->readers[1]);
        }
        return NULL;
}

static void server_init(struct server *s, const char *directory, uint32_t first_class) {
        *s = (struct server) { .random = g_rand_new_with_seed((guint32) g_test_rand_int()) };
        fake_init(&s->base, directory, 0, first_class);
        for (unsigned i = 0; i < 2; i++) {
                fixture_init(&s->rings[i], 0, 0, 4, 16384);
                reader_init(&s->readers[i], &s->rings[i], check, s);
                s->readers[i].payload_size = payload_size;
        }
}

static void server_done(struct server *s) {
        __atomic_store_n(&s->stop, 1, __ATOMIC_RELEASE);
        g_thread_join(s->thread);
        while (s->n_connections > 0)
                drop(s, 0);
        for (unsigned i = 0; i < 2; i++) {
                reader_consume(&s->readers[i]);
                g_assert_cmpuint(s->readers[i].events, >, 0);
                fixture_done(&s->rings[i]);
        }
        g_test_message("%" G_GUINT64_FORMAT " views, %" G_GUINT64_FORMAT " events", s->views,
                       s->readers[0].events + s->readers[1].events);
        g_rand_free(s->random);
        fake_done(&s->base);
}

static int stop_tracing;

static void trace(uint32_t tid, uint32_t n) {
        for (uint32_t i = 0; i < n; i++)
                program_trace(value_of(tid, i & 0xffff));
}

static gpointer trace_thread(gpointer unused) {
        uint32_t tid = (uint32_t) sys_gettid();

        while (!__atomic_load_n(&stop_tracing, __ATOMIC_ACQUIRE)) {
                trace(tid, 500);
                sched_yield();
        }
        return NULL;
}

static void run_program(unsigned forks) {
        GThread *threads[THREADS];

        program_register();
        for (unsigned i = 0; i < THREADS; i++)
                threads[i] = g_thread_new("trace", trace_thread, NULL);
        for (unsigned i = 0; i < forks; i++) {
                int status;
                pid_t pid = fork();

                g_assert_cmpint(pid, >=, 0);
                if (pid == 0) {
                        trace((uint32_t) sys_gettid(), 200);
                        _exit(0);
                }
                g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
                g_assert_cmpint(status, ==, 0);
        }
        __atomic_store_n(&stop_tracing, 1, __ATOMIC_RELEASE);
        for (unsigned i = 0; i < THREADS; i++)
                g_thread_join(threads[i]);
}

/* A first process tells the definitions to both. */
static void tell_definitions(struct fake_daemon *a, struct fake_daemon *b) {
        int status;
        pid_t pid = fork();

        if (pid == 0) {
                program_register();
                _exit(0);
        }
        fake_accept(a);
        fake_accept(b);
        fake_hang_up(a);
        fake_hang_up(b);
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_cmpint(status, ==, 0);
}

static void test_stress(void) {
        g_autofree char *directory = g_dir_make_tmp("tracectl-stress-XXXXXX", NULL);
        g_autofree char *system_directory = g_build_filename(directory, "system", NULL);
        g_autofree char *user_directory = g_build_filename(directory, TRACECTL_RUN, NULL);
        static struct server servers[2];
        int status;
        pid_t pid;

        server_init(&servers[0], system_directory, 1);
        server_init(&servers[1], user_directory, 1 + CLASSES);
        wait_config.system_run = system_directory;
        wait_config.system_owner = getuid();
        wait_config.restart_msec = 10;
        g_setenv("XDG_RUNTIME_DIR", directory, TRUE);
        g_unsetenv("TRACECTL_SOCKET");
        fake_want(&servers[0].base, true);
        fake_want(&servers[1].base, true);
        tell_definitions(&servers[0].base, &servers[1].base);
        pid = fork();
        if (pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                run_program(g_getenv("TRACECTL_TORTURE") ? 10000 : 150);
                _exit(0);
        }
        for (unsigned i = 0; i < 2; i++)
                servers[i].thread = g_thread_new("server", serve, &servers[i]);
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_cmpint(status, ==, 0);
        server_done(&servers[0]);
        server_done(&servers[1]);
        rmdir(directory);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        if (ring_rseq_of_thread())
                g_test_add_func("/daemons/stress", test_stress);
        return g_test_run();
}
