/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>

#include "common/hash.h"
#include "protocol/ctf.h"
#include "protocol/view.h"

/* How far the arrays reach, or 0 where they make no sense. total_size is within the file. */
static uint64_t check_layout(const struct view_header *h, const struct view *v, size_t size) {
        uint64_t end;

        if (h->header_size < VIEW_HEADER_SIZE_MIN || h->header_size % 8 || h->header_size > size ||
            h->ring_size < VIEW_RING_SIZE_MIN || h->ring_size % 8 || h->ring_size > 4096 ||
            h->action_size < SIZE_BEFORE_LATER(struct view_action) || h->action_size % 8 || h->action_size > 4096 ||
            h->n_rings > VIEW_RINGS_MAX)
                return 0;
        if (v->n_filters > 0 &&
            (v->filter_size < SIZE_BEFORE_LATER(struct view_filter) || v->filter_size % 8 || v->filter_size > 4096))
                return 0;
        end = h->header_size + (uint64_t) h->ring_size * h->n_rings + (uint64_t) h->action_size * h->n_actions +
              (uint64_t) v->filter_size * v->n_filters;
        return end <= h->total_size && h->total_size <= size ? end : 0;
}

/* Each byte belongs to one filter, so that it is checked once. What follows the last one is a later version's. */
static int check_filters(const struct view *v, uint64_t end) {
        for (uint32_t i = 1; i <= v->n_filters; i++) {
                const struct view_filter *f = view_filter_at(v, i);
                int r;

                if (f->offset != end || f->size > v->header->total_size - end)
                        return -EBADMSG;
                r = filter_check(view_filter_code(v, f), f->size);
                if (r < 0)
                        return r;
                end += f->size;
        }
        return 0;
}

static int check_actions(const struct view *v) {
        uint32_t last_event = 0;

        for (uint32_t i = 0; i < v->n_actions; i++) {
                const struct view_action *a = view_action_at(v, i);

                if (a->event < last_event || a->event >= v->header->n_events || a->ring >= v->n_rings ||
                    a->id < CTF_ID_FIRST || a->filter > v->n_filters)
                        return -EBADMSG;
                last_event = a->event;
        }
        return 0;
}

int view_check(const void *data, size_t size, size_t n_fds, struct view *ret) {
        const struct view_header *h = data;
        size_t need_fds = 0;
        struct view v = { .header = h };
        uint64_t end;
        int r;

        if (size < VIEW_HEADER_SIZE_MIN || h->magic != VIEW_MAGIC)
                return -EBADMSG;
        if (h->major != VIEW_MAJOR)
                return -EPROTONOSUPPORT;
        if (h->header_size >= SIZE_BEFORE_LATER(*h) && size >= SIZE_BEFORE_LATER(*h) && h->n_filters > 0) {
                v.n_filters = h->n_filters;
                v.filter_size = h->filter_size;
        }
        end = check_layout(h, &v, size);
        if (end == 0)
                return -EBADMSG;
        v.ring_size = h->ring_size;
        v.action_size = h->action_size;
        v.n_rings = h->n_rings;
        v.n_actions = h->n_actions;
        v.rings = (const char *) data + h->header_size;
        v.actions = v.rings + (size_t) v.ring_size * v.n_rings;
        v.filters = v.actions + (size_t) v.action_size * v.n_actions;
        for (uint32_t i = 0; i < v.n_rings; i++)
                need_fds += view_ring_fds(view_ring_at(&v, i)->flags);
        if (n_fds != VIEW_FDS_KEPT && need_fds != n_fds)
                return -EBADMSG;
        r = check_actions(&v);
        if (r >= 0)
                r = check_filters(&v, end);
        if (r < 0)
                return r;
        *ret = v;
        return 0;
}

uint64_t view_hash(const struct view_header *view) {
        const size_t before = offsetof(struct view_header, generation), after = before + sizeof(view->generation);

        return hash_bytes(hash_bytes(HASH_INIT, view, before), (const char *) view + after, view->total_size - after);
}
