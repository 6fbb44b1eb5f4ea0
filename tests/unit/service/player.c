/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "player.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/fd.h"

static const char *const sets[PLAYER_SETS][PLAYER_EVENTS_MAX + 1] = {
        { "shop:order_paid", "shop:order_sent", "store:opened" },
        { "bank:open", "shop:order_paid" },
        { "store:opened", "bank:open", "bank:close", "shop:order_sent", "shop:order_lost" },
};

/* Made once. */
static struct {
        int fd;
        uint64_t hash;
} definitions[PLAYER_SETS];

const char *const *player_events(unsigned set) {
        return sets[set];
}

void player_init(struct player *p) {
        for (unsigned i = 0; i < PLAYER_SETS; i++)
                if (!definitions[i].hash)
                        definitions[i].fd = make_definitions(sets[i], &definitions[i].hash);
        *p = (struct player) { .fd = -1 };
}

static void send_message(struct player *p, const struct handshake *h, const int *fds, size_t n_fds) {
        char buffer[HANDSHAKE_SIZE_MAX];
        size_t size = handshake_format(h, buffer, sizeof(buffer));

        g_assert_cmpint(datagram_send(p->fd, buffer, size, fds, n_fds, 0), ==, 0);
}

static void forget_view(struct player *p) {
        memset(p->recorded, 0, sizeof(p->recorded));
        p->owes = false;
}

void player_register(struct player *p, struct fixture *f, unsigned set) {
        struct fake_application *a = fake_application_connect(f);
        struct handshake h = {
                .keys = HANDSHAKE_REGISTER | HANDSHAKE_ABI | HANDSHAKE_NAME | HANDSHAKE_EVENTS,
                .abi_major = HANDSHAKE_ABI_MAJOR,
                .events = definitions[set].hash,
                .name = "player",
        };

        g_assert_cmpint(p->state, ==, PLAYER_OFF);
        p->fd = a->fd;
        g_free(a);
        p->set = set;
        p->state = PLAYER_ASKED;
        forget_view(p);
        send_message(p, &h, NULL, 0);
}

void player_hang_up(struct player *p) {
        if (p->fd >= 0)
                close(p->fd);
        *p = (struct player) { .fd = -1, .id = p->id };
}

void player_change(struct player *p, unsigned set) {
        const struct handshake h = { .keys = HANDSHAKE_EVENTS, .events = definitions[set].hash };

        p->set = set;
        forget_view(p);
        p->state = PLAYER_ASKED;
        send_message(p, &h, NULL, 0);
}

static void count_actions(struct player *p, const struct view *view) {
        forget_view(p);
        for (uint32_t i = 0; i < view->n_actions; i++) {
                const struct view_action *action = view_action_at(view, i);

                g_assert_cmpuint(action->event, <, PLAYER_EVENTS_MAX);
                p->recorded[action->event]++;
        }
        p->owes = true;
        p->state = PLAYER_READY;
}

static void take_view(struct player *p, const struct handshake *h, const int *fds, size_t n_fds) {
        const void *data;
        struct view view;
        size_t size;

        g_assert_true(h->keys & HANDSHAKE_GENERATION);
        g_assert_cmpuint(n_fds, >, 0);
        g_assert_cmpint(memfd_map_constant(fds[0], VIEW_SIZE_MAX, &data, &size), ==, 0);
        g_assert_cmpint(view_check(data, size, n_fds - 1, &view), ==, 0);
        g_assert_cmpuint(view.header->generation, ==, h->generation);
        /* Made for definitions that it has no more: the next one is on its way, and this one is not acknowledged. */
        if (view.header->definitions == definitions[p->set].hash) {
                g_assert_cmpuint(h->generation, >=, p->generation);
                p->generation = h->generation;
                count_actions(p, &view);
        }
        munmap((void *) data, size);
}

static void take_message(struct player *p, const struct handshake *h, const int *fds, size_t n_fds) {
        const struct handshake events = { .keys = HANDSHAKE_EVENTS, .events = definitions[p->set].hash };

        if (h->keys & HANDSHAKE_NEED) {
                send_message(p, &events, &definitions[p->set].fd, 1);
                return;
        }
        g_assert_true(h->keys & (HANDSHAKE_READY | HANDSHAKE_CONFIG));
        if (h->keys & HANDSHAKE_READY) {
                /* Nobody is ever taken for an application that came before. */
                g_assert_cmpuint(h->application, >, p->id);
                p->id = h->application;
        }
        take_view(p, h, fds, n_fds);
}

bool player_step(struct player *p) {
        char buffer[HANDSHAKE_SIZE_MAX];
        int fds[DATAGRAM_FDS_MAX], n;
        struct handshake h;
        size_t n_fds = 0;

        if (p->state == PLAYER_OFF || p->frozen)
                return false;
        if (p->owes) {
                p->owes = false;
                send_message(p, &(struct handshake) { .keys = HANDSHAKE_APPLIED, .applied = p->generation }, NULL, 0);
                return true;
        }
        n = datagram_recv(p->fd, buffer, sizeof(buffer), fds, &n_fds, MSG_DONTWAIT);
        if (n == -EAGAIN)
                return false;
        g_assert_cmpint(n, >, 0);
        g_assert_cmpint(handshake_parse(buffer, (size_t) n, &h), ==, 0);
        take_message(p, &h, fds, n_fds);
        datagram_close_fds(fds, n_fds);
        return true;
}
