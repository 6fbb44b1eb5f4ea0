/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * N programs that wait on the page, in front of the tracing service of the
 * system: they are woken together by a session that is made, register, and have
 * its rule in force; then the rules change. What tracingd and PID 1 take for it.
 */

#include "rendezvous.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "client/libtracectl/tracectl.h"

#define CHANGES 10
#define PROBES_MAX 100000
#define MEMORY_USEC 6e6

/* So often they look; more often, what looking costs would be in what is measured. */
#define WATCH_USEC (5 * 1000)
#define PROBE_USEC 1000

/* Of a session's name, twice. */
#define PROFILE \
        "[Session]\nName=%s\nDirectory=/tmp/%s\n\n[Channel main]\nDomain=user\n" \
        "SubBufferSize=64K\nSubBufferCount=4\nEvent=bench:number\n"

struct storm {
        tracectl_connection *connection;
        tracectl_session *session;
        pid_t daemon, programs;
        unsigned long n, rss_before;
};

static void check(const struct storm *s, int result, const char *what) {
        if (result >= 0)
                return;
        fprintf(stderr, "bench-rendezvous: cannot %s: %s\n", what, tracectl_connection_get_error(s->connection));
        exit(EXIT_FAILURE);
}

static void sleep_usec(long usec) {
        nanosleep(&(struct timespec) { .tv_nsec = usec * 1000 }, NULL);
}

static unsigned long count_fds(pid_t pid) {
        unsigned long n = 0;
        char path[64];
        DIR *d;

        snprintf(path, sizeof(path), "/proc/%i/fd", (int) pid);
        d = opendir(path);
        if (!d)
                return 0;
        while (readdir(d))
                n++;
        closedir(d);
        return n - 2;
}

static unsigned long read_rss(pid_t pid) {
        char path[64], line[256];
        unsigned long kib = 0;
        FILE *f;

        snprintf(path, sizeof(path), "/proc/%i/status", (int) pid);
        f = fopen(path, "re");
        while (f && fgets(line, sizeof(line), f))
                if (sscanf(line, "VmRSS: %lu", &kib) == 1)
                        break;
        if (f)
                fclose(f);
        return kib;
}

/* Seconds of CPU time so far. */
static double read_cpu(pid_t pid) {
        unsigned long user = 0, system = 0;
        char path[64], text[1024], *p;
        size_t n;
        FILE *f;

        snprintf(path, sizeof(path), "/proc/%i/stat", (int) pid);
        f = fopen(path, "re");
        if (!f)
                return 0;
        n = fread(text, 1, sizeof(text) - 1, f);
        fclose(f);
        text[n] = '\0';
        p = strrchr(text, ')');
        if (p)
                (void) sscanf(p + 1, " %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %lu %lu", &user, &system);
        return (double) (user + system) / (double) sysconf(_SC_CLK_TCK);
}

/* "usage-WHEN RSS (KiB) FDS CPU (s)" of tracingd, and PID 1's RSS and CPU. */
static void print_usage(const struct storm *s, const char *when) {
        printf("usage-%s %lu %lu %.2f %lu %.2f\n", when, read_rss(s->daemon), count_fds(s->daemon),
               read_cpu(s->daemon), read_rss(1), read_cpu(1));
        fflush(stdout);
}

static uint64_t count_applications(const struct storm *s) {
        tracectl_value *info = NULL;
        uint64_t n;

        check(s, tracectl_get_info(s->connection, &info), "ask for the applications");
        n = tracectl_value_get_number(tracectl_value_lookup(info, "applications"));
        tracectl_value_free(info);
        return n;
}

/* Returns when there are as many. */
static void wait_applications(const struct storm *s, uint64_t n) {
        while (count_applications(s) != n)
                sleep_usec(WATCH_USEC);
}

