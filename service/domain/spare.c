/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/fd.h"
#include "service/domain/spare.h"

struct spare {
        pthread_t thread;
        uint64_t size;
        int fd; /* of the thread, until it has ended */
        int result;
};

static void *make(void *userdata) {
        struct spare *s = userdata;

        s->result = memfd_new_shared("tracectl-ring", s->size, &s->fd);
        return NULL;
}

int spare_new(uint64_t size, struct spare **ret) {
        struct spare *s = malloc(sizeof(*s));
        int r;

        if (!s)
                return -ENOMEM;
        *s = (struct spare) { .size = size, .fd = -1 };
        r = pthread_create(&s->thread, NULL, make, s);
        if (r > 0) {
                free(s);
                return -r;
        }
        *ret = s;
        return 0;
}

int spare_take(struct spare *s, uint64_t size, int *ret_fd) {
        int r;

        pthread_join(s->thread, NULL);
        r = s->size == size ? s->result : -ENOENT;
        if (r >= 0)
                *ret_fd = TAKE_FD(s->fd);
        closep(&s->fd);
        free(s);
        return r;
}

struct spare *spare_free(struct spare *s) {
        if (!s)
                return NULL;
        pthread_join(s->thread, NULL);
        closep(&s->fd);
        free(s);
        return NULL;
}
