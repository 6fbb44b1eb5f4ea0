/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "common/parse.h"
#include "protocol/ring.h"
#include "service/domain/recording.h"
#include "service/domain/spare.h"
#include "service/domain/user.h"
#include "service/state/ledger.h"

/* One part in this many of the machine's memory: for a ring set, and for all of them. */
#define RING_SHARE 16
#define ALL_RINGS_SHARE 2

/* The number after the last '-' or ',' of a list such as "0-3,8-11", plus one. */
static int read_possible_cpus(uint32_t *ret) {
        _cleanup_close_ int fd = open("/sys/devices/system/cpu/possible", O_RDONLY | O_CLOEXEC);
        char text[4096], *last;
        uint64_t cpu;
        ssize_t n;

        if (fd < 0)
                return -errno;
        n = read(fd, text, sizeof(text) - 1);
        if (n <= 0)
                return n < 0 ? -errno : -ENODATA;
        text[n] = '\0';
        text[strcspn(text, "\n")] = '\0';
        last = text + strlen(text);
        while (last > text && last[-1] != '-' && last[-1] != ',')
                last--;
        if (parse_u64(last, &cpu) < 0 || cpu >= RING_CPUS_MAX)
                return -EBADMSG;
        *ret = (uint32_t) cpu + 1;
        return 0;
}

int user_domain_new(struct user_domain **ret) {
        _cleanup_(user_domain_freep) struct user_domain *d = NULL;
        uint64_t memory;
        int r;

        d = malloc(sizeof(*d));
        if (!d)
                return -ENOMEM;
        *d = (struct user_domain) { .clock = trace_clock_choose() };
        pthread_mutex_init(&d->lock, NULL);
        quota_init(&d->quota, getuid());
        compartment_table_init(&d->compartments);
        if (d->clock == TRACE_CLOCK_MONOTONIC)
                d->timens_offset = trace_clock_timens_offset();
        r = read_possible_cpus(&d->n_cpus);
        if (r < 0)
                d->n_cpus = (uint32_t) sysconf(_SC_NPROCESSORS_CONF);
        memory = (uint64_t) sysconf(_SC_PHYS_PAGES) * (uint64_t) sysconf(_SC_PAGESIZE);
        d->ring_size_max = memory / RING_SHARE;
        d->ring_bytes_max = memory / ALL_RINGS_SHARE;
        quota_set_total(&d->quota, QUOTA_RING_MEMORY, d->ring_bytes_max);
        *ret = TAKE_PTR(d);
        return 0;
}

struct user_domain *user_domain_free(struct user_domain *d) {
        if (!d)
                return NULL;
        spare_free(d->spare);
        quota_done(&d->quota);
        compartment_table_done(&d->compartments);
        pthread_mutex_destroy(&d->lock);
        free(d);
        return NULL;
}

void user_domain_fit(const struct user_domain *d, uint64_t *subbuf_size, uint32_t *n_subbufs) {
        while (*subbuf_size * *n_subbufs * d->n_cpus > d->ring_size_max) {
                if (*subbuf_size > RING_SUBBUF_SIZE_MIN)
                        *subbuf_size /= 2;
                else if (*n_subbufs > RING_SUBBUFS_MIN)
                        *n_subbufs /= 2;
                else
                        return;
        }
}

uint64_t user_domain_next_id(struct user_domain *d) {
        uint64_t id = atomic_fetch_add(&d->last_id, 1) + 1;

        ledger_count(d->ledger, LEDGER_RINGS, id);
        return id;
}

void user_domain_note_id(struct user_domain *d, uint64_t id) {
        if (d->last_id < id)
                d->last_id = id;
}

void user_domain_release_lost(struct user_domain *d, uint64_t application) {
        pthread_mutex_lock(&d->lock);
        for (struct recording *r = d->recordings; r; r = recording_next(r))
                recording_release_lost(r, application);
        pthread_mutex_unlock(&d->lock);
}

void user_domain_release(struct user_domain *d, uint64_t application) {
        pthread_mutex_lock(&d->lock);
        for (struct recording *r = d->recordings; r; r = recording_next(r))
                recording_release(r, application);
        pthread_mutex_unlock(&d->lock);
}
