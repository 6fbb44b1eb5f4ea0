/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "common/fd.h"
#include "protocol/ring.h"
#include "service/domain/spare.h"
#include "service/domain/stream.h"
#include "service/state/fd-store.h"

static struct stream *stream_free(struct stream *s) {
        fd_store_remove(s->domain->store, &s->ring_stored);
        fd_store_remove(s->domain->store, &s->positions_stored);
        closep(&s->ring_fd);
        closep(&s->positions_fd);
        closep(&s->positions_readonly_fd);
        atomic_fetch_sub(&s->domain->ring_bytes, s->bytes);
        charge_done(&s->memory_charge);
        charge_done(&s->charge);
        free(s->announced);
        free(s);
        return NULL;
}

struct stream *stream_ref(struct stream *s) {
        atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
        return s;
}

struct stream *stream_unref(struct stream *s) {
        if (s && atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) == 1)
                stream_free(s);
        return NULL;
}

static int map_shared(int fd, uint64_t size, void **ret) {
        void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

        if (p == MAP_FAILED)
                return -errno;
        *ret = p;
        return 0;
}

static int format(const struct user_domain *domain, const struct ring_geometry *g, int ring_fd, int positions_fd) {
        void *ring = NULL, *positions = NULL;
        int r;

        r = map_shared(ring_fd, g->total_size, &ring);
        if (r < 0)
                return r;
        r = map_shared(positions_fd, g->positions_size, &positions);
        if (r >= 0) {
                ring_format(g, trace_clock_read(domain->clock, domain->timens_offset), ring, positions);
                munmap(positions, g->positions_size);
        }
        munmap(ring, g->total_size);
        return r;
}

static int make_ring_file(struct user_domain *domain, uint64_t size, int *ret_fd) {
        struct spare *spare = atomic_exchange(&domain->spare, NULL);

        if (spare && spare_take(spare, size, ret_fd) >= 0)
                return 0;
        return memfd_new_shared("tracectl-ring", size, ret_fd);
}

static int make_files(struct stream *s, const struct ring_geometry *g) {
        int r;

        r = make_ring_file(s->domain, g->total_size, &s->ring_fd);
        if (r < 0)
                return r;
        r = memfd_new_shared("tracectl-positions", g->positions_size, &s->positions_fd);
        if (r < 0)
                return r;
        r = fd_reopen_readonly(s->positions_fd, &s->positions_readonly_fd);
        if (r < 0)
                return r;
        return format(s->domain, g, s->ring_fd, s->positions_fd);
}

uint32_t stream_ring_flags(const struct model_channel *channel, bool locked) {
        return (channel->overwrite ? RING_OVERWRITE : 0) | (locked ? RING_LOCKED : 0) |
               (channel->ordered_clock ? RING_ORDERED : 0);
}

static int geometry_of(const struct user_domain *domain, const struct model_channel *channel, bool locked,
                       struct ring_geometry *ret) {
        return ring_geometry_init(ret, stream_ring_flags(channel, locked), domain->clock, domain->n_cpus,
                                  channel->n_subbufs, channel->subbuf_size);
}

void stream_foresee(struct user_domain *domain, const struct model_channel *channel) {
        struct spare *spare;
        struct ring_geometry g;

        if (!domain->foresees || atomic_load(&domain->spare) || geometry_of(domain, channel, false, &g) < 0 ||
            atomic_load(&domain->ring_bytes) + g.total_size > domain->ring_bytes_max)
                return;
        if (spare_new(g.total_size, &spare) >= 0)
                spare_free(atomic_exchange(&domain->spare, spare));
}

/* Without files. */
static int make(struct user_domain *domain, const struct model_channel *channel, uid_t uid, const struct ring_geometry *g,
                struct stream **ret) {
        _cleanup_(stream_unrefp) struct stream *s = NULL;
        uint64_t total;
        int r;

        s = malloc(sizeof(*s));
        if (!s)
                return -ENOMEM;
        *s = (struct stream) {
                .refs = 1,
                .domain = domain,
                .channel = channel->id,
                .bytes = g->total_size,
                .ring_fd = -1,
                .positions_fd = -1,
                .positions_readonly_fd = -1,
        };
        total = atomic_fetch_add(&domain->ring_bytes, s->bytes) + s->bytes;
        r = quota_charge(&domain->quota, uid, QUOTA_STREAMS, 1, &s->charge);
        if (r >= 0)
                r = quota_charge(&domain->quota, uid, QUOTA_RING_MEMORY, s->bytes, &s->memory_charge);
        if (r < 0)
                return r;
        if (total > domain->ring_bytes_max)
                return -EFBIG;
        *ret = TAKE_PTR(s);
        return 0;
}

int stream_new(struct user_domain *domain, const struct model_channel *channel, uid_t uid, bool locked,
               struct stream **ret) {
        _cleanup_(stream_unrefp) struct stream *s = NULL;
        struct ring_geometry g;
        int r;

        r = geometry_of(domain, channel, locked, &g);
        if (r >= 0)
                r = make(domain, channel, uid, &g, &s);
        if (r >= 0)
                r = make_files(s, &g);
        if (r < 0)
                return r;
        s->is_made = true;
        s->ring_id = user_domain_next_id(domain);
        /* A process's own rings are mapped by it alone: after a restart it gets new ones. */
        if (!locked) {
                s->ring_stored = fd_store_add(domain->store, s->ring_fd, FD_STORE_RINGS);
                s->positions_stored = fd_store_add(domain->store, s->positions_fd, FD_STORE_RINGS);
        }
        *ret = TAKE_PTR(s);
        return 0;
}

