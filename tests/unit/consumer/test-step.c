/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The consumer is killed at a certain instruction while it does what it was
 * asked: it runs under ptrace, step by step from the answer to the last message
 * of the description to the answer to the request. The successor is asked again,
 * and the result is what it would have been. Some instructions are tried, with
 * TRACECTL_TORTURE=1 nearly all of them.
 */

#undef NDEBUG
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/program.h"
#include "packets.h"
#include "play-tracingd.h"

#define SUBBUF RING_SUBBUF_SIZE_MIN
/* The longest request takes some hundred thousand instructions, the others some ten thousand. */
#define SAMPLES 6
#define SAMPLES_TORTURE 12000

static const struct definition paid = {
        .provider = "shop", .name = "paid", .n_fields = 1, .fields = { { DEFINITION_U64, "id" } },
};
static const uint32_t paid_id = 1;

struct fixture {
        struct play play;
        struct play_ring ring, flight, own;
        uint64_t time, id;
        unsigned n_before; /* messages before the request */
};

static void write_some(struct fixture *f, struct play_ring *ring, unsigned n) {
        for (unsigned i = 0; i < n; i++) {
                f->id++;
                f->time += 100;
                g_assert_true(play_ring_write(ring, 0, f->time, 1000 + (int32_t) (f->id / 7 % 3), paid_id, &f->id,
                                              sizeof(f->id)));
        }
}

static void describe(struct fixture *f) {
        uint64_t before = f->play.serial;

        g_assert_cmpint(play_rings(&f->play, 1, 0, "shared", "default", &f->ring), ==, 0);
        g_assert_cmpint(play_classes(&f->play, 1, 0, &paid, &paid_id, 1), ==, 0);
        g_assert_cmpint(play_rings(&f->play, 1, 1, "shared", "flight", &f->flight), ==, 0);
        g_assert_cmpint(play_classes(&f->play, 1, 1, &paid, &paid_id, 1), ==, 0);
        g_assert_cmpint(play_rings(&f->play, 2, 0, "process-1", "default", &f->own), ==, 0);
        g_assert_cmpint(play_classes(&f->play, 2, 0, &paid, &paid_id, 1), ==, 0);
        f->n_before = (unsigned) (f->play.serial - before);
}

/* Something is in the files and more in the rings, also a closed sub-buffer. */
static void set_up(struct fixture *f) {
        *f = (struct fixture) {};
        play_start(&f->play, NULL);
        play_ring_new(&f->ring, 0, 1, 4, SUBBUF, f->play.created);
        play_ring_new(&f->flight, RING_OVERWRITE, 1, 4, SUBBUF, f->play.created);
        play_ring_new(&f->own, 0, 1, 4, SUBBUF, f->play.created);
        f->time = f->play.created;
        describe(f);
        write_some(f, &f->ring, 10);
        write_some(f, &f->own, 10);
        write_some(f, &f->flight, 10);
        g_assert_cmpint(play_flush(&f->play), ==, 0);
        g_assert_cmpint(play_snapshot(&f->play, ""), ==, 0);
        play_kill(&f->play);
        write_some(f, &f->ring, 10);
        g_assert_true(play_ring_switch(&f->ring, 0, f->time));
        play_ring_discard(&f->ring, 0, 3);
        write_some(f, &f->ring, 10);
        write_some(f, &f->own, 10);
        write_some(f, &f->flight, 10);
}

static void tear_down(struct fixture *f) {
        play_ring_done(&f->ring);
        play_ring_done(&f->flight);
        play_ring_done(&f->own);
        play_done(&f->play);
}

/* Stopped at its first instruction. */
static pid_t start_traced(int socket) {
        char *argv[] = { (char *) "tracectl-consumer", NULL }, *path;
        int status;
        pid_t pid;

        g_assert_cmpint(program_find("consumer", "tracectl-consumer", &path), ==, 0);
        pid = fork();
        g_assert_cmpint(pid, >=, 0);
        if (pid == 0) {
                dup2(socket, 3);
                close_range(4, ~0U, 0);
                if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) >= 0)
                        execv(path, argv);
                _exit(1);
        }
        free(path);
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        if (!WIFSTOPPED(status))
                return -1;
        g_assert_cmpint(ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD), ==, 0);
        return pid;
}

/* Lets it go on to the next stop: whether that is at a system call. */
static bool go_on(pid_t pid, int request) {
        int status, signal;

        g_assert_cmpint(ptrace(request, pid, NULL, NULL), ==, 0);
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_true(WIFSTOPPED(status));
        signal = WSTOPSIG(status);
        g_assert_true(signal == SIGTRAP || signal == (SIGTRAP | 0x80));
        return signal == (SIGTRAP | 0x80);
}

