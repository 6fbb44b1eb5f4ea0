/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Emits a known number of events, each of which says who wrote it:
 *
 *   emit threads N COUNT       N threads, COUNT events each
 *   emit processes N COUNT     N child processes, COUNT events each
 *   emit paced RATE COUNT      COUNT events at RATE a second, or fewer where SIGTERM ends it
 *   emit asked WRITER MORE     for each number that it reads, as many events and MORE; also "emitted N" for each
 *   emit flock N MORE          the same by each of N child processes, together
 *   emit kill KILLS WRITERS    WRITERS processes for ever, KILLS of them killed at random, each replaced
 *
 * Prints one line: "emitted N", or for kill "begun N done M", between which the
 * number of emitted events lies.
 */

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <tracectl/tracepoint.h>

struct job {
        uint64_t writer, count;
};

struct progress {
        volatile uint64_t begun, done;
};

static void tick(uint64_t writer, uint64_t i, int32_t pid, int32_t tid) {
        tracectl_trace(test, tick, tp_u64(writer, writer), tp_u64(counter, i), tp_i32(pid, pid), tp_i32(tid, tid));
}

static void *emit(void *userdata) {
        const struct job *job = userdata;
        int32_t pid = getpid(), tid = gettid();

        for (uint64_t i = 0; i < job->count; i++)
                tick(job->writer, i, pid, tid);
        return NULL;
}

static int run_threads(unsigned n, uint64_t count) {
        pthread_t threads[64];
        struct job jobs[64];

        for (unsigned i = 0; i < n; i++) {
                jobs[i] = (struct job) { i, count };
                if (pthread_create(&threads[i], NULL, emit, &jobs[i]) != 0)
                        return 1;
        }
        for (unsigned i = 0; i < n; i++)
                pthread_join(threads[i], NULL);
        printf("emitted %" PRIu64 "\n", n * count);
        return 0;
}

static int run_processes(unsigned n, uint64_t count) {
        int failed = 0, status;

        for (unsigned i = 0; i < n; i++)
                if (fork() == 0) {
                        struct job job = { i, count };

                        emit(&job);
                        _exit(0);
                }
        for (unsigned i = 0; i < n; i++)
                failed |= wait(&status) < 0 || status != 0;
        printf("emitted %" PRIu64 "\n", n * count);
        return failed;
}

static volatile sig_atomic_t told_to_end;

static void on_term(int sig) {
        told_to_end = 1;
}

/* In bursts of a millisecond, each at its time. */
static int run_paced(uint64_t rate, uint64_t count) {
        int32_t pid = getpid(), tid = gettid();
        struct timespec next;
        uint64_t i;

        signal(SIGTERM, on_term);
        clock_gettime(CLOCK_MONOTONIC, &next);
        for (i = 0; i < count && !told_to_end; i++) {
                tick(0, i, pid, tid);
                if (i % (rate / 1000) != 0)
                        continue;
                next.tv_nsec += 1000000;
                if (next.tv_nsec >= 1000000000) {
                        next.tv_nsec -= 1000000000;
                        next.tv_sec++;
                }
                clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
        }
        printf("emitted %" PRIu64 "\n", i);
        return 0;
}

static int run_asked(uint64_t writer, uint64_t more) {
        int32_t pid = getpid(), tid = gettid();
        uint64_t count, next = 0;

        printf("ready %" PRId32 "\n", pid);
        fflush(stdout);
        while (scanf("%" SCNu64, &count) == 1) {
                for (uint64_t end = next + count + more; next < end; next++)
                        tick(writer, next, pid, tid);
                printf("emitted %" PRIu64 "\n", count + more);
                fflush(stdout);
        }
        return 0;
}