int stream_new_in_files(struct user_domain *domain, const struct model_channel *channel, uid_t uid, bool locked,
                        struct stream **ret) {
        struct ring_geometry g;
        int r;

        r = geometry_of(domain, channel, locked, &g);
        if (r >= 0)
                r = make(domain, channel, uid, &g, ret);
        if (r < 0)
                return r;
        (*ret)->in_files = true;
        (*ret)->ring_id = user_domain_next_id(domain);
        return 0;
}

int stream_restore_in_files(struct user_domain *domain, const struct consumer_ring_files *m, uid_t uid,
                            uint64_t ring_id, struct stream **ret) {
        const struct model_channel channel = {
                .id = m->rings.stream,
                .overwrite = m->flags & RING_OVERWRITE,
                .n_subbufs = m->n_subbufs,
                .subbuf_size = m->subbuf_size,
        };
        struct ring_geometry g;
        int r;

        r = geometry_of(domain, &channel, m->flags & RING_LOCKED, &g);
        if (r >= 0)
                r = make(domain, &channel, uid, &g, ret);
        if (r < 0)
                return r;
        (*ret)->in_files = true;
        (*ret)->ring_id = ring_id;
        user_domain_note_id(domain, ring_id);
        return 0;
}

static bool is_file_of(int fd, uid_t owner, uint64_t size) {
        struct stat st;

        return fd >= 0 && fstat(fd, &st) >= 0 && S_ISREG(st.st_mode) && st.st_uid == owner &&
               (uint64_t) st.st_size >= size;
}

int stream_give_files(struct stream *s, uid_t owner, int fds[2]) {
        /* A consumer that goes on brings them again. */
        if (atomic_load(&s->is_made))
                return 0;
        if (!is_file_of(fds[0], owner, s->bytes) || !is_file_of(fds[1], owner, sizeof(struct ring_positions)))
                return -EBADMSG;
        s->ring_fd = TAKE_FD(fds[0]);
        s->positions_readonly_fd = TAKE_FD(fds[1]);
        /* Pairs with the acquire in session_view_is_ready(). */
        atomic_store_explicit(&s->is_made, true, memory_order_release);
        return 0;
}

static int check_files(const struct stream *s, uint64_t *ret_size) {
        uint64_t positions_size;
        int r;

        r = memfd_check_shared(s->ring_fd, ret_size);
        return r < 0 ? r : memfd_check_shared(s->positions_fd, &positions_size);
}

int stream_restore(struct user_domain *domain, uint32_t channel, uid_t uid, const struct stream_remains *remains,
                   struct stream **ret) {
        _cleanup_close_ int ring_fd = remains->ring_fd, positions_fd = remains->positions_fd;
        _cleanup_(stream_unrefp) struct stream *s = NULL;
        int r;

        s = malloc(sizeof(*s));
        if (!s)
                return -ENOMEM;
        *s = (struct stream) {
                .refs = 1,
                .domain = domain,
                .ring_id = remains->ring_id,
                .channel = channel,
                .ring_fd = TAKE_FD(ring_fd),
                .positions_fd = TAKE_FD(positions_fd),
                .positions_readonly_fd = -1,
                .ring_stored = remains->ring_stored,
                .positions_stored = remains->positions_stored,
        };
        user_domain_note_id(domain, s->ring_id);
        if (s->ring_fd >= 0) {
                uint64_t size;

                r = check_files(s, &size);
                if (r < 0)
                        return r;
                s->bytes = size;
                atomic_fetch_add(&domain->ring_bytes, size);
                /* Whoever has it already may have it. */
                (void) quota_charge(&domain->quota, uid, QUOTA_STREAMS, 1, &s->charge);
                (void) quota_charge(&domain->quota, uid, QUOTA_RING_MEMORY, size, &s->memory_charge);
                r = fd_reopen_readonly(s->positions_fd, &s->positions_readonly_fd);
                if (r < 0)
                        return r;
                s->is_made = true;
        }
        *ret = TAKE_PTR(s);
        return 0;
}

bool stream_has_class(const struct stream *s, uint32_t id) {
        return id / 64 < s->n_announced && s->announced[id / 64] & UINT64_C(1) << id % 64;
}

int stream_add_class(struct stream *s, uint32_t id) {
        if (id / 64 >= s->n_announced) {
                uint32_t n = (id / 64 + 1) * 2;
                uint64_t *bits = realloc(s->announced, n * sizeof(*bits));

                if (!bits)
                        return -ENOMEM;
                memset(bits + s->n_announced, 0, (n - s->n_announced) * sizeof(*bits));
                s->announced = bits;
                s->n_announced = n;
        }
        s->announced[id / 64] |= UINT64_C(1) << id % 64;
        return 0;
}
