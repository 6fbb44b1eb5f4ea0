/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "service/unit/message.h"

static struct kept_fd *kept_fd_unref(struct kept_fd *f) {
        if (--f->refs > 0)
                return NULL;
        if (f->shared)
                LIST_REMOVE(f, entries);
        closep(&f->fd);
        free(f);
        return NULL;
}

static int kept_fd_new(int fd, struct kept_fd **ret) {
        struct kept_fd *f = malloc(sizeof(*f));

        if (!f)
                return -ENOMEM;
        *f = (struct kept_fd) { .refs = 1, .fd = fcntl(fd, F_DUPFD_CLOEXEC, 3) };
        if (f->fd < 0) {
                int r = -errno;

                free(f);
                return r;
        }
        *ret = f;
        return 0;
}

static int kept_fd_find(struct kept_fds *shared, int fd, struct kept_fd **ret) {
        struct kept_fd *f;
        struct stat st;
        int r;

        if (fstat(fd, &st) < 0)
                return -errno;
        LIST_FOREACH(f, shared, entries)
                if (f->inode == st.st_ino && f->device == st.st_dev) {
                        f->refs++;
                        *ret = f;
                        return 0;
                }
        r = kept_fd_new(fd, &f);
        if (r < 0)
                return r;
        f->shared = true;
        f->inode = st.st_ino;
        f->device = st.st_dev;
        LIST_INSERT_HEAD(shared, f, entries);
        *ret = f;
        return 0;
}

struct message *message_free(struct message *m) {
        if (!m)
                return NULL;
        for (size_t i = 0; i < m->n_files; i++)
                kept_fd_unref(m->files[i]);
        free(m);
        return NULL;
}

int message_new(const struct consumer_header *header, const int *fds, size_t n_fds, struct kept_fds *shared,
                struct message **ret) {
        _cleanup_(message_freep) struct message *m = NULL;
        int r;

        if (n_fds > MESSAGE_FDS_MAX)
                return -EINVAL;
        m = malloc(sizeof(*m) + header->size);
        if (!m)
                return -ENOMEM;
        *m = (struct message) { 0 };
        memcpy(m->body, header, header->size);
        for (size_t i = 0; i < n_fds; i++) {
                if (header->type == CONSUMER_CLASSES)
                        r = kept_fd_find(shared, fds[i], &m->files[i]);
                else
                        r = kept_fd_new(fds[i], &m->files[i]);
                if (r < 0)
                        return r;
                m->n_files++;
        }
        *ret = TAKE_PTR(m);
        return 0;
}

bool message_type_is_told(uint32_t type) {
        return type == CONSUMER_RINGS || type == CONSUMER_RING_FILES || type == CONSUMER_CLASSES;
}

bool message_describes(const struct message *m) {
        switch (m->body->header.type) {
        case CONSUMER_OUTPUT:
        case CONSUMER_SESSION:
        case CONSUMER_RINGS:
        case CONSUMER_RING_FILES:
        case CONSUMER_CLASSES:
        case CONSUMER_RELEASE:
        case CONSUMER_RESUMED:
        case CONSUMER_KERNEL:
        case CONSUMER_KERNEL_CPUS:
        case CONSUMER_KERNEL_EVENTS:
        case CONSUMER_KERNEL_STATE:
                return true;
        default:
                return false;
        }
}

void message_set_resumed(struct message *m) {
        if (!m->left)
                return;
        if (m->body->header.type == CONSUMER_OUTPUT)
                m->body->output.flags |= CONSUMER_RESUME;
        else if (m->body->header.type == CONSUMER_SNAPSHOT)
                m->body->snapshot.flags |= CONSUMER_RESUME;
        else if (m->body->header.type == CONSUMER_ROTATE)
                m->body->rotate.flags |= CONSUMER_RESUME;
}

bool message_is_of_set(const struct message *m, uint64_t set) {
        switch (m->body->header.type) {
        case CONSUMER_RINGS:
        case CONSUMER_RING_FILES:
                return m->body->rings.set == set;
        case CONSUMER_CLASSES:
                return m->body->classes.set == set;
        case CONSUMER_RELEASE:
                return m->body->release.set == set;
        default:
                return false;
        }
}
