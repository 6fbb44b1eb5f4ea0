/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>

#include "protocol/ctf.h"
#include "protocol/view.h"

static int check_layout(const struct view_header *h, size_t size) {
        uint64_t need;

        if (h->header_size < sizeof(*h) || h->header_size % 8 || h->ring_size < sizeof(struct view_ring) ||
            h->ring_size % 8 || h->ring_size > 4096 || h->action_size < sizeof(struct view_action) ||
            h->action_size % 8 || h->action_size > 4096 || h->n_rings > VIEW_RINGS_MAX)
                return -EBADMSG;
        need = h->header_size + (uint64_t) h->ring_size * h->n_rings + (uint64_t) h->action_size * h->n_actions;
        if (need != h->total_size || need > size)
                return -EBADMSG;
        return 0;
}

int view_check(const void *data, size_t size, size_t n_fds, struct view *ret) {
        const struct view_header *h = data;
        uint32_t last_event = 0;
        size_t need_fds = 0;
        struct view v;

        if (size < sizeof(*h) || h->magic != VIEW_MAGIC)
                return -EBADMSG;
        if (h->major != VIEW_MAJOR)
                return -EPROTONOSUPPORT;
        if (check_layout(h, size) < 0)
                return -EBADMSG;
        v = (struct view) {
                .header = h,
                .rings = (const char *) data + h->header_size,
                .actions = (const char *) data + h->header_size + (size_t) h->ring_size * h->n_rings,
                .ring_size = h->ring_size,
                .action_size = h->action_size,
                .n_rings = h->n_rings,
                .n_actions = h->n_actions,
        };
        for (uint32_t i = 0; i < v.n_rings; i++)
                need_fds += view_ring_fds(view_ring_at(&v, i)->flags);
        if (need_fds != n_fds)
                return -EBADMSG;
        for (uint32_t i = 0; i < v.n_actions; i++) {
                const struct view_action *a = view_action_at(&v, i);

                if (a->event < last_event || a->event >= h->n_events || a->ring >= v.n_rings || a->id < CTF_ID_FIRST)
                        return -EBADMSG;
                last_event = a->event;
        }
        *ret = v;
        return 0;
}
