/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <unistd.h>

#include "client/tracectl/follow.h"
#include "client/tracectl/say.h"

int follow_open(struct follow *follow, tracectl_session *session) {
        int fd, r;

        r = tracectl_session_open_stream(session, &fd);
        if (r < 0)
                return r;
        r = tracectl_reader_live_new(fd, &follow->live);
        if (r < 0)
                close(fd);
        return r;
}

void follow_done(struct follow *follow) {
        tracectl_reader_live_free(follow->live);
        follow->live = NULL;
}

int follow_next(struct follow *follow, int other_fd, int milliseconds, tracectl_reader **ret) {
        struct pollfd fds[] = {
                { .fd = tracectl_reader_live_get_fd(follow->live), .events = POLLIN },
                { .fd = other_fd, .events = POLLIN },
        };

        if (poll(fds, 2, milliseconds) < 0)
                return -errno;
        return fds[0].revents ? tracectl_reader_live_take(follow->live, ret) : 0;
}

bool follow_has_lost(struct follow *follow) {
        uint64_t lost = tracectl_reader_live_get_discarded(follow->live) +
                        tracectl_reader_live_get_events_lost(follow->live);
        bool more = lost != follow->lost;

        follow->lost = lost;
        return more;
}

void follow_say_losses(const struct follow *follow) {
        uint64_t discarded = tracectl_reader_live_get_discarded(follow->live);
        uint64_t lost = tracectl_reader_live_get_events_lost(follow->live);

        if (discarded > 0)
                say("%" PRIu64 " event%s discarded while recording (no room left in the ring)", discarded,
                    discarded == 1 ? " was" : "s were");
        if (lost > 0)
                say("%" PRIu64 " event%s came faster than they were shown; the trace has them", lost,
                    lost == 1 ? "" : "s");
}
