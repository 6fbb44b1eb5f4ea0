/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/hash.h"
#include "service/domain/compartment.h"

/* linux/pidfd.h, Linux 6.11 */
#define PIDFD_GET_PID_NAMESPACE _IO(0xFF, 5)
#define PIDFD_GET_USER_NAMESPACE _IO(0xFF, 9)

static void read_text_at(int dir_fd, const char *name, char *ret, size_t size) {
        _cleanup_close_ int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd >= 0 ? read(fd, ret, size - 1) : -1;

        ret[n > 0 ? n : 0] = '\0';
}

/* The text of a file of a process; "" where it cannot be read. */
static void read_text(pid_t pid, const char *name, char *ret, size_t size) {
        char path[64];

        snprintf(path, sizeof(path), "/proc/%i/%s", (int) pid, name);
        read_text_at(AT_FDCWD, path, ret, size);
}

/* Namespaces are files of one file system: the inode is their name. */
static int read_namespace_link(pid_t pid, const char *name, uint64_t *ret) {
        char path[64], text[64];
        const char *number;
        ssize_t n;

        snprintf(path, sizeof(path), "/proc/%i/ns/%s", (int) pid, name);
        n = readlink(path, text, sizeof(text) - 1);
        if (n < 0)
                return -errno;
        text[n] = '\0';
        number = strchr(text, '[');
        if (!number)
                return -EBADMSG;
        *ret = strtoull(number + 1, NULL, 10);
        return 0;
}

/* The same from a pidfd: who may not know, which is most often so, is told without a look into /proc. */
static int read_namespace(const struct compartment_process *p, const char *name, unsigned long request, uint64_t *ret) {
        _cleanup_close_ int fd = p->pidfd >= 0 ? ioctl(p->pidfd, request, 0) : -1;
        struct stat st;

        if (fd < 0)
                return p->pidfd >= 0 && errno == EACCES ? -EACCES : read_namespace_link(p->pid, name, ret);
        if (fstat(fd, &st) < 0)
                return -errno;
        *ret = st.st_ino;
        return 0;
}

