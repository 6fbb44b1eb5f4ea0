/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#include <systemd/sd-login.h>

#include "common/cleanup.h"
#include "common/hash.h"
#include "service/registry/control-group.h"

/* Beyond this many, those that nobody uses make room. */
#define KEPT_MAX 1024

/* The first version of what PIDFD_GET_INFO tells (linux/pidfd.h, Linux 6.13). */
struct pidfd_info_v0 {
        uint64_t mask;
        uint64_t cgroupid;
        uint32_t pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
        int32_t exit_code;
};

#define PIDFD_GET_INFO_V0 _IOWR(0xFF, 11, struct pidfd_info_v0)
#define PIDFD_INFO_MASK_CGROUPID (UINT64_C(1) << 2)

static bool is_file_system(const char *path, long magic) {
        struct statfs fs;

        return statfs(path, &fs) >= 0 && (long) fs.f_type == magic;
}

/* Which hierarchy is systemd's: the unified one, that beside those of the first version, or a named one of these. */
void control_group_table_init(struct control_group_table *table) {
        *table = (struct control_group_table) { .controller = ":name=systemd:" };
        pthread_mutex_init(&table->lock, NULL);
        if (is_file_system("/sys/fs/cgroup", CGROUP2_SUPER_MAGIC) ||
            is_file_system("/sys/fs/cgroup/unified", CGROUP2_SUPER_MAGIC)) {
                table->controller = "0::";
                table->has_ids = true;
        }
}

static void drop_bucket(struct control_group *g) {
        while (g) {
                struct control_group *next = g->next;

                control_group_unref(g);
                g = next;
        }
}

void control_group_table_done(struct control_group_table *table) {
        for (size_t i = 0; i < CONTROL_GROUP_BUCKETS; i++) {
                drop_bucket(table->by_id[i]);
                drop_bucket(table->by_path[i]);
        }
        pthread_mutex_destroy(&table->lock);
}

struct control_group *control_group_unref(struct control_group *g) {
        if (g && atomic_fetch_sub_explicit(&g->refs, 1, memory_order_acq_rel) == 1) {
                free(g->unit);
                free(g);
        }
        return NULL;
}

/* 0 where the kernel does not tell. */
static uint64_t read_id(const struct control_group_table *table, int pidfd) {
        struct pidfd_info_v0 info = { .mask = PIDFD_INFO_MASK_CGROUPID };

        if (!table->has_ids || pidfd < 0 || ioctl(pidfd, PIDFD_GET_INFO_V0, &info) < 0)
                return 0;
        return info.mask & PIDFD_INFO_MASK_CGROUPID ? info.cgroupid : 0;
}

/* The path in our process's view, which the caller frees; NULL where there is none. */
static char *read_path(const struct control_group_table *table, pid_t pid) {
        _cleanup_close_ int fd = -1;
        char name[64], text[8192], *line, *end;
        ssize_t n;

        snprintf(name, sizeof(name), "/proc/%i/cgroup", (int) pid);
        fd = open(name, O_RDONLY | O_CLOEXEC);
        n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
        if (n <= 0)
                return NULL;
        text[n] = '\0';
        for (line = text; *line; line = end + 1) {
                char *found = NULL;

                end = strchr(line, '\n');
                if (!end)
                        return NULL;
                *end = '\0';
                if (table->controller[0] == ':')
                        found = strstr(line, table->controller);
                else if (strncmp(line, table->controller, strlen(table->controller)) == 0)
                        found = line;
                if (found)
                        return strdup(found + strlen(table->controller));
        }
        return NULL;
}

static struct control_group **bucket_of(struct control_group_table *table, uint64_t id, const char *path) {
        if (id)
                return &table->by_id[id % CONTROL_GROUP_BUCKETS];
        return &table->by_path[hash_bytes(HASH_INIT, path, strlen(path)) % CONTROL_GROUP_BUCKETS];
}

static struct control_group *find(struct control_group_table *table, uint64_t id, const char *path) {
        struct control_group *g;

        pthread_mutex_lock(&table->lock);
        for (g = *bucket_of(table, id, path); g; g = g->next)
                if (id ? g->id == id : strcmp(g->path, path) == 0)
                        break;
        if (g)
                atomic_fetch_add_explicit(&g->refs, 1, memory_order_relaxed);
        pthread_mutex_unlock(&table->lock);
        return g;
}

/* Under the lock, where nobody else can take a first reference. */
static void make_room(struct control_group_table *table, struct control_group **bucket) {
        while (table->n >= KEPT_MAX && *bucket) {
                struct control_group *g = *bucket;

                if (atomic_load_explicit(&g->refs, memory_order_acquire) > 1) {
                        bucket = &g->next;
                        continue;
                }
                *bucket = g->next;
                table->n--;
                control_group_unref(g);
        }
}

/* Two threads may add the same one; the older is found no more then, and goes with those that have it. */
static void add(struct control_group_table *table, struct control_group *g) {
        struct control_group **bucket = bucket_of(table, g->id, g->path);

        pthread_mutex_lock(&table->lock);
        make_room(table, bucket);
        atomic_fetch_add_explicit(&g->refs, 1, memory_order_relaxed);
        g->next = *bucket;
        *bucket = g;
        table->n++;
        pthread_mutex_unlock(&table->lock);
}

/* The unit follows from the path. A process that was moved meanwhile has one of its own, that nobody else finds. */
static struct control_group *read_group(struct control_group_table *table, pid_t pid, int pidfd, uint64_t id,
                                        const char *path) {
        _cleanup_free_ char *again = NULL;
        struct control_group *g;

        g = malloc(sizeof(*g) + strlen(path) + 1);
        if (!g)
                return NULL;
        *g = (struct control_group) { .refs = 1, .id = id };
        strcpy(g->path, path);
        if (sd_pid_get_unit(pid, &g->unit) < 0)
                g->unit = NULL;
        again = read_path(table, pid);
        if (again && strcmp(again, path) == 0 && read_id(table, pidfd) == id)
                add(table, g);
        return g;
}

struct control_group *control_group_get(struct control_group_table *table, pid_t pid, int pidfd) {
        _cleanup_free_ char *path = NULL;
        struct control_group *g;
        uint64_t id;

        if (pid <= 0)
                return NULL;
        id = read_id(table, pidfd);
        if (id && (g = find(table, id, NULL)))
                return g;
        path = read_path(table, pid);
        if (!path)
                return NULL;
        g = id ? NULL : find(table, 0, path);
        return g ? g : read_group(table, pid, pidfd, id, path);
}
