/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/close_range.h>
#include <search.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "client/tracectl/syscalls/descriptors.h"
#include "common/cleanup.h"

/* Of more, all are forgotten; names and tables count. */
#define PROCESSES_MAX 4096
#define SIZE_KEPT_MAX (64 << 20)

#define NUMBERS_MAX 65536

struct descriptor {
        char *what;         /* NULL: not known */
        bool survives_exec; /* it is known to */
};

struct process {
        int32_t pid;
        size_t n;
        struct descriptor *items; /* by their numbers */
};

struct descriptors {
        void *tree; /* of struct process */
        size_t n;
        size_t size; /* bytes of their names and tables */
        uint64_t n_pipes;
};

/* How a call makes a descriptor. */
static const struct maker {
        const char *name;
        enum {
                FILE_NAMED, /* what is its name */
                ALWAYS,     /* what is always the same */
                FAMILY,     /* a socket */
                COPY,       /* of what the argument copied is */
                UNKNOWN,
        } how;
        const char *what;  /* of ALWAYS; before the name of FILE_NAMED */
        const char *copied; /* of COPY, the name of the argument */
        const char *flags; /* the argument that says whether exec closes it; NULL: it is not known */
        uint64_t closes;   /* the flag that says so */
} makers[] = {
        { "accept", COPY, NULL, "fd", "", 0 },
        { "accept4", COPY, NULL, "fd", "flags", O_CLOEXEC },
        { "creat", FILE_NAMED, "", NULL, "", 0 },
        { "dup", COPY, NULL, "fildes", "", 0 },
        { "dup2", COPY, NULL, "oldfd", "", 0 },
        { "dup3", COPY, NULL, "oldfd", "flags", O_CLOEXEC },
        { "epoll_create", ALWAYS, "epoll", NULL, "", 0 },
        { "epoll_create1", ALWAYS, "epoll", NULL, "flags", O_CLOEXEC },
        { "eventfd", ALWAYS, "eventfd", NULL, "", 0 },
        { "eventfd2", ALWAYS, "eventfd", NULL, "flags", O_CLOEXEC },
        { "fanotify_init", ALWAYS, "fanotify", NULL, NULL, 0 },
        { "fsmount", ALWAYS, "mount", NULL, NULL, 0 },
        { "fsopen", ALWAYS, "filesystem", NULL, NULL, 0 },
        { "inotify_init", ALWAYS, "inotify", NULL, "", 0 },
        { "inotify_init1", ALWAYS, "inotify", NULL, "flags", O_CLOEXEC },
        { "io_uring_setup", ALWAYS, "io_uring", NULL, NULL, 0 },
        { "landlock_create_ruleset", UNKNOWN, NULL, NULL, NULL, 0 },
        { "memfd_create", FILE_NAMED, "memfd:", NULL, "flags", MFD_CLOEXEC },
        { "mq_open", ALWAYS, "mqueue", NULL, NULL, 0 },
        { "open", FILE_NAMED, "", NULL, "flags", O_CLOEXEC },
        { "open_by_handle_at", UNKNOWN, NULL, NULL, NULL, 0 },
        { "open_tree", ALWAYS, "mount", NULL, NULL, 0 },
        { "openat", FILE_NAMED, "", NULL, "flags", O_CLOEXEC },
        { "openat2", FILE_NAMED, "", NULL, NULL, 0 },
        { "perf_event_open", ALWAYS, "perf_event", NULL, NULL, 0 },
        { "pidfd_getfd", UNKNOWN, NULL, NULL, NULL, 0 },
        { "pidfd_open", ALWAYS, "pidfd", NULL, NULL, 0 },
        { "signalfd", ALWAYS, "signalfd", NULL, NULL, 0 },
        { "signalfd4", ALWAYS, "signalfd", NULL, "flags", O_CLOEXEC },
        { "socket", FAMILY, NULL, NULL, "type", O_CLOEXEC },
        { "timerfd_create", ALWAYS, "timerfd", NULL, "flags", O_CLOEXEC },
        { "userfaultfd", ALWAYS, "userfaultfd", NULL, "flags", O_CLOEXEC },
};

/* fcntl() makes one by its commands. */
static const struct maker duplicate = { "fcntl", COPY, NULL, "fd", "", 0 },
                          duplicate_closed = { "fcntl", COPY, NULL, "fd", NULL, 0 };

static int by_pid(const void *a, const void *b) {
        const struct process *x = a, *y = b;

        return (x->pid > y->pid) - (x->pid < y->pid);
}