/* Ends when its standard input does; then prints how long GetSession took. */
static pid_t start_prober(int *ret_stop) {
        static double times[PROBES_MAX];
        tracectl_connection *connection;
        tracectl_session *session;
        int stop[2], pid;
        size_t n = 0;

        bench_check(pipe(stop), "make a pipe");
        pid = bench_fork();
        if (pid > 0) {
                close(stop[0]);
                *ret_stop = stop[1];
                return pid;
        }
        close(stop[1]);
        /* A client is in another session than programs: the scheduler is fair to sessions, not to one among 10,000. */
        bench_check(setsid(), "begin a session");
        bench_check(tracectl_connection_new_system(&connection), "connect");
        while (n < PROBES_MAX && getppid() != 1) {
                fd_set set;
                struct timeval at_once = { 0 };
                double begin = bench_now();
                int r = tracectl_session_open(connection, "storm", &session);

                if (r >= 0) {
                        times[n++] = bench_now() - begin;
                        tracectl_session_free(session);
                }
                FD_ZERO(&set);
                FD_SET(stop[0], &set);
                if (select(stop[0] + 1, &set, NULL, NULL, &at_once) != 0)
                        break;
                sleep_usec(PROBE_USEC);
        }
        if (n > 0)
                bench_print("storm-get-session", times, n);
        printf("storm-get-session-max %.2f %zu\n", n > 0 ? bench_quantile(times, n, 1) : 0, n);
        fflush(stdout);
        _exit(0);
}

static void enable(const struct storm *s, const char *pattern, uint32_t *ret_pending) {
        check(s, tracectl_session_enable_event(s->session, "user", "main", pattern, NULL, ret_pending),
              "enable an event");
}

/* On a connection of its own, since the call that begins the storm waits for it. Prints when all were there. */
static pid_t start_watcher(const struct storm *s, double begin) {
        struct storm own = *s;
        pid_t pid = bench_fork();

        if (pid > 0)
                return pid;
        bench_check(tracectl_connection_new_system(&own.connection), "connect");
        /* And the program that starts them. */
        wait_applications(&own, own.n + 1);
        printf("registered %.0f\n", bench_now() - begin);
        fflush(stdout);
        _exit(0);
}

static void start_session(struct storm *s, const char *name) {
        struct tracectl_profile_options options = TRACECTL_PROFILE_OPTIONS_INIT;
        char profile[sizeof(PROFILE) + 64];

        snprintf(profile, sizeof(profile), PROFILE, name, name);
        options.start = 1;
        check(s, tracectl_apply_profile(s->connection, profile, &options, NULL), "make the session");
        check(s, tracectl_session_open(s->connection, name, &s->session), "open the session");
}

static void begin_storm(struct storm *s) {
        double begin, applied;
        uint32_t pending = 1;
        int stop, status;
        pid_t prober = start_prober(&stop), watcher;

        begin = bench_now();
        watcher = start_watcher(s, begin);
        start_session(s, "storm");
        applied = bench_now();
        bench_check(waitpid(watcher, &status, 0), "wait for the watcher");
        while (pending > 0)
                enable(s, "bench:off", &pending);
        printf("storm %.0f %.0f\n", applied - begin, bench_now() - begin);
        close(stop);
        bench_check(waitpid(prober, &status, 0), "wait for the prober");
}

/* Until the pending ones have acknowledged what was changed before, too: the rule itself selects nothing. */
static uint32_t settle(const struct storm *s, uint32_t pending) {
        uint32_t late = pending;

        while (pending > 0)
                enable(s, "none:*", &pending);
        return late;
}

