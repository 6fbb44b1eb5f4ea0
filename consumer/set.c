/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>

#include "consumer/channel.h"
#include "consumer/set.h"

int set_new(struct session *session, uint64_t id, const struct metadata_set *identity, const uint8_t uuid[16],
            struct set **ret) {
        struct set *set;
        int r;

        set = calloc(1, sizeof(*set));
        if (!set)
                return -ENOMEM;
        set->id = id;
        set->session = session;
        set->identity = *identity;
        LIST_INIT(&set->channels);
        r = trace_init(&set->trace, session, &set->identity, &set->classes, uuid, "");
        if (r < 0) {
                free(set);
                return r;
        }
        *ret = set;
        return 0;
}

struct set *set_free(struct set *set) {
        struct channel *channel;

        if (!set)
                return NULL;
        while ((channel = LIST_FIRST(&set->channels))) {
                LIST_REMOVE(channel, entries);
                channel_free(channel);
        }
        trace_done(&set->trace);
        text_done(&set->classes);
        free(set);
        return NULL;
}

struct set *sets_find(const struct sets *sets, uint64_t id) {
        struct set *set;

        LIST_FOREACH(set, sets, entries)
                if (set->id == id)
                        return set;
        return NULL;
}

struct channel *set_find_channel(const struct set *set, uint32_t stream_id) {
        struct channel *channel;

        LIST_FOREACH(channel, &set->channels, entries)
                if (channel->stream_id == stream_id)
                        return channel;
        return NULL;
}

bool set_is_live(const struct set *set) {
        struct channel *channel;

        LIST_FOREACH(channel, &set->channels, entries)
                if (!channel->folded)
                        return true;
        return false;
}

int set_sync(struct set *set) {
        return set_is_live(set) ? trace_sync(&set->trace) : 0;
}
