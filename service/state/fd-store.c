/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include "common/parse.h"
#include "service/log.h"
#include "service/state/fd-store.h"

/* How many there may be of all uses before another one of this use is refused. */
static const unsigned room[_FD_STORE_USE_MAX] = {
        [FD_STORE_RINGS] = FD_STORE_MAX * 3 / 4,
        /* A new state is there before the old one goes. */
        [FD_STORE_SESSION] = FD_STORE_MAX - 8,
        [FD_STORE_STATE] = FD_STORE_MAX,
};

struct passed {
        int fd; /* -1: claimed */
        uint64_t number;
        struct fd_identity identity;
};

struct fd_store {
        pthread_mutex_t lock;
        uint64_t last; /* number */
        unsigned n;
        bool closed, warned;
        struct passed *passed;
        size_t n_passed;
};

struct fd_identity fd_identity_of(int fd) {
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return (struct fd_identity) { 0 };
        return (struct fd_identity) { .device = st.st_dev, .inode = st.st_ino };
}

bool fd_identity_is_set(const struct fd_identity *identity) {
        return identity->device || identity->inode;
}

/* Names that are not ours would be another version's; the number 0 keeps them out of everything but being dropped. */
static uint64_t read_number(const char *name) {
        uint64_t number;

        return parse_u64(name, &number) < 0 ? 0 : number;
}

static void remove_name(const char *name) {
        (void) sd_notifyf(0, "FDSTOREREMOVE=1\nFDNAME=%s", name);
}

int fd_store_new(const struct fd_passed *passed, size_t n, struct fd_store **ret) {
        struct fd_store *s = malloc(sizeof(*s));
        struct passed *list = calloc(n + 1, sizeof(*list));

        if (!s || !list) {
                for (size_t i = 0; i < n; i++)
                        close(passed[i].fd);
                free(s);
                free(list);
                return -ENOMEM;
        }
        *s = (struct fd_store) { .passed = list };
        pthread_mutex_init(&s->lock, NULL);
        for (size_t i = 0; i < n; i++) {
                uint64_t number = read_number(passed[i].name);

                if (number == 0) {
                        remove_name(passed[i].name);
                        close(passed[i].fd);
                        continue;
                }
                list[s->n_passed++] = (struct passed) {
                        .fd = passed[i].fd,
                        .number = number,
                        .identity = fd_identity_of(passed[i].fd),
                };
                if (number > s->last)
                        s->last = number;
                s->n++;
        }
        *ret = s;
        return 0;
}

struct fd_store *fd_store_free(struct fd_store *s) {
        if (!s)
                return NULL;
        for (size_t i = 0; i < s->n_passed; i++)
                closep(&s->passed[i].fd);
        free(s->passed);
        pthread_mutex_destroy(&s->lock);
        free(s);
        return NULL;
}

static uint64_t add_locked(struct fd_store *s, int fd, enum fd_store_use use) {
        char text[64];

        if (s->closed)
                return 0;
        if (s->n >= room[use]) {
                if (!s->warned)
                        log_warning("there is no room for more descriptors in the service manager's store: what is "
                                    "recorded from now on may not survive a restart of tracingd");
                s->warned = true;
                return 0;
        }
        snprintf(text, sizeof(text), "FDSTORE=1\nFDNAME=%" PRIu64, s->last + 1);
        if (sd_pid_notify_with_fds(0, 0, text, &fd, 1) <= 0)
                return 0;
        s->n++;
        return ++s->last;
}

uint64_t fd_store_add(struct fd_store *s, int fd, enum fd_store_use use) {
        uint64_t number;

        if (!s)
                return 0;
        pthread_mutex_lock(&s->lock);
        number = add_locked(s, fd, use);
        pthread_mutex_unlock(&s->lock);
        return number;
}

static void remove_locked(struct fd_store *s, uint64_t number) {
        char name[24];

        if (s->closed)
                return;
        snprintf(name, sizeof(name), "%" PRIu64, number);
        remove_name(name);
        s->n--;
}

void fd_store_remove(struct fd_store *s, uint64_t *number) {
        if (!s || *number == 0)
                return;
        pthread_mutex_lock(&s->lock);
        remove_locked(s, *number);
        pthread_mutex_unlock(&s->lock);
        *number = 0;
}

void fd_store_close(struct fd_store *s) {
        if (!s)
                return;
        pthread_mutex_lock(&s->lock);
        s->closed = true;
        pthread_mutex_unlock(&s->lock);
}

int fd_store_claim(struct fd_store *s, const struct fd_identity *identity, uint64_t *ret_number) {
        if (!s || !fd_identity_is_set(identity))
                return -ENOENT;
        for (size_t i = 0; i < s->n_passed; i++) {
                struct passed *p = &s->passed[i];

                if (p->fd >= 0 && p->identity.inode == identity->inode && p->identity.device == identity->device) {
                        *ret_number = p->number;
                        return TAKE_FD(p->fd);
                }
        }
        return -ENOENT;
}

int fd_store_next(struct fd_store *s, size_t *position, struct fd_identity *ret_identity) {
        while (s && *position < s->n_passed) {
                const struct passed *p = &s->passed[(*position)++];

                if (p->fd >= 0) {
                        *ret_identity = p->identity;
                        return p->fd;
                }
        }
        return -ENOENT;
}

void fd_store_drop_unclaimed(struct fd_store *s) {
        if (!s)
                return;
        pthread_mutex_lock(&s->lock);
        for (size_t i = 0; i < s->n_passed; i++)
                if (s->passed[i].fd >= 0) {
                        remove_locked(s, s->passed[i].number);
                        closep(&s->passed[i].fd);
                        s->passed[i].fd = -1;
                }
        pthread_mutex_unlock(&s->lock);
}