/* Until its pipe ends, with the parent. */
static void emit_when_told(uint64_t writer, int told, int done) {
        int32_t pid = getpid(), tid = gettid();
        uint64_t count, next = 0;

        while (read(told, &count, sizeof(count)) == sizeof(count)) {
                for (uint64_t end = next + count; next < end; next++)
                        tick(writer, next, pid, tid);
                if (write(done, &count, sizeof(count)) != sizeof(count))
                        break;
        }
        _exit(0);
}

static int tell_flock(unsigned n, const int *pipes, int done, uint64_t count) {
        uint64_t answer;

        for (unsigned i = 0; i < n; i++)
                if (write(pipes[i], &count, sizeof(count)) != sizeof(count))
                        return -1;
        for (unsigned i = 0; i < n; i++)
                if (read(done, &answer, sizeof(answer)) != sizeof(answer))
                        return -1;
        return 0;
}

static int run_flock(unsigned n, uint64_t more) {
        int told[2], done[2], pipes[128];
        uint64_t count;

        if (pipe(done) < 0)
                return 1;
        for (unsigned i = 0; i < n; i++) {
                if (pipe(told) < 0)
                        return 1;
                pipes[i] = told[1];
                if (fork() == 0) {
                        for (unsigned k = 0; k <= i; k++)
                                close(pipes[k]);
                        emit_when_told(i, told[0], done[1]);
                }
                close(told[0]);
        }
        printf("ready %" PRId32 "\n", (int32_t) getpid());
        fflush(stdout);
        while (scanf("%" SCNu64, &count) == 1) {
                if (tell_flock(n, pipes, done[0], count + more) < 0)
                        return 1;
                printf("emitted %" PRIu64 "\n", n * (count + more));
                fflush(stdout);
        }
        return 0;
}

static pid_t start_writer(struct progress *p, uint64_t writer) {
        pid_t parent = getpid(), pid;

        p->begun = p->done = 0;
        pid = fork();
        if (pid != 0)
                return pid;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
                _exit(1);
        for (uint64_t i = 0;; i++) {
                p->begun = i + 1;
                tick(writer, i, getpid(), gettid());
                p->done = i + 1;
                /* Many processes, not many events: the trace is read by slow readers. */
                for (volatile int k = 0; k < 2000; k++)
                        ;
        }
}

static int run_kill(unsigned kills, unsigned writers) {
        struct progress *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        uint64_t begun = 0, done = 0, generation = 0;
        pid_t pids[64];

        srand(7);
        for (unsigned i = 0; i < writers; i++)
                pids[i] = start_writer(&p[i], generation++);
        for (unsigned k = 0; k < kills + writers; k++) {
                unsigned i = k < kills ? (unsigned) rand() % writers : k - kills;
                struct timespec pause = { .tv_nsec = rand() % 1000000 };

                nanosleep(&pause, NULL);
                if (kill(pids[i], SIGKILL) < 0 || waitpid(pids[i], NULL, 0) != pids[i])
                        return 1;
                begun += p[i].begun;
                done += p[i].done;
                if (k < kills)
                        pids[i] = start_writer(&p[i], generation++);
        }
        printf("begun %" PRIu64 " done %" PRIu64 "\n", begun, done);
        return 0;
}

int main(int argc, char *argv[]) {
        uint64_t a, b;

        if (argc != 4)
                return 2;
        a = strtoull(argv[2], NULL, 10);
        b = strtoull(argv[3], NULL, 10);
        if (strcmp(argv[1], "threads") == 0 && a <= 64)
                return run_threads((unsigned) a, b);
        if (strcmp(argv[1], "processes") == 0 && a <= 64)
                return run_processes((unsigned) a, b);
        if (strcmp(argv[1], "paced") == 0 && a >= 1000)
                return run_paced(a, b);
        if (strcmp(argv[1], "asked") == 0)
                return run_asked(a, b);
        if (strcmp(argv[1], "flock") == 0 && a <= 128)
                return run_flock((unsigned) a, b);
        if (strcmp(argv[1], "kill") == 0 && b <= 64)
                return run_kill((unsigned) a, (unsigned) b);
        return 2;
}