static void change_rules(const struct storm *s) {
        double enabled[CHANGES], disabled[CHANGES], stopped[CHANGES], started[CHANGES];
        uint32_t pending, late = 0;
        double begin;

        (void) settle(s, 1);
        for (int i = 0; i < CHANGES; i++) {
                begin = bench_now();
                check(s, tracectl_session_disable_event(s->session, "user", "main", "bench:off", &pending), "disable an event");
                late += settle(s, pending);
                disabled[i] = bench_now() - begin;
                begin = bench_now();
                enable(s, "bench:off", &pending);
                late += settle(s, pending);
                enabled[i] = bench_now() - begin;
                begin = bench_now();
                check(s, tracectl_session_stop(s->session, NULL), "stop");
                stopped[i] = bench_now() - begin;
                begin = bench_now();
                check(s, tracectl_session_start(s->session, NULL), "start");
                started[i] = bench_now() - begin;
                (void) settle(s, 1);
        }
        bench_print("enable", enabled, CHANGES);
        bench_print("disable", disabled, CHANGES);
        bench_print("stop", stopped, CHANGES);
        bench_print("start", started, CHANGES);
        printf("enable-late %u\n", late);
}

/* tracingd gives memory back when its sweep comes by: within 10 % of where it began, or as much as there is by then. */
static void wait_for_memory(const struct storm *s) {
        double begin = bench_now();

        while (read_rss(s->daemon) > s->rss_before + s->rss_before / 10 && bench_now() - begin < MEMORY_USEC)
                sleep_usec(10 * 1000);
        printf("shrunk %.0f\n", bench_now() - begin);
}

static void list_applications(const struct storm *s) {
        double begin = bench_now();
        tracectl_value *list = NULL;
        int settled;

        check(s, tracectl_list_applications(s->connection, NULL, &settled, &list), "list the applications");
        printf("list %.0f\n", bench_now() - begin);
        tracectl_value_free(list);
}

static void start_programs(struct storm *s, char *program, char *n) {
        int ready[2];
        char line[16];

        bench_check(pipe(ready), "make a pipe");
        s->programs = bench_fork();
        if (s->programs == 0) {
                char *const argv[] = { program, n, NULL };

                (void) dup2(ready[1], STDOUT_FILENO);
                execv(program, argv);
                _exit(1);
        }
        close(ready[1]);
        if (read(ready[0], line, sizeof(line)) <= 0)
                bench_fail("start the programs");
        close(ready[0]);
}

/* Returns when tracingd had forgotten them. */
static double end_programs(struct storm *s) {
        double forgotten;

        bench_check(kill(s->programs, SIGKILL), "end the programs");
        wait_applications(s, 0);
        forgotten = bench_now();
        check(s, tracectl_session_destroy(s->session), "destroy the session");
        tracectl_session_free(s->session);
        return forgotten;
}

/* tracingd is killed in front of as many that record: when the next one answers, and when all are back. */
static void restart(struct storm *s, char *program, char *n) {
        tracectl_value *info = NULL;
        double begin, served;

        start_programs(s, program, n);
        start_session(s, "restart");
        wait_applications(s, s->n + 1);
        (void) settle(s, 1);
        begin = bench_now();
        bench_check(kill(s->daemon, SIGKILL), "end tracingd");
        while (tracectl_get_info(s->connection, &info) < 0)
                sleep_usec(WATCH_USEC);
        tracectl_value_free(info);
        served = bench_now();
        wait_applications(s, s->n + 1);
        printf("restart %.0f %.0f\n", served - begin, bench_now() - begin);
        (void) end_programs(s);
}

int bench_storm(int argc, char *argv[]) {
        struct storm s = { 0 };
        double begin;

        if (argc < 4)
                return EXIT_FAILURE;
        s.n = strtoul(argv[1], NULL, 10);
        s.daemon = atoi(argv[2]);
        bench_check(tracectl_connection_new_system(&s.connection), "connect");
        (void) count_applications(&s);
        start_programs(&s, argv[3], argv[1]);
        print_usage(&s, "before");
        s.rss_before = read_rss(s.daemon);
        begin_storm(&s);
        print_usage(&s, "during");
        change_rules(&s);
        list_applications(&s);
        print_usage(&s, "changed");
        begin = bench_now();
        printf("gone %.0f\n", end_programs(&s) - begin);
        wait_for_memory(&s);
        print_usage(&s, "after");
        restart(&s, argv[3], argv[1]);
        tracectl_connection_free(s.connection);
        return 0;
}