/* At the entry of a call by which an answer leaves. */
static bool is_answer(pid_t pid) {
        struct __ptrace_syscall_info info;

        g_assert_cmpint(ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info), >, 0);
        return info.op == PTRACE_SYSCALL_INFO_ENTRY && info.entry.nr == SYS_sendmsg && info.entry.args[0] == 3;
}

/* Runs behind n answers. */
static void run_to_answer(pid_t pid, unsigned n) {
        while (n > 0)
                if (go_on(pid, PTRACE_SYSCALL) && is_answer(pid))
                        n--;
        (void) go_on(pid, PTRACE_SYSCALL);
}

static void send_everything(struct fixture *f, uint32_t type, void *request, size_t size) {
        struct consumer_header resumed;
        uint64_t serial = f->play.serial;

        /* Sent, and answered into the socket while nobody waits. */
        play_send_output(&f->play, CONSUMER_RESUME);
        play_send_session(&f->play);
        play_send_rings(&f->play, 1, 0, "shared", "default", 0, &f->ring);
        play_send_classes(&f->play, 1, 0, &paid, &paid_id, 1);
        play_send_rings(&f->play, 1, 1, "shared", "flight", 0, &f->flight);
        play_send_classes(&f->play, 1, 1, &paid, &paid_id, 1);
        play_send_rings(&f->play, 2, 0, "process-1", "default", 0, &f->own);
        play_send_classes(&f->play, 2, 0, &paid, &paid_id, 1);
        play_send(&f->play, CONSUMER_RESUMED, &resumed, sizeof(resumed), NULL, 0);
        g_assert_cmpuint(f->play.serial - serial, ==, f->n_before + 3);
        play_send(&f->play, type, request, size, NULL, 0);
}

/* Whether the request has been answered; reads what was answered before. */
static bool was_answered(struct fixture *f, int socket) {
        struct consumer_output_ack ack;

        while (recv(socket, &ack, sizeof(ack), MSG_DONTWAIT) > 0)
                if (ack.ack.header.serial == f->play.serial)
                        return true;
        return false;
}

/*
 * Goes steps steps into the request and kills. With steps 0 the number of steps
 * up to the answer is returned; -1 where nothing may be traced.
 */
static long run_steps(struct fixture *f, uint32_t type, void *request, size_t size, unsigned steps) {
        int pair[2], status;
        unsigned n = 0;
        pid_t pid;

        g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), ==, 0);
        f->play.socket = pair[0];
        send_everything(f, type, request, size);
        pid = start_traced(pair[1]);
        close(pair[1]);
        if (pid > 0) {
                run_to_answer(pid, f->n_before + 3);
                for (; steps > 0 ? n < steps : !was_answered(f, pair[0]); n++)
                        (void) go_on(pid, PTRACE_SINGLESTEP);
                kill(pid, SIGKILL);
                g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        }
        close(f->play.socket);
        f->play.socket = -1;
        return pid < 0 ? -1 : (long) n;
}

struct request {
        const char *name;
        uint32_t type;
        size_t size;
        union {
                struct consumer_header header;
                struct consumer_release release;
                struct consumer_snapshot snapshot;
                struct consumer_rotate rotate;
        };
        void (*check)(struct fixture *f, struct packets *total);
};

/* Adds what is in a directory's files. */
static void add_files(struct fixture *f, const char *directory, struct packets *total, bool flight, bool metadata) {
        static const struct {
                const char *set, *channel;
        } streams[] = { { "shared", "default" }, { "process-1", "default" }, { "shared", "flight" } };

        for (unsigned i = 0; i < (flight ? 3 : 2); i++) {
                g_autofree char *set = g_build_filename(directory, "user", "1234", streams[i].set, NULL);
                struct packets p = { .has_events = true };

                packets_read(&p, set, streams[i].channel, 0);
                total->n += p.n;
                total->events += p.events;
                total->bytes += p.bytes;
                total->discarded += p.discarded;
                if (metadata && i < 2)
                        total->bytes += packets_file_size(set, "metadata");
        }
}

/* babeltrace2 can read it; it may say that events were discarded. */
static void read_all(const char *directory) {
        g_autofree char *errors = NULL;

        g_strfreev(play_read(directory, &errors));
}

/* Everything that was written is in the trace. */
static void check_plain(struct fixture *f, struct packets *total) {
        add_files(f, f->play.directory, total, true, true);
        g_assert_cmpuint(total->events, ==, 70);
        g_assert_cmpuint(total->discarded, ==, 3);
        read_all(f->play.directory);
}

static void check_rotate(struct fixture *f, struct packets *total) {
        g_autofree char *chunk = g_build_filename(f->play.directory, "chunk-1", NULL);

        add_files(f, chunk, total, true, true);
        g_assert_cmpuint(total->events, ==, 60);
        g_assert_cmpuint(total->discarded, ==, 3);
        read_all(chunk);
        write_some(f, &f->ring, 10);
        g_assert_cmpint(play_flush(&f->play), ==, 0);
        add_files(f, f->play.directory, total, true, true);
        g_assert_cmpuint(total->events, ==, 80);
        g_assert_cmpuint(total->discarded, ==, 3);
        read_all(f->play.directory);
}

