/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/fd.h"
#include "consumer/channel.h"
#include "consumer/metadata.h"
#include "protocol/context.h"

struct channel *channel_free(struct channel *channel) {
        if (!channel)
                return NULL;
        for (uint32_t i = 0; channel->streams && i < channel->geometry.n_cpus; i++)
                stream_done(&channel->streams[i]);
        free(channel->streams);
        walker_done(&channel->walker);
        if (channel->ring)
                munmap((void *) channel->ring, channel->geometry.total_size);
        if (channel->positions)
                munmap(channel->positions, channel->geometry.positions_size);
        free(channel);
        return NULL;
}

DEFINE_CLEANUP(struct channel *, channel_free);

/* A file of the output cannot be sealed: whoever cuts it off ends us, and his own recording. */
static int size_of(int fd, bool in_files, uint64_t *ret_size) {
        struct stat st;

        if (!in_files)
                return memfd_check_shared(fd, ret_size);
        if (fstat(fd, &st) < 0)
                return -errno;
        *ret_size = (uint64_t) st.st_size;
        return 0;
}

static int map_shared(const struct channel *channel, int fd, int protection, void **ret, uint64_t *ret_size) {
        uint64_t size;
        void *p;
        int r;

        r = size_of(fd, channel->in_files, &size);
        if (r < 0)
                return r;
        if (size == 0)
                return -EBADMSG;
        p = mmap(NULL, size, protection, MAP_SHARED, fd, 0);
        if (p == MAP_FAILED)
                return -errno;
        *ret = p;
        *ret_size = size;
        return 0;
}

static int map_ring_set(struct channel *channel, int ring_fd, int positions_fd) {
        uint64_t ring_size, positions_size;
        void *ring, *positions;
        int r;

        r = map_shared(channel, ring_fd, PROT_READ, &ring, &ring_size);
        if (r < 0)
                return r;
        r = map_shared(channel, positions_fd, PROT_READ | PROT_WRITE, &positions, &positions_size);
        if (r < 0) {
                munmap(ring, ring_size);
                return r;
        }
        r = ring_geometry_load(ring, ring_size, positions_size, &channel->geometry);
        if (r >= 0 && (channel->geometry.total_size != ring_size || channel->geometry.positions_size != positions_size))
                r = -EBADMSG;
        if (r < 0) {
                munmap(ring, ring_size);
                munmap(positions, positions_size);
                return r;
        }
        channel->ring = ring;
        channel->positions = positions;
        return 0;
}

static int init_streams(struct channel *channel) {
        channel->streams = calloc(channel->geometry.n_cpus, sizeof(channel->streams[0]));
        if (!channel->streams)
                return -ENOMEM;
        for (uint32_t i = 0; i < channel->geometry.n_cpus; i++)
                stream_file_init(&channel->streams[i].file, &channel->set->trace, channel->name, channel->stream_id, i);
        for (uint32_t i = 0; i < channel->geometry.n_cpus; i++) {
                int r = stream_init(&channel->streams[i], channel, i, &channel->folded);

                if (r < 0)
                        return r;
                channel->set->trace.reopen |= r > 0 || channel->set->session->rebooted;
        }
        return 0;
}

int channel_new(struct set *set, const struct consumer_rings *rings, int ring_fd, int positions_fd,
                struct channel **ret) {
        _cleanup_(channel_freep) struct channel *channel = NULL;
        int r;

        channel = calloc(1, sizeof(*channel));
        if (!channel)
                return -ENOMEM;
        channel->set = set;
        channel->in_files = rings->header.type == CONSUMER_RING_FILES;
        channel->stream_id = rings->stream;
        channel->contexts.bits = channel->walker.contexts = rings->contexts;
        memcpy(channel->contexts.app, rings->app_contexts, sizeof(channel->contexts.app));
        memcpy(channel->name, rings->channel, sizeof(channel->name));
        r = map_ring_set(channel, ring_fd, positions_fd);
        if (r < 0)
                return r;
        if (channel->geometry.clock != set->session->info.clock)
                return -EBADMSG;
        r = session_reserve_scratch(set->session, channel->geometry.subbuf_size);
        if (r < 0)
                return r;
        r = init_streams(channel);
        if (r < 0)
                return r;
        r = metadata_stream(&set->classes, channel->stream_id, channel->geometry.flags & RING_ORDERED);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(channel);
        return 0;
}

/* The classes of a message by their event's index, the order of the definitions. */
static int compare_classes(const void *a, const void *b) {
        const struct consumer_class *x = a, *y = b;

        return x->event < y->event ? -1 : x->event > y->event;
}

static int add_class(struct channel *channel, uint32_t id, const struct app_contexts *app,
                     const struct definition *definition) {
        struct text *text = &channel->set->classes;
        size_t before = text->size;
        int r;

        if (walker_has(&channel->walker, id))
                return 0;
        r = metadata_event(text, channel->stream_id, id, &channel->contexts, app, definition);
        if (r < 0)
                return r;
        r = walker_add(&channel->walker, id, app, definition);
        if (r < 0)
                text->size = before;
        return r;
}

/* Reads the definitions once along the sorted classes; only checks them where add is false. */
static int go_through(struct channel *channel, const struct consumer_class *classes, uint32_t n_classes,
                      const void *definitions, size_t size, bool add) {
        struct definitions_reader reader;
        struct definition definition;
        struct app_contexts app;
        uint32_t i = 0;
        int r;

        r = app_contexts_resolve(channel->contexts.app, definitions, size, &app);
        if (r >= 0)
                r = definitions_reader_init(&reader, definitions, size);
        if (r < 0)
                return r;
        for (uint32_t event = 0; i < n_classes; event++) {
                r = definitions_reader_next(&reader, &definition);
                if (r <= 0)
                        return -EBADMSG;
                for (; i < n_classes && classes[i].event == event; i++) {
                        if (!walker_id_is_valid(classes[i].id))
                                return -EBADMSG;
                        r = add ? add_class(channel, classes[i].id, &app, &definition) : 0;
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

int channel_add_classes(struct channel *channel, const struct consumer_class *classes, uint32_t n_classes,
                        const void *definitions, size_t size) {
        _cleanup_free_ struct consumer_class *sorted = NULL;
        int r;

        if (n_classes == 0)
                return 0;
        sorted = malloc(n_classes * sizeof(sorted[0]));
        if (!sorted)
                return -ENOMEM;
        memcpy(sorted, classes, n_classes * sizeof(sorted[0]));
        qsort(sorted, n_classes, sizeof(sorted[0]), compare_classes);
        r = go_through(channel, sorted, n_classes, definitions, size, false);
        if (r < 0)
                return r;
        return go_through(channel, sorted, n_classes, definitions, size, true);
}
