/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <sys/epoll.h>

#include "service/unit/pair.h"
#include "service/unit/reader.h"

struct reader {
        struct reader_handlers handlers;
        struct unit_starter *starter;
        struct pair *pair;
        sd_event_source *connection, *turn;
        char reason[256]; /* until it is told */
};

static void tell_failure(struct reader *r, const char *reason) {
        r->connection = sd_event_source_disable_unref(r->connection);
        r->handlers.failed(reason, r->handlers.userdata);
}

static int on_end(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        tell_failure(userdata, "the unit that reads the kernel's events for it has ended; see: journalctl -u "
                               "'tracectl-consumer-*'");
        return 0;
}

/* events 0: what comes there is the callee's; its end is told all the same. */
static void on_ready(const char *reason, void *userdata) {
        struct reader *r = userdata;
        char text[128];
        int fd, k;

        if (reason) {
                tell_failure(r, reason);
                return;
        }
        k = pair_connect(r->pair, &fd);
        if (k >= 0) {
                k = sd_event_add_io(r->starter->event, &r->connection, fd, 0, on_end, r);
                if (k < 0)
                        close(fd);
        }
        if (k < 0) {
                snprintf(text, sizeof(text), "the unit that reads the kernel's events cannot be reached: %s",
                         strerror(-k));
                tell_failure(r, text);
                return;
        }
        r->handlers.connected(fd, r->handlers.userdata);
}

static int on_turn(sd_event_source *source, uint64_t usec, void *userdata) {
        struct reader *r = userdata;

        r->turn = sd_event_source_disable_unref(r->turn);
        tell_failure(r, r->reason);
        return 0;
}

static int find_user(struct reader *r, uid_t owner, uid_t *ret) {
        struct passwd entry, *found = NULL;
        char buffer[4096];

        if (getpwnam_r(READER_USER, &entry, buffer, sizeof(buffer), &found) != 0 || !found)
                snprintf(r->reason, sizeof(r->reason), "there is no user '" READER_USER "', who reads the kernel's events "
                         "for others; make him: systemd-sysusers");
        else if (found->pw_uid == 0 || found->pw_uid == owner)
                snprintf(r->reason, sizeof(r->reason), "the user '" READER_USER "' must be neither root nor the session's "
                         "owner");
        else {
                *ret = found->pw_uid;
                return 0;
        }
        return -ENOENT;
}

static int start(struct reader *r, uid_t user) {
        const struct consumer_spec spec = { .owner = user, .session = "kernel", .kind = CONSUMER_OUTPUT_FD };

        return pair_new(r->starter, &spec, on_ready, NULL, r, &r->pair);
}

int reader_new(struct unit_starter *u, uid_t owner, const struct reader_handlers *handlers, struct reader **ret) {
        struct reader *r = calloc(1, sizeof(*r));
        uid_t user;
        int k;

        if (!r)
                return -ENOMEM;
        *r = (struct reader) { .handlers = *handlers, .starter = u };
        k = find_user(r, owner, &user);
        if (k >= 0)
                k = start(r, user);
        if (k < 0 && !*r->reason)
                snprintf(r->reason, sizeof(r->reason), "the unit that reads the kernel's events cannot be started: %s",
                         strerror(-k));
        if (k < 0) {
                k = sd_event_add_time_relative(u->event, &r->turn, CLOCK_MONOTONIC, 0, 0, on_turn, r);
                if (k < 0) {
                        free(r);
                        return k;
                }
        }
        *ret = r;
        return 0;
}

struct reader *reader_free(struct reader *r) {
        if (!r)
                return NULL;
        sd_event_source_disable_unref(r->connection);
        sd_event_source_disable_unref(r->turn);
        if (r->pair)
                pair_abandon(r->pair);
        free(r);
        return NULL;
}