static void check_snapshot(struct fixture *f, struct packets *total) {
        g_autofree char *snapshot = g_build_filename(f->play.directory, "snapshot-1", NULL);

        add_files(f, f->play.directory, total, true, true);
        g_assert_cmpuint(total->events, ==, 70);
        add_files(f, snapshot, total, true, true);
        g_assert_cmpuint(total->events, ==, 90);
        g_strfreev(play_read(snapshot, NULL));
}

static void check_clear(struct fixture *f, struct packets *total) {
        g_assert_cmpuint(f->play.status->events, ==, 0);
        g_assert_cmpuint(f->play.status->lost_ring, ==, 0);
        write_some(f, &f->ring, 10);
        write_some(f, &f->flight, 5);
        g_assert_cmpint(play_flush(&f->play), ==, 0);
        g_assert_cmpint(play_snapshot(&f->play, ""), ==, 0);
        add_files(f, f->play.directory, total, true, true);
        g_assert_cmpuint(total->events, ==, 15);
        g_assert_cmpuint(total->discarded, ==, 0);
        g_strfreev(play_read(f->play.directory, NULL));
}

/* One trial: steps as for run_steps(). */
static long try(struct request *q, unsigned steps) {
        const struct consumer_status *s;
        struct packets total = {};
        struct fixture f;
        long n;

        set_up(&f);
        n = run_steps(&f, q->type, &q->header, q->size, steps);
        play_resume(&f.play);
        describe(&f);
        g_assert_cmpint(play_resumed(&f.play), ==, 0);
        if (q->type == CONSUMER_SNAPSHOT)
                g_assert_cmpint(play_snapshot_flags(&f.play, q->snapshot.name, CONSUMER_RESUME), ==, 0);
        else if (q->type == CONSUMER_ROTATE)
                g_assert_cmpint(play_rotate(&f.play, q->rotate.name, CONSUMER_RESUME), ==, 0);
        else
                g_assert_cmpint(play_call(&f.play, q->type, &q->header, q->size, NULL, 0), ==, 0);
        /* Nothing of the overwrite ring was asked for yet. */
        g_assert_cmpint(play_stop(&f.play), ==, 0);
        if (q->type != CONSUMER_CLEAR)
                g_assert_cmpint(play_snapshot(&f.play, ""), ==, 0);
        q->check(&f, &total);
        s = f.play.status;
        g_assert_cmpuint(s->events, ==, total.events);
        g_assert_cmpuint(s->packets, ==, total.n);
        g_assert_cmpuint(s->bytes, ==, total.bytes);
        g_assert_cmpuint(s->lost_ring, ==, total.discarded);
        g_assert_cmpuint(s->lost_garbage + s->lost_output + s->lost_overwrite, ==, 0);
        tear_down(&f);
        return n;
}

static void test(gconstpointer data) {
        struct request q = *(const struct request *) data;
        bool torture = g_strcmp0(g_getenv("TRACECTL_TORTURE"), "1") == 0;
        long n = try(&q, 0), stride = 1 + n / (torture ? SAMPLES_TORTURE : SAMPLES);

        if (n < 0) {
                g_test_skip("needs ptrace");
                return;
        }
        g_test_message("%li instructions", n);
        for (long i = g_test_rand_int_range(1, (int) stride + 1); i < n + 2; i += stride)
                (void) try(&q, (unsigned) i);
}

int main(int argc, char *argv[]) {
        static const struct request requests[] = {
                { "flush", CONSUMER_FLUSH, sizeof(struct consumer_header), {}, check_plain },
                { "stop", CONSUMER_STOP, sizeof(struct consumer_header), {}, check_plain },
                { "release", CONSUMER_RELEASE, sizeof(struct consumer_release), { .release = { .set = 2 } },
                  check_plain },
                { "own-snapshot", CONSUMER_SNAPSHOT, sizeof(struct consumer_snapshot), {}, check_plain },
                { "snapshot", CONSUMER_SNAPSHOT, sizeof(struct consumer_snapshot),
                  { .snapshot = { .name = "snapshot-1" } }, check_snapshot },
                { "rotate", CONSUMER_ROTATE, sizeof(struct consumer_rotate), { .rotate = { .name = "chunk-1" } },
                  check_rotate },
                { "clear", CONSUMER_CLEAR, sizeof(struct consumer_header), {}, check_clear },
        };

        g_test_init(&argc, &argv, NULL);
        for (unsigned i = 0; i < G_N_ELEMENTS(requests); i++) {
                g_autofree char *path = g_strdup_printf("/step/%s", requests[i].name);

                g_test_add_data_func(path, &requests[i], test);
        }
        return g_test_run();
}