static void process_free(void *p) {
        struct process *process = p;

        for (size_t i = 0; i < process->n; i++)
                free(process->items[i].what);
        free(process->items);
        free(process);
}

void descriptors_forget(struct descriptors *d) {
        tdestroy(d->tree, process_free);
        d->tree = NULL;
        d->n = d->size = 0;
}

struct descriptors *descriptors_new(void) {
        return calloc(1, sizeof(struct descriptors));
}

struct descriptors *descriptors_free(struct descriptors *d) {
        if (d)
                descriptors_forget(d);
        free(d);
        return NULL;
}

static struct process *find(const struct descriptors *d, int32_t pid) {
        const struct process key = { .pid = pid };
        struct process *const *found = tfind(&key, &d->tree, by_pid);

        return found ? *found : NULL;
}

static void clear(struct descriptors *d, struct process *process, int64_t fd) {
        char *what;

        if (fd < 0 || (uint64_t) fd >= process->n)
                return;
        what = process->items[fd].what;
        d->size -= what ? strlen(what) : 0;
        free(what);
        process->items[fd] = (struct descriptor) { 0 };
}

static void forget(struct descriptors *d, int32_t pid) {
        struct process *process = find(d, pid);

        if (!process)
                return;
        tdelete(process, &d->tree, by_pid);
        for (size_t i = 0; i < process->n; i++)
                clear(d, process, (int64_t) i);
        d->size -= process->n * sizeof(*process->items);
        process_free(process);
        d->n--;
}

/* Made where there is none; NULL without memory. */
static struct process *get(struct descriptors *d, int32_t pid) {
        struct process *process = find(d, pid);

        if (process)
                return process;
        if (d->n == PROCESSES_MAX || d->size > SIZE_KEPT_MAX)
                descriptors_forget(d);
        process = calloc(1, sizeof(*process));
        if (!process)
                return NULL;
        process->pid = pid;
        if (!tsearch(process, &d->tree, by_pid)) {
                free(process);
                return NULL;
        }
        d->n++;
        return process;
}

static void make_room(struct descriptors *d, struct process *process, size_t n) {
        struct descriptor *items = realloc(process->items, n * sizeof(*items));

        if (!items)
                return;
        memset(items + process->n, 0, (n - process->n) * sizeof(*items));
        d->size += (n - process->n) * sizeof(*items);
        process->items = items;
        process->n = n;
}

/* what is the process's from now on. */
static void set(struct descriptors *d, struct process *process, int64_t fd, char *what, bool survives_exec) {
        clear(d, process, fd);
        if (what && fd >= 0 && fd < NUMBERS_MAX && (uint64_t) fd >= process->n)
                make_room(d, process, (size_t) fd + 16);
        if (what && fd >= 0 && (uint64_t) fd < process->n) {
                process->items[fd] = (struct descriptor) { what, survives_exec };
                d->size += strlen(what);
        } else
                free(what);
}

static const char *what_is(const struct process *process, int64_t fd) {
        return process && fd >= 0 && (uint64_t) fd < process->n ? process->items[fd].what : NULL;
}

void descriptors_fork(struct descriptors *d, int32_t parent, int32_t child) {
        const struct process *from;
        struct process *to;

        if (parent == child)
                return;
        forget(d, child);
        to = get(d, child);
        from = find(d, parent); /* now: get() may have forgotten all */
        for (size_t i = 0; to && from && i < from->n; i++)
                if (from->items[i].what)
                        set(d, to, (int64_t) i, strdup(from->items[i].what), from->items[i].survives_exec);
}

static int by_name(const void *name, const void *maker) {
        return strcmp(name, ((const struct maker *) maker)->name);
}

static const struct maker *find_maker(const struct descriptor_call *call) {
        uint64_t command;

        if (strcmp(call->name, "fcntl") != 0)
                return bsearch(call->name, makers, ARRAY_SIZE(makers), sizeof(*makers), by_name);
        command = syscall_so_far_get(call->arguments, "cmd");
        return command == F_DUPFD ? &duplicate : command == F_DUPFD_CLOEXEC ? &duplicate_closed : NULL;
}

static char *make(const struct process *process, const struct maker *maker, const struct descriptor_call *call) {
        const char *copied;
        char *what = NULL;

        switch (maker->how) {
        case FILE_NAMED:
                if (call->file && asprintf(&what, "%s%.*s", maker->what, (int) call->file_size, call->file) < 0)
                        what = NULL;
                break;
        case ALWAYS:
                what = strdup(maker->what);
                break;
        case FAMILY:
                copied = syscall_names_one("socket", "family", syscall_so_far_get(call->arguments, "family"));
                if (asprintf(&what, "socket%s%s", copied ? ":" : "", copied ? copied : "") < 0)
                        what = NULL;
                break;
        case COPY:
                copied = what_is(process, (int32_t) syscall_so_far_get(call->arguments, maker->copied));
                what = copied ? strdup(copied) : NULL;
                break;
        default:
                break;
        }
        return what;
}

