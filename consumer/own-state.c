/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "consumer/own-state.h"

#define NEWS_MAX (1 << 20)

int own_state_init(struct own_state *state, int socket) {
        *state = (struct own_state) { .socket = socket, .ask = -1 };
        LIST_INIT(&state->channels);
        state->polls = calloc(1, sizeof(*state->polls));
        return state->polls ? own_threads_init(&state->threads) : -ENOMEM;
}

static void channel_free(struct own_channel *channel) {
        for (uint32_t i = 0; channel->cpus && i < channel->n_cpus; i++)
                own_cpu_done(&channel->cpus[i]);
        for (uint32_t i = 0; i < channel->classes.n; i++)
                free(channel->classes.by_id[i]);
        free(channel->classes.by_id);
        free(channel->cpus);
        free(channel);
}

void own_state_done(struct own_state *state) {
        struct own_channel *channel;

        while ((channel = LIST_FIRST(&state->channels))) {
                LIST_REMOVE(channel, entries);
                channel_free(channel);
        }
        own_threads_done(&state->threads);
        closep(&state->ask);
        free(state->vouched);
        free(state->news);
        free(state->polls);
}

static int follow(const struct own_class *class, const char *record, uint64_t time, void *userdata) {
        struct own_state *state = userdata;

        if (state->n_news == state->news_room) {
                size_t room = state->news_room ? 2 * state->news_room : 256;
                struct own_news *news = room <= NEWS_MAX ? realloc(state->news, room * sizeof(*news)) : NULL;

                if (!news) {
                        state->lost = true;
                        return -ENOMEM;
                }
                state->news = news;
                state->news_room = room;
        }
        state->news[state->n_news] = (struct own_news) { .class = class, .time = time, .number = state->n_told++ };
        memcpy(state->news[state->n_news++].record, record,
               class->min_size < sizeof(state->news->record) ? class->min_size : sizeof(state->news->record));
        return 0;
}

static int compare(const void *a, const void *b) {
        const struct own_news *x = a, *y = b;

        if (x->time != y->time)
                return x->time < y->time ? -1 : 1;
        return x->number < y->number ? -1 : x->number > y->number;
}

/* What was told up to the horizon is known; the rest waits for what may come before it. */
static void learn(struct own_state *state, uint64_t horizon) {
        size_t n = 0;

        if (state->n_news == 0)
                return;
        qsort(state->news, state->n_news, sizeof(*state->news), compare);
        for (; n < state->n_news && state->news[n].time <= horizon; n++)
                if (own_class_follow(state->news[n].class, &state->threads, state->news[n].record,
                                     state->news[n].time) < 0)
                        state->lost = true;
        memmove(state->news, state->news + n, (state->n_news - n) * sizeof(*state->news));
        state->n_news -= n;
}

/* It answers by OWN_HOLD and OWN_THREADS. A question that waits there already is as good. */
static void ask(const struct own_state *state) {
        struct iovec iov = { (char[]) { '?' }, 1 };
        const struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

        (void) sendmsg(state->ask, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void no_longer_hold(struct own_state *state) {
        state->hold = 0;
        state->n_vouched = 0;
        free(state->vouched);
        state->vouched = NULL;
}

/*
 * What was lost may have been the end of a thread, or that it has executed something. It was lost later than the last
 * time that nothing was, so later than what was passed on, and what was told since then is worth nothing.
 */
static void check_lost(struct own_state *state) {
        struct own_channel *channel;
        bool lost = false;

        LIST_FOREACH(channel, &state->channels, entries)
                for (uint32_t i = 0; i < channel->n_cpus; i++)
                        lost |= own_cpu_has_lost(&channel->cpus[i]);
        if (!lost)
                return;
        state->n_news = 0;
        no_longer_hold(state);
        own_threads_doubt_all(&state->threads, state->passed);
        ask(state);
}

bool own_state_read(struct own_state *state, uint64_t *ret_horizon) {
        uint64_t now = trace_clock_read((enum trace_clock) state->clock, 0), horizon = now;
        struct own_channel *channel;
        bool worked = false;

        LIST_FOREACH(channel, &state->channels, entries)
                for (uint32_t i = 0; i < channel->n_cpus; i++) {
                        worked |= own_cpu_read(&channel->cpus[i], now, follow, state);
                        if (channel->cpus[i].covered < horizon)
                                horizon = channel->cpus[i].covered;
                }
        check_lost(state);
        if (state->hold > 0 && state->hold < horizon)
                horizon = state->hold;
        *ret_horizon = horizon;
        return worked;
}

/* Everything up to there is known. */
static void vouch(struct own_state *state, uint64_t horizon) {
        if (state->hold == 0 || !state->vouched || horizon < state->hold)
                return;
        own_threads_doubt_all(&state->threads, state->hold);
        for (size_t i = 0; i < state->n_vouched; i++)
                if (own_threads_add(&state->threads, state->vouched[i].tid, state->vouched[i].bound, state->hold) < 0)
                        state->lost = true;
        no_longer_hold(state);
}

uint64_t own_state_oldest(const struct own_state *state, uint64_t horizon) {
        struct own_channel *channel;

        LIST_FOREACH(channel, &state->channels, entries)
                for (uint32_t i = 0; i < channel->n_cpus; i++) {
                        const struct own_held *h = STAILQ_FIRST(&channel->cpus[i].held);
                        uint64_t time = h ? kernel_page_time(h->data) : horizon;

                        if (time < horizon)
                                horizon = time;
                }
        return horizon;
}

bool own_state_pass(struct own_state *state, uint64_t horizon) {
        struct own_channel *channel;
        bool passed = true;

        learn(state, horizon);
        vouch(state, horizon);
        if (state->threads.in_doubt) {
                state->threads.in_doubt = false;
                ask(state);
        }
        if (state->lost)
                own_threads_forget(&state->threads, UINT64_MAX);
        LIST_FOREACH(channel, &state->channels, entries)
                for (uint32_t i = 0; i < channel->n_cpus; i++) {
                        passed &= own_cpu_pass(&channel->cpus[i], &state->threads, horizon);
                        own_cpu_count(&channel->cpus[i]);
                }
        own_threads_forget(&state->threads, own_state_oldest(state, horizon));
        state->passed = horizon;
        return passed;
}

bool own_state_is_empty(const struct own_state *state) {
        struct own_channel *channel;

        LIST_FOREACH(channel, &state->channels, entries)
                for (uint32_t i = 0; i < channel->n_cpus; i++)
                        if (channel->cpus[i].n_held > 0 || channel->cpus[i].out.size > 0)
                                return false;
        return true;
}

size_t own_state_collect(struct own_state *state, bool worked) {
        struct own_channel *channel;
        size_t n = 0;

        state->polls[n++] = (struct pollfd) { state->ending ? -1 : state->socket, POLLIN, 0 };
        LIST_FOREACH(channel, &state->channels, entries)
                for (uint32_t i = 0; i < channel->n_cpus; i++) {
                        const struct own_cpu *cpu = &channel->cpus[i];

                        if (cpu->blocked)
                                state->polls[n++] = (struct pollfd) { cpu->to, POLLOUT, 0 };
                        else if (!worked && cpu->pipe >= 0)
                                state->polls[n++] = (struct pollfd) { cpu->pipe, POLLIN, 0 };
                }
        return n;
}
