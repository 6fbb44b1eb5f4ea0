/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/tracer/ring-crowd.h"
#include "tracer/sys.h"

#define LIFE_MIN 50e-6 /* seconds */
#define LIFE_MAX 5e-3
#define LONG_LIFE 50e-3 /* every 16th: enough to be stopped and to go on */
#define LAST_MOMENT_MIN 20000 /* ns */
#define LAST_MOMENT_MAX 200000
#define BATCH 64

static size_t crowd_size(uint32_t generations) {
        return sizeof(struct crowd) + generations * sizeof(pid_t);
}

/* Short lives as often as long ones: uniform in the logarithm. */
static double random_life(GRand *rand) {
        if (g_rand_int_range(rand, 0, 16) == 0)
                return g_rand_double_range(rand, LIFE_MIN, LONG_LIFE);
        return LIFE_MIN * pow(LIFE_MAX / LIFE_MIN, g_rand_double(rand));
}

static uint64_t now_ns(void) {
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t) now.tv_sec * 1000000000 + (uint64_t) now.tv_nsec;
}

/* From the timer's interrupt, at whichever instruction the process is then. */
static void die_after(uint64_t ns) {
        struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL };
        struct itimerspec life = { .it_value.tv_nsec = (long) ns };
        timer_t timer;

        if (timer_create(CLOCK_MONOTONIC, &event, &timer) < 0 || timer_settime(timer, 0, &life, NULL) < 0)
                _exit(1);
}

/*
 * Deaths are wanted where records are made. So one that finds the rings full lets
 * the reader run, and the timer is set, for a random short time, by one that runs
 * and finds them not full.
 */
static _Noreturn void write_for_ever(struct crowd *c, unsigned n, uint64_t end, uint64_t last_moment) {
        struct crowd_writer *w = &c->writers[n];
        uint64_t discarded = fixture_discarded(c->f);
        int32_t pid = sys_getpid();

        for (uint64_t i = 0;; i++) {
                __atomic_store_n(&w->begun, i + 1, __ATOMIC_RELAXED);
                fixture_write(c->f, pid, pid, CROWD_VALUE(n, w->generation, i));
                __atomic_store_n(&w->done, i + 1, __ATOMIC_RELAXED);
                if (i % BATCH != 0)
                        continue;
                if (fixture_discarded(c->f) != discarded) {
                        sched_yield();
                        discarded = fixture_discarded(c->f);
                } else if (now_ns() >= end) {
                        die_after(last_moment);
                        end = UINT64_MAX;
                }
        }
}

static void start_writer(struct crowd *c, unsigned n, GRand *rand) {
        struct crowd_writer *w = &c->writers[n];
        uint64_t end = now_ns() + (uint64_t) (random_life(rand) * 1e9);
        uint64_t last_moment = (uint64_t) g_rand_int_range(rand, LAST_MOMENT_MIN, LAST_MOMENT_MAX);
        pid_t parent = getpid(), pid;

        *w = (struct crowd_writer) { .generation = ++c->generations };
        g_assert_cmpuint(w->generation, <, c->generations_max);
        pid = fork();
        g_assert_cmpint(pid, >=, 0);
        if (pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                if (getppid() != parent)
                        _exit(1);
                c->pids[w->generation] = sys_getpid();
                write_for_ever(c, n, end, last_moment);
        }
        w->pid = pid;
}

static unsigned writer_of(const struct crowd *c, pid_t pid) {
        for (unsigned n = 0; n < CROWD_WRITERS; n++)
                if (c->writers[n].pid == pid)
                        return n;
        g_assert_not_reached();
}

static void bury(struct crowd *c, unsigned n) {
        struct crowd_writer *w = &c->writers[n];
        int status;

        g_assert_cmpint(waitpid(w->pid, &status, 0), ==, w->pid);
        g_assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        g_assert_cmpuint(w->begun - w->done, <=, 1);
        c->begun += w->begun;
        c->done += w->done;
        c->kills += w->begun > 0;
        w->pid = 0;
}

static _Noreturn void keep(struct crowd *c, GRand *rand) {
        unsigned alive = CROWD_WRITERS;

        pthread_mutex_lock(&c->lock);
        for (unsigned n = 0; n < CROWD_WRITERS; n++)
                start_writer(c, n, rand);
        pthread_mutex_unlock(&c->lock);
        while (alive > 0) {
                siginfo_t info;
                unsigned n;

                g_assert_cmpint(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT), ==, 0);
                pthread_mutex_lock(&c->lock);
                n = writer_of(c, info.si_pid);
                bury(c, n);
                if (c->kills + alive <= c->wanted)
                        start_writer(c, n, rand);
                else
                        alive--;
                pthread_mutex_unlock(&c->lock);
        }
        _exit(0);
}

struct crowd *crowd_new(struct fixture *f, uint32_t wanted, uint32_t seed) {
        uint32_t generations = 4 * wanted + 100;
        size_t size = crowd_size(generations);
        struct crowd *c = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
        pthread_mutexattr_t shared;
        pid_t parent = getpid(), pid;

        g_assert_true(c != MAP_FAILED);
        pthread_mutexattr_init(&shared);
        pthread_mutexattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
        pthread_mutex_init(&c->lock, &shared);
        c->f = f;
        c->wanted = wanted;
        c->generations_max = generations;
        pid = fork();
        g_assert_cmpint(pid, >=, 0);
        if (pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                if (getppid() != parent)
                        _exit(1);
                keep(c, rand);
        }
        c->keeper = pid;
        return c;
}

bool crowd_lives(struct crowd *c) {
        int status;
        pid_t pid;

        if (c->keeper == 0)
                return false;
        pid = waitpid(c->keeper, &status, WNOHANG);
        if (pid == 0)
                return true;
        g_assert_cmpint(pid, ==, c->keeper);
        g_assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        c->keeper = 0;
        return false;
}

/* Stopped, or dead: "PID (name) STATE ..." */
static bool is_at_rest(pid_t pid) {
        g_autofree char *path = g_strdup_printf("/proc/%d/stat", pid), *text = NULL;
        const char *state;

        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        state = strrchr(text, ')');
        g_assert_nonnull(state);
        return strchr("TZX", state[2]);
}

static void send_all(struct crowd *c, int signal) {
        for (unsigned n = 0; n < CROWD_WRITERS; n++)
                if (c->writers[n].pid > 0)
                        g_assert_cmpint(kill(c->writers[n].pid, signal), ==, 0);
}

void crowd_stop(struct crowd *c) {
        send_all(c, SIGSTOP);
        for (unsigned n = 0; n < CROWD_WRITERS; n++)
                while (c->writers[n].pid > 0 && !is_at_rest(c->writers[n].pid))
                        sched_yield();
}

void crowd_continue(struct crowd *c) {
        send_all(c, SIGCONT);
}

void crowd_free(struct crowd *c) {
        munmap(c, crowd_size(c->generations_max));
}