static bool survives(const struct maker *maker, const struct descriptor_call *call) {
        if (!maker->flags)
                return false;
        return !maker->flags[0] || !(syscall_so_far_get(call->arguments, maker->flags) & maker->closes);
}

/* A pipe has a number, by which its ends are known: that of the pipes that were seen. */
static void make_pair(struct descriptors *d, struct process *process, const struct descriptor_call *call) {
        bool is_pipe = strncmp(call->name, "pipe", strlen("pipe")) == 0;
        uint64_t flags = syscall_so_far_get(call->arguments, is_pipe ? "flags" : "type");
        const char *family;
        char what[64];

        if (is_pipe)
                snprintf(what, sizeof(what), "pipe:%" PRIu64, ++d->n_pipes);
        else {
                family = syscall_names_one("socketpair", "family", syscall_so_far_get(call->arguments, "family"));
                snprintf(what, sizeof(what), "socket%s%s", family ? ":" : "", family ? family : "");
        }
        for (size_t i = 0; process && i < 2; i++)
                set(d, process, call->pair[i], strdup(what), !(flags & O_CLOEXEC));
}

/* An end without a limit is the largest number there is. */
static void close_some(struct descriptors *d, struct process *process, const struct descriptor_call *call) {
        uint64_t first = (uint32_t) syscall_so_far_get(call->arguments, "fd");
        uint64_t last = (uint32_t) syscall_so_far_get(call->arguments, "max_fd");
        bool later = syscall_so_far_get(call->arguments, "flags") & CLOSE_RANGE_CLOEXEC;

        for (uint64_t i = first; i <= last && i < process->n; i++)
                if (later)
                        process->items[i].survives_exec = false;
                else
                        clear(d, process, (int64_t) i);
}

static void close_by_exec(struct descriptors *d, struct process *process) {
        for (size_t i = 0; i < process->n; i++)
                if (!process->items[i].survives_exec)
                        clear(d, process, (int64_t) i);
}

static void set_closes(struct process *process, const struct descriptor_call *call) {
        uint64_t fd = (uint32_t) syscall_so_far_get(call->arguments, "fd");

        if (syscall_so_far_get(call->arguments, "cmd") == F_SETFD && fd < process->n)
                process->items[fd].survives_exec = !(syscall_so_far_get(call->arguments, "arg") & FD_CLOEXEC);
}

void descriptors_take(struct descriptors *d, const struct descriptor_call *call) {
        const struct maker *maker = find_maker(call);
        struct process *process;

        if (call->pid < 0)
                return;
        if (d->size > SIZE_KEPT_MAX)
                descriptors_forget(d);
        if (strcmp(call->name, "exit_group") == 0)
                forget(d, call->pid);
        else if (maker && call->result >= 0) {
                process = get(d, call->pid);
                if (process)
                        set(d, process, call->result, make(process, maker, call), survives(maker, call));
                return;
        } else if (call->pair[0] >= 0 && call->result == 0)
                make_pair(d, get(d, call->pid), call);
        process = find(d, call->pid);
        if (!process)
                return;
        /* Whatever else it says: what there was is closed. */
        if (strcmp(call->name, "close") == 0 && call->result != -EBADF)
                clear(d, process, (int32_t) syscall_so_far_get(call->arguments, "fd"));
        else if (call->result < 0)
                return;
        else if (strcmp(call->name, "close_range") == 0)
                close_some(d, process, call);
        else if (strncmp(call->name, "execve", strlen("execve")) == 0)
                close_by_exec(d, process);
        else if (strcmp(call->name, "fcntl") == 0)
                set_closes(process, call);
}

void descriptors_add(const struct descriptors *d, struct text *text, int32_t pid, int64_t fd) {
        const char *what = pid < 0 ? NULL : what_is(find(d, pid), fd);

        if (!what)
                return;
        text_add_char(text, '<');
        text_add_escaped(text, what, strlen(what), '>');
        text_add_char(text, '>');
}

void descriptors_add_result(const struct descriptors *d, struct text *text, const struct descriptor_call *call) {
        if (call->result >= 0 && find_maker(call))
                descriptors_add(d, text, call->pid, call->result);
}
