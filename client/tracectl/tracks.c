/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>

#include "client/tracectl/tracks.h"

static struct track track_of(const tracectl_reader_event *event) {
        struct track track = { .cpu = -1, .process = -1 };

        track.is_thread = tracectl_reader_event_get_thread(event, &track.pid, &track.tid) > 0;
        /* The thread with nothing to do is each processor's own. */
        if (track.is_thread && track.tid == 0)
                track = (struct track) { .process = -1 };
        if (!track.is_thread)
                track.cpu = tracectl_reader_event_get_cpu(event);
        else if (track.pid < 0)
                track.pid = track.tid;
        return track;
}

static bool is_same(const struct track *a, const struct track *b) {
        return a->is_thread == b->is_thread && a->pid == b->pid && a->tid == b->tid && a->cpu == b->cpu;
}

static uint32_t hash_track(const struct track *track) {
        uint64_t key = (uint64_t) (uint32_t) track->pid << 32 | (uint32_t) track->tid;

        key = (key + (uint32_t) track->cpu * UINT64_C(0x9e3779b9)) * UINT64_C(0x9e3779b97f4a7c15);
        return (uint32_t) (key >> 32);
}

static void insert(uint32_t *slots, uint32_t n_slots, uint32_t hash, uint32_t number) {
        uint32_t i = hash & (n_slots - 1);

        while (slots[i] != 0)
                i = (i + 1) & (n_slots - 1);
        slots[i] = number + 1;
}

static int grow(struct tracks *tracks) {
        uint32_t n_slots = tracks->n_slots ? tracks->n_slots * 2 : 64;
        uint32_t *slots;

        if (tracks->n == tracks->n_allocated) {
                uint32_t n = tracks->n_allocated ? tracks->n_allocated * 2 : 32;
                struct track *items = reallocarray(tracks->items, n, sizeof(*items));

                if (!items)
                        return -ENOMEM;
                tracks->items = items;
                tracks->n_allocated = n;
        }
        if (tracks->n < tracks->n_slots / 2)
                return 0;
        slots = calloc(n_slots, sizeof(*slots));
        if (!slots)
                return -ENOMEM;
        for (uint32_t i = 0; i < tracks->n; i++)
                insert(slots, n_slots, hash_track(&tracks->items[i]), i);
        free(tracks->slots);
        tracks->slots = slots;
        tracks->n_slots = n_slots;
        return 0;
}

static int64_t find(const struct tracks *tracks, const struct track *track) {
        for (uint32_t i = hash_track(track); tracks->n_slots > 0; i++) {
                uint32_t slot = tracks->slots[i & (tracks->n_slots - 1)];

                if (slot == 0)
                        break;
                if (is_same(&tracks->items[slot - 1], track))
                        return slot - 1;
        }
        return -1;
}

int64_t tracks_add(struct tracks *tracks, const tracectl_reader_event *event) {
        struct track track = track_of(event);
        int64_t found;

        if (tracks->n > 0 && is_same(&tracks->items[tracks->last], &track))
                return tracks->last;
        found = find(tracks, &track);
        if (found < 0 && tracks->n >= TRACKS_MAX - 1) {
                track = (struct track) { .cpu = -1, .process = -1 };
                found = find(tracks, &track);
        }
        if (found >= 0)
                return tracks->last = (uint32_t) found;
        if (grow(tracks) < 0)
                return -ENOMEM;
        tracks->items[tracks->n] = track;
        insert(tracks->slots, tracks->n_slots, hash_track(&track), tracks->n);
        return tracks->last = tracks->n++;
}

void tracks_done(struct tracks *tracks) {
        free(tracks->items);
        free(tracks->slots);
        *tracks = (struct tracks) {};
}
