/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>

#include "consumer/channel.h"
#include "consumer/chunk.h"
#include "consumer/drainer.h"
#include "consumer/kernel.h"
#include "consumer/ring-files.h"
#include "consumer/snapshot.h"

static void settle_channel(struct channel *channel, uint64_t latest) {
        for (uint32_t i = 0; channel_discards(channel) && i < channel->geometry.n_cpus; i++)
                stream_settle(&channel->streams[i], latest);
}

static void stop(struct drainer *drainer, uint64_t latest) {
        struct channel *channel;
        struct set *set;

        LIST_FOREACH(set, &drainer->sets, entries)
                LIST_FOREACH(channel, &set->channels, entries)
                        settle_channel(channel, latest);
        kernel_settle(drainer->session.kernel);
}

/* Into the session's own trace. What is there already is saved, so this may be asked again. */
static int snapshot(struct drainer *drainer, uint64_t latest) {
        struct channel *channel;
        struct set *set;
        int r = 0;

        LIST_FOREACH(set, &drainer->sets, entries)
                LIST_FOREACH(channel, &set->channels, entries)
                        if (channel_overwrites(channel)) {
                                int q = snapshot_channel(channel, false, latest);

                                r = r < 0 ? r : q;
                        }
        return r < 0 ? r : kernel_snapshot(drainer->session.kernel);
}

static int release(struct drainer *drainer, const struct task *task, uint64_t latest) {
        struct set *set = sets_find(&drainer->sets, task->set);
        struct channel *channel = set ? set_find_channel(set, task->stream) : NULL;
        struct kernel *kernel = drainer->session.kernel;
        struct kernel_channel *of_kernel = kernel_find_channel(kernel, task->set, task->stream);
        int r = 0;

        if (of_kernel) {
                kernel_release(kernel, of_kernel);
                return 0;
        }
        if (!channel)
                return -ENOENT;
        settle_channel(channel, latest);
        if (channel_overwrites(channel))
                r = snapshot_channel(channel, true, latest);
        if (!channel->folded)
                chunk_fold(channel);
        LIST_REMOVE(channel, entries);
        channel_free(channel);
        if (LIST_EMPTY(&set->channels)) {
                LIST_REMOVE(set, entries);
                set_free(set);
                if (drainer->session.has_rings)
                        ring_files_forget(&drainer->session, task->set);
        }
        return r;
}

/* Old chunks go when there is a new one: what cannot be moved would leave less than there was. */
static int rotate(struct drainer *drainer, const struct task *task) {
        int r = chunk_rotate(&drainer->session, &drainer->sets, task->name, &task->clock, task->resume);

        return r >= 0 && task->keep_kib > 0 ? chunk_trim(&drainer->session, task->keep_kib) : r;
}

int drainer_run_task(struct drainer *drainer, const struct task *task, uint64_t latest) {
        struct session *session = &drainer->session;
        const struct sets *sets = &drainer->sets;

        switch (task->type) {
        case CONSUMER_RELEASE:
                return release(drainer, task, latest);
        case CONSUMER_SNAPSHOT:
                return task->name[0] ? snapshot_named(session, sets, task->name, task->resume, latest)
                                     : snapshot(drainer, latest);
        case CONSUMER_STOP:
                stop(drainer, latest);
                return 0;
        case CONSUMER_ROTATE:
                stop(drainer, latest);
                return rotate(drainer, task);
        case CONSUMER_CLEAR:
                return chunk_clear(session, sets, latest);
        default: /* FLUSH: the round has written everything */
                return 0;
        }
}

void drainer_finish(struct drainer *drainer, uint64_t latest) {
        struct channel *channel;
        struct set *set;

        stop(drainer, latest);
        LIST_FOREACH(set, &drainer->sets, entries)
                LIST_FOREACH(channel, &set->channels, entries)
                        if (channel_overwrites(channel))
                                (void) snapshot_channel(channel, true, latest);
        kernel_finish(drainer->session.kernel);
}
