/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/fd.h"
#include "consumer/channel.h"
#include "consumer/drainer.h"
#include "consumer/kernel.h"
#include "consumer/ring-files.h"
#include "consumer/stream-check.h"

static int on_session(struct drainer *drainer, const struct message *m) {
        if (drainer->session.output.status)
                return -EBADMSG;
        return session_begin(&drainer->session, &m->session, m->fds[0]);
}

static int add_channel(struct set *set, const struct message *m) {
        struct channel *channel;
        int r;

        r = channel_new(set, &m->rings, m->fds[0], m->fds[1], &channel);
        if (r < 0)
                return r;
        LIST_INSERT_HEAD(&set->channels, channel, entries);
        /* A full disk is no reason to refuse a ring set; the status page shows it, and every packet tries again. */
        (void) set_sync(set);
        return 0;
}

static int add_set(struct drainer *drainer, const struct message *m) {
        struct metadata_set identity = {
                .uid = m->rings.uid,
                .word_size = m->rings.word_size,
                .pid = m->rings.pid,
        };
        struct set *set;
        int r;

        memcpy(identity.name, m->rings.set_name, sizeof(identity.name));
        r = set_new(&drainer->session, m->rings.set, &identity, m->rings.uuid, &set);
        if (r < 0)
                return r;
        r = add_channel(set, m);
        if (r < 0) {
                set_free(set);
                return r;
        }
        LIST_INSERT_HEAD(&drainer->sets, set, entries);
        return 0;
}

static int on_rings(struct drainer *drainer, const struct message *m) {
        struct set *set = sets_find(&drainer->sets, m->rings.set);
        struct channel *channel;

        if (!set)
                return add_set(drainer, m);
        if (set->identity.uid != m->rings.uid || strcmp(set->identity.name, m->rings.set_name) != 0 ||
            memcmp(set->trace.uuid, m->rings.uuid, sizeof(set->trace.uuid)) != 0)
                return -EBADMSG;
        if (set_find_channel(set, m->rings.stream))
                return -EEXIST;
        LIST_FOREACH(channel, &set->channels, entries)
                if (strcmp(channel->name, m->rings.channel) == 0)
                        return -EEXIST;
        return add_channel(set, m);
}

/* The journal last: what a recovery reads there has its files. */
static int on_ring_files(struct drainer *drainer, struct message *m) {
        struct session *session = &drainer->session;
        int r;

        if (!session->has_rings)
                return -EBADMSG;
        r = ring_files_open(session, &m->ring_files, &m->fds[0], &m->fds[1]);
        if (r < 0)
                return r;
        m->n_fds = 2;
        r = on_rings(drainer, m);
        return r < 0 ? r : journal_add(&session->journal, &m->header, NULL, 0);
}

static int find_channel(struct drainer *drainer, uint64_t set_id, uint32_t stream, struct channel **ret) {
        struct set *set = sets_find(&drainer->sets, set_id);
        struct channel *channel = set ? set_find_channel(set, stream) : NULL;

        if (!channel)
                return -ENOENT;
        *ret = channel;
        return 0;
}

static int on_classes(struct drainer *drainer, const struct message *m) {
        struct channel *channel;
        const void *definitions;
        size_t size;
        int r;

        r = find_channel(drainer, m->classes.set, m->classes.stream, &channel);
        if (r < 0)
                return r;
        r = memfd_map_constant(m->fds[0], DEFINITIONS_SIZE_MAX, &definitions, &size);
        if (r < 0)
                return r;
        r = channel_add_classes(channel, m->classes.classes, m->classes.n_classes, definitions, size);
        if (r >= 0 && channel->in_files)
                r = journal_add(&drainer->session.journal, &m->header, definitions, size);
        munmap((void *) definitions, size);
        (void) set_sync(channel->set);
        return r;
}

static int queue_task(struct drainer *drainer, const struct message *m) {
        struct task *task = calloc(1, sizeof(*task));

        if (!task)
                return -ENOMEM;
        task->serial = m->header.serial;
        task->type = m->header.type;
        if (m->header.type == CONSUMER_RELEASE) {
                task->set = m->release.set;
                task->stream = m->release.stream;
        } else if (m->header.type == CONSUMER_SNAPSHOT) {
                memcpy(task->name, m->snapshot.name, sizeof(task->name));
                task->resume = m->snapshot.flags & CONSUMER_RESUME;
        } else if (m->header.type == CONSUMER_ROTATE) {
                memcpy(task->name, m->rotate.name, sizeof(task->name));
                task->resume = m->rotate.flags & CONSUMER_RESUME;
                task->keep_kib = m->rotate.keep_kib;
                task->clock = (struct session_clock) {
                        .frequency = m->rotate.clock_frequency,
                        .offset_seconds = m->rotate.clock_offset_seconds,
                        .offset_ticks = m->rotate.clock_offset_ticks,
                        .precision = m->rotate.clock_precision,
                };
        }
        STAILQ_INSERT_TAIL(&drainer->tasks, task, entries);
        return 1;
}

static int on_stream(struct drainer *drainer) {
        struct message *m = &drainer->message;
        int r;

        r = live_add(&drainer->session.live, m->fds[0], m->fds[1]);
        if (r < 0)
                return r;
        m->n_fds = 0;
        drainer->next_partial = 0;
        return 0;
}

/* All that a predecessor knew is known again. */
static int on_resumed(struct drainer *drainer) {
        struct set *set;

        if (!drainer->learning)
                return -EBADMSG;
        drainer->learning = false;
        LIST_FOREACH(set, &drainer->sets, entries)
                trace_cut(&set->trace);
        if (drainer->session.rebooted)
                stream_check_all(&drainer->session, &drainer->sets);
        kernel_resumed(drainer->session.kernel);
        return 0;
}

int drainer_dispatch(struct drainer *drainer, const struct message *m) {
        struct channel *channel;
        int r;

        if (m->header.type == CONSUMER_SESSION)
                return on_session(drainer, m);
        if (!drainer->session.output.status)
                return -EBADMSG;
        switch (m->header.type) {
        case CONSUMER_RINGS:
                return on_rings(drainer, m);
        case CONSUMER_RING_FILES:
                return on_ring_files(drainer, &drainer->message);
        case CONSUMER_CLASSES:
                return on_classes(drainer, m);
        case CONSUMER_KERNEL:
        case CONSUMER_KERNEL_CPUS:
        case CONSUMER_KERNEL_EVENTS:
        case CONSUMER_KERNEL_STATE:
                return kernel_dispatch(&drainer->session, m);
        case CONSUMER_RELEASE:
                if (kernel_find_channel(drainer->session.kernel, m->release.set, m->release.stream))
                        return queue_task(drainer, m);
                r = find_channel(drainer, m->release.set, m->release.stream, &channel);
                return r < 0 ? r : queue_task(drainer, m);
        case CONSUMER_FLUSH:
        case CONSUMER_SNAPSHOT:
        case CONSUMER_STOP:
        case CONSUMER_ROTATE:
        case CONSUMER_CLEAR:
                return queue_task(drainer, m);
        case CONSUMER_STREAM:
                return on_stream(drainer);
        case CONSUMER_RESUMED:
                return on_resumed(drainer);
        default:
                return -EBADMSG;
        }
}
