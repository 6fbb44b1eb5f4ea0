/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "consumer/syncer.h"

/* chunk/user/<uid>/<set>/index: what is deeper is not ours. */
#define DEPTH_MAX 5

/* How coarse the times of files may be. */
#define SLACK_SEC 2

struct walk {
        struct timespec since;
        bool all;
        int result;
};

static bool is_before(const struct timespec *a, const struct timespec *b) {
        return a->tv_sec < b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec);
}

static void note(struct walk *walk, int r) {
        /* One that was removed meanwhile needs no disk. */
        if (r < 0 && r != -ENOENT)
                walk->result = r;
}

static void sync_directory(struct walk *walk, int fd, unsigned depth);

/* A page that is stored to after fsync() gives its file a new time with the first store. */
static void sync_entry(struct walk *walk, int directory, const char *name, unsigned depth) {
        int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, fd;
        struct stat st;

        if (fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
                note(walk, -errno);
                return;
        }
        if (!(S_ISDIR(st.st_mode) && depth < DEPTH_MAX) &&
            !(S_ISREG(st.st_mode) && st.st_uid == geteuid() && (walk->all || !is_before(&st.st_ctim, &walk->since))))
                return;
        fd = openat(directory, name, flags);
        if (fd < 0) {
                note(walk, -errno);
                return;
        }
        if (S_ISDIR(st.st_mode)) {
                sync_directory(walk, fd, depth + 1);
                return;
        }
        if (fsync(fd) < 0)
                note(walk, -errno);
        close(fd);
}

/* Takes over fd. The names last: what they stand for is there then. */
static void sync_directory(struct walk *walk, int fd, unsigned depth) {
        DIR *dir = fdopendir(fd);
        struct dirent *entry;
        struct stat st;

        if (!dir) {
                note(walk, -errno);
                close(fd);
                return;
        }
        while ((entry = readdir(dir)))
                if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                        sync_entry(walk, fd, entry->d_name, depth);
        if (fstat(fd, &st) < 0 || ((walk->all || !is_before(&st.st_ctim, &walk->since)) && fsync(fd) < 0))
                note(walk, -errno);
        closedir(dir);
}

/* The clock may have been set back in between, by less than what has passed, or by more. */
static void begin_walk(struct walk *walk, struct syncer *syncer) {
        struct timespec now, last;

        clock_gettime(CLOCK_REALTIME, &now);
        last = syncer->begun;
        walk->all = last.tv_sec == 0 || is_before(&now, &last);
        walk->since = last;
        walk->since.tv_sec -= syncer->gap.tv_sec + SLACK_SEC;
        syncer->gap = (struct timespec) { .tv_sec = walk->all ? 0 : now.tv_sec - last.tv_sec + 1 };
        syncer->begun = now;
}

int syncer_sync(int directory, struct syncer *syncer) {
        struct walk walk = { .all = true };
        int fd;

        if (syncer)
                begin_walk(&walk, syncer);
        fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        sync_directory(&walk, fd, 0);
        /* What could not be written is tried again. */
        if (walk.result < 0 && syncer)
                syncer->begun = syncer->gap = (struct timespec) {};
        return walk.result;
}

int syncer_round(int directory, struct syncer *syncer) {
        struct kernel_synced now;
        int looked, r;

        looked = kernel_synced_look(directory, &now);
        r = syncer_sync(directory, syncer);
        if (looked < 0)
                return r < 0 ? r : looked;
        if (r >= 0 && !kernel_synced_equal(&now, &syncer->kernel)) {
                r = kernel_synced_keep(directory, &now);
                if (r >= 0) {
                        kernel_synced_done(&syncer->kernel);
                        syncer->kernel = now;
                        return 0;
                }
        }
        kernel_synced_done(&now);
        return r;
}

static void run(int directory, uint64_t msec, pid_t parent) {
        uint64_t nsec = msec * UINT64_C(1000000) / 4;
        struct syncer syncer = {};

        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
                _exit(EXIT_SUCCESS);
        for (;;) {
                struct timespec next;

                clock_gettime(CLOCK_MONOTONIC, &next);
                next.tv_nsec += (long) (nsec % 1000000000);
                next.tv_sec += (time_t) (nsec / 1000000000) + next.tv_nsec / 1000000000;
                next.tv_nsec %= 1000000000;
                (void) syncer_round(directory, &syncer);
                while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL) == EINTR)
                        ;
        }
}

int syncer_start(int directory, uint64_t msec, pid_t *ret) {
        pid_t parent = getpid(), pid = fork();

        if (pid < 0)
                return -errno;
        if (pid == 0)
                run(directory, msec, parent);
        *ret = pid;
        return 0;
}

void syncer_end(pid_t *syncer) {
        if (*syncer <= 0)
                return;
        (void) kill(*syncer, SIGKILL);
        while (waitpid(*syncer, NULL, 0) < 0 && errno == EINTR)
                ;
        *syncer = 0;
}
