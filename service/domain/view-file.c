/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "common/fd.h"
#include "service/domain/view-file.h"

/* How many are kept, and how large. */
#define KEPT 8
#define KEPT_SIZE_MAX 65536

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* the last of all */
static struct view_file *kept[KEPT];                     /* each counted */
static unsigned oldest;

static struct view_file *ref(struct view_file *f) {
        atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
        return f;
}

struct view_file *view_file_unref(struct view_file *f) {
        if (f && atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) == 1) {
                closep(&f->fd);
                free(f);
        }
        return NULL;
}

static bool is_same_key(const struct compartment_key *a, const struct compartment_key *b) {
        return a->uid == b->uid && a->word_size == b->word_size && a->user_namespace == b->user_namespace &&
               a->pid_namespace == b->pid_namespace && a->alone == b->alone && strcmp(a->label, b->label) == 0;
}

static struct view_file *find(const struct compartment_key *key, const void *data, size_t size) {
        struct view_file *found = NULL;

        pthread_mutex_lock(&lock);
        for (unsigned i = 0; i < KEPT && kept[i] && !found; i++)
                if (kept[i]->size == size && memcmp(kept[i]->data, data, size) == 0 && is_same_key(&kept[i]->key, key))
                        found = ref(kept[i]);
        pthread_mutex_unlock(&lock);
        return found;
}

static void keep(struct view_file *f) {
        struct view_file *replaced;

        pthread_mutex_lock(&lock);
        replaced = kept[oldest];
        kept[oldest] = ref(f);
        oldest = (oldest + 1) % KEPT;
        pthread_mutex_unlock(&lock);
        view_file_unref(replaced);
}

int view_file_get(const struct compartment_key *key, const void *data, size_t size, struct view_file **ret) {
        bool is_kept = key && size <= KEPT_SIZE_MAX;
        struct view_file *f = is_kept ? find(key, data, size) : NULL;
        int r;

        if (f) {
                *ret = f;
                return 0;
        }
        f = malloc(sizeof(*f) + size);
        if (!f)
                return -ENOMEM;
        f->refs = 1;
        f->key = key ? *key : (struct compartment_key) { 0 };
        f->size = size;
        memcpy(f->data, data, size);
        r = memfd_new_constant("tracectl-view", data, size, &f->fd);
        if (r < 0) {
                free(f);
                return r;
        }
        if (is_kept)
                keep(f);
        *ret = f;
        return 0;
}