static void read_home(struct compartment_home *home) {
        char label[COMPARTMENT_LABEL_MAX + 1], path[64];

        if (read_namespace_link(getpid(), "user", &home->user_namespace) < 0)
                home->user_namespace = 0;
        if (read_namespace_link(getpid(), "pid", &home->pid_namespace) < 0)
                home->pid_namespace = 0;
        read_text(getpid(), "uid_map", home->uid_map, sizeof(home->uid_map));
        read_text(getpid(), "projid_map", home->projid_map, sizeof(home->projid_map));
        read_text(getpid(), "attr/current", label, sizeof(label));
        home->has_labels = label[0];
        snprintf(path, sizeof(path), "/proc/%i/fdinfo", (int) getpid());
        home->fdinfo_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

void compartment_table_init(struct compartment_table *table) {
        *table = (struct compartment_table) { 0 };
        pthread_mutex_init(&table->lock, NULL);
        read_home(&table->home);
}

void compartment_table_done(struct compartment_table *table) {
        closep(&table->home.fdinfo_fd);
        pthread_mutex_destroy(&table->lock);
}

/* A process has a number for each process namespace from that of /proc, which is ours, down to its own. */
static bool has_one_pid(const struct compartment_home *home, const struct compartment_process *p) {
        char name[16], text[4096], *line;

        if (p->pidfd >= 0) {
                snprintf(name, sizeof(name), "%i", p->pidfd);
                read_text_at(home->fdinfo_fd, name, text, sizeof(text));
        } else
                read_text(p->pid, "status", text, sizeof(text));
        line = strstr(text, "\nNSpid:\t");
        if (!line)
                return false;
        line += strlen("\nNSpid:\t");
        return strtol(line, &line, 10) == p->pid && *line == '\n';
}

/*
 * What namespaces a process is in is told only to those who could trace it,
 * which a daemon without capabilities cannot where it is another user's. But
 * everybody may see how ids are mapped there. A namespace in which ids are those
 * of our own, projects as well, which nobody maps who makes a container, is our
 * own: any other would have to be made so by root on purpose. A process that has
 * been at home never leaves the process namespace; into another user namespace it
 * could go, which shows in the map of uids where it is not made by root.
 */
static bool is_at_home(const struct compartment_home *home, const struct compartment_process *p) {
        char map[COMPARTMENT_MAP_MAX];

        if (!home->uid_map[0] || !home->projid_map[0] || (!p->was_at_home && !has_one_pid(home, p)))
                return false;
        read_text(p->pid, "uid_map", map, sizeof(map));
        if (strcmp(map, home->uid_map) != 0)
                return false;
        if (p->was_at_home)
                return true;
        read_text(p->pid, "projid_map", map, sizeof(map));
        return strcmp(map, home->projid_map) == 0;
}

static void read_namespaces(const struct compartment_home *home, const struct compartment_process *p,
                            struct compartment_key *ret) {
        if (p->pid > 0 && read_namespace(p, "user", PIDFD_GET_USER_NAMESPACE, &ret->user_namespace) >= 0 &&
            read_namespace(p, "pid", PIDFD_GET_PID_NAMESPACE, &ret->pid_namespace) >= 0)
                return;
        if (p->pid > 0 && is_at_home(home, p)) {
                ret->user_namespace = home->user_namespace;
                ret->pid_namespace = home->pid_namespace;
                return;
        }
        ret->alone = p->application;
}

void compartment_read(const struct compartment_table *table, const struct compartment_process *p,
                      struct compartment_key *ret) {
        char label[COMPARTMENT_LABEL_MAX + 1] = "";

        /* Keys are compared as bytes. */
        memset(ret, 0, sizeof(*ret));
        ret->uid = p->uid;
        ret->word_size = p->word_size;
        read_namespaces(&table->home, p, ret);
        if (table->home.has_labels && p->pid > 0)
                read_text(p->pid, "attr/current", label, sizeof(label));
        strcpy(ret->label, label);
}

bool compartment_is_home(const struct compartment *c) {
        const struct compartment_home *home = &c->table->home;

        return c->key.alone == 0 && home->user_namespace && c->key.user_namespace == home->user_namespace &&
               home->pid_namespace && c->key.pid_namespace == home->pid_namespace;
}

bool compartment_shares_pids(const struct compartment *c) {
        return c->key.alone == 0 && c->key.pid_namespace == c->table->home.pid_namespace;
}

static struct compartment *new_compartment(struct compartment_table *table, const struct compartment_key *key) {
        struct compartment *c = calloc(1, sizeof(*c));

        if (c) {
                c->refs = 1;
                c->table = table;
                memcpy(&c->key, key, sizeof(*key));
        }
        return c;
}

static struct compartment **bucket_of(struct compartment_table *table, const struct compartment_key *key) {
        return &table->buckets[hash_bytes(HASH_INIT, key, offsetof(struct compartment_key, label)) %
                               COMPARTMENT_BUCKETS];
}

int compartment_get(struct compartment_table *table, const struct compartment_key *key, struct compartment **ret) {
        struct compartment **bucket, *c;

        /* Nobody else looks for it. */
        if (key->alone)
                return (*ret = new_compartment(table, key)) ? 0 : -ENOMEM;
        bucket = bucket_of(table, key);
        pthread_mutex_lock(&table->lock);
        for (c = *bucket; c; c = c->next)
                if (memcmp(&c->key, key, sizeof(*key)) == 0)
                        break;
        if (c)
                compartment_ref(c);
        else if ((c = new_compartment(table, key))) {
                c->next = *bucket;
                *bucket = c;
        }
        pthread_mutex_unlock(&table->lock);
        if (!c)
                return -ENOMEM;
        *ret = c;
        return 0;
}

struct compartment *compartment_ref(struct compartment *c) {
        atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
        return c;
}

struct compartment *compartment_unref(struct compartment *c) {
        struct compartment_table *table;
        bool last;

        if (!c)
                return NULL;
        /* Under the lock: compartment_get() must not find one that is going. */
        table = c->table;
        pthread_mutex_lock(&table->lock);
        last = atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) == 1;
        if (last)
                for (struct compartment **p = bucket_of(table, &c->key); *p; p = &(*p)->next)
                        if (*p == c) {
                                *p = c->next;
                                break;
                        }
        pthread_mutex_unlock(&table->lock);
        if (last)
                free(c);
        return NULL;
}
