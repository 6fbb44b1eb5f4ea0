/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "service/domain/compartment.h"

void compartment_table_init(struct compartment_table *table) {
        *table = (struct compartment_table) { 0 };
        pthread_mutex_init(&table->lock, NULL);
}

void compartment_table_done(struct compartment_table *table) {
        pthread_mutex_destroy(&table->lock);
}

/* Namespaces are files of one file system: the inode is their name. */
static int read_namespace(pid_t pid, const char *name, uint64_t *ret) {
        char path[64];
        struct stat st;

        snprintf(path, sizeof(path), "/proc/%i/ns/%s", (int) pid, name);
        if (stat(path, &st) < 0)
                return -errno;
        *ret = st.st_ino;
        return 0;
}

/* Without a security module there is no label: the empty one. */
static void read_label(pid_t pid, char *ret) {
        _cleanup_close_ int fd = -1;
        char path[64];
        ssize_t n;

        snprintf(path, sizeof(path), "/proc/%i/attr/current", (int) pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        n = fd >= 0 ? read(fd, ret, COMPARTMENT_LABEL_MAX) : -1;
        memset(ret + (n > 0 ? n : 0), 0, COMPARTMENT_LABEL_MAX + 1 - (size_t) (n > 0 ? n : 0));
}

void compartment_read(pid_t pid, uid_t uid, unsigned word_size, uint64_t application, struct compartment_key *ret) {
        /* Keys are compared as bytes. */
        memset(ret, 0, sizeof(*ret));
        ret->uid = uid;
        ret->word_size = word_size;
        if (read_namespace(pid, "user", &ret->user_namespace) < 0 ||
            read_namespace(pid, "pid", &ret->pid_namespace) < 0)
                ret->alone = application;
        read_label(pid, ret->label);
}

bool compartment_shares_pids(const struct compartment_key *key) {
        uint64_t mine;

        return key->alone == 0 && read_namespace(getpid(), "pid", &mine) >= 0 && key->pid_namespace == mine;
}

int compartment_get(struct compartment_table *table, const struct compartment_key *key, struct compartment **ret) {
        struct compartment *c;
        int r = 0;

        pthread_mutex_lock(&table->lock);
        for (c = table->first; c; c = c->next)
                if (memcmp(&c->key, key, sizeof(*key)) == 0)
                        break;
        if (c)
                compartment_ref(c);
        else if ((c = malloc(sizeof(*c)))) {
                *c = (struct compartment) { .refs = 1, .table = table, .next = table->first };
                memcpy(&c->key, key, sizeof(*key));
                table->first = c;
        } else
                r = -ENOMEM;
        pthread_mutex_unlock(&table->lock);
        if (r == 0)
                *ret = c;
        return r;
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
                for (struct compartment **p = &table->first; *p; p = &(*p)->next)
                        if (*p == c) {
                                *p = c->next;
                                break;
                        }
        pthread_mutex_unlock(&table->lock);
        if (last)
                free(c);
        return NULL;
}
