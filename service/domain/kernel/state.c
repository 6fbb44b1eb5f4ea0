/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Which threads there are when a channel begins to record, for the state dump of
 * its trace: of events the kernel says the thread alone. Of a channel that follows
 * a process, those that it follows. The proc file system is that of the kernel's
 * own numbers; what this tracingd is not shown there is not in the dump.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "service/domain/kernel/internal.h"
#include "service/domain/kernel/tracefs.h"

#define THREADS_MAX 262144
#define STAT_CPU 39 /* its number in proc's stat; the state is 3, the parent 4 */

struct dump {
        struct consumer_kernel_process *items;
        size_t n, room;
        bool of_owner; /* of one user's processes alone: */
        uid_t owner;
};

/* "7 (a name) S 1 7 7 ...": a name can have everything in it. */
static int parse_stat(char *text, struct consumer_kernel_process *ret) {
        char *name = strchr(text, '('), *end = strrchr(text, ')'), *rest = NULL, *word;
        unsigned number = 3;
        size_t n;

        if (!name || !end || end < name || sscanf(end, ") %c", &ret->state) != 1)
                return -EBADMSG;
        n = (size_t) (end - ++name);
        memcpy(ret->name, name, n < sizeof(ret->name) ? n : sizeof(ret->name) - 1);
        for (word = strtok_r(end + 1, " ", &rest); word; word = strtok_r(NULL, " ", &rest), number++) {
                if (number == 4)
                        ret->ppid = atoi(word);
                else if (number == STAT_CPU)
                        ret->cpu = (uint32_t) strtoul(word, NULL, 10);
        }
        return number > STAT_CPU ? 0 : -EBADMSG;
}

/* One that has ended meanwhile is not there. */
static int add_thread(struct dump *dump, int proc, int32_t pid, int32_t tid) {
        struct consumer_kernel_process process = { .pid = pid, .tid = tid };
        _cleanup_free_ char *text = NULL;
        char path[64];
        struct stat st;
        size_t size;

        snprintf(path, sizeof(path), "%" PRId32 "/task/%" PRId32 "/stat", pid, tid);
        if (fstatat(proc, path, &st, 0) < 0 || (dump->of_owner && st.st_uid != dump->owner) ||
            tracefs_read(proc, path, &text, &size) < 0 || parse_stat(text, &process) < 0 || dump->n == THREADS_MAX)
                return 0;
        process.uid = st.st_uid;
        if (dump->n == dump->room) {
                size_t room = dump->room ? 2 * dump->room : 64;
                struct consumer_kernel_process *items = reallocarray(dump->items, room, sizeof(*items));

                if (!items)
                        return -ENOMEM;
                dump->items = items;
                dump->room = room;
        }
        dump->items[dump->n++] = process;
        return 0;
}

static int add_numbers(struct dump *dump, int proc, int32_t pid, const char *path) {
        struct dirent *entry;
        DIR *dir;
        int fd, r = 0;

        fd = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return 0;
        dir = fdopendir(fd);
        if (!dir) {
                close(fd);
                return -ENOMEM;
        }
        while (r >= 0 && (entry = readdir(dir))) {
                int32_t number = atoi(entry->d_name);
                char below[64];

                if (number <= 0)
                        continue;
                snprintf(below, sizeof(below), "%" PRId32 "/task", number);
                r = pid > 0 ? add_thread(dump, proc, pid, number) : add_numbers(dump, proc, number, below);
        }
        closedir(dir);
        return r;
}

static int add_everybody(struct dump *dump) {
        _cleanup_close_ int proc = tree_open_proc();

        return proc < 0 ? 0 : add_numbers(dump, proc, 0, ".");
}

static int add_followed(struct dump *dump, const struct process *process) {
        struct tree tree;
        size_t first;
        int r;

        if (tree_init(&tree, process) < 0)
                return 0;
        r = tree_grow(&tree, &first);
        for (size_t k = 0; k < tree.n && r >= 0; k++)
                r = add_thread(dump, tree.proc, tree.threads[k].pid, tree.threads[k].tid);
        tree_done(&tree);
        return r == -ENOMEM ? r : 0;
}

int kernel_announce_state(struct kernel_recording *r, struct instance *i) {
        struct dump dump = { .of_owner = r->own, .owner = r->config.owner };
        _cleanup_close_ int fd = -1;
        int k;

        if (i->described || i->followed.pid < 0)
                return 0;
        k = i->followed.pid > 0 ? add_followed(&dump, &i->followed) : add_everybody(&dump);
        if (k >= 0 && dump.n > 0)
                k = memfd_new_constant("tracectl-threads", dump.items, dump.n * sizeof(*dump.items), &fd);
        free(dump.items);
        if (k >= 0 && fd >= 0)
                k = kernel_send_state(r, i, fd);
        if (k >= 0)
                i->described = true;
        return k;
}
