/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <poll.h>
#include <stdbool.h>
#include <time.h>
#include <unistd.h>

#include "client/tracectl/output-calls.h"
#include "client/tracectl/record-live.h"

/* How long a consumer may say nothing. */
#define END_MSEC 2000

int record_live_get_fd(const struct record_live *live) {
        return live->follow.live ? tracectl_reader_live_get_fd(live->follow.live) : -1;
}

int record_live_begin(struct record_live *live, tracectl_session *session, bool is_kernel) {
        const struct view_output_options options = { .path = "" };
        int r;

        r = view_run_begin(&live->run, is_kernel ? &view_output_calls_text : &view_output_text, &options, STDERR_FILENO);
        return r < 0 ? r : follow_open(&live->follow, session);
}

static void end(struct record_live *live) {
        (void) view_run_end(&live->run);
        follow_say_losses(&live->follow);
        follow_done(&live->follow);
}

static void print(struct record_live *live, int milliseconds) {
        tracectl_reader *reader;
        int r;

        r = follow_next(&live->follow, -1, milliseconds, &reader);
        if (r > 0)
                r = view_run_add(&live->run, reader, follow_has_lost(&live->follow));
        if (r < 0)
                end(live);
}

void record_live_print(struct record_live *live) {
        if (live->follow.live)
                print(live, 0);
}

static bool is_readable(const struct record_live *live, int milliseconds) {
        return poll(&(struct pollfd) { .fd = record_live_get_fd(live), .events = POLLIN }, 1, milliseconds) > 0;
}

/* Nothing has happened since it stopped, so what was sent later says that everything was sent. */
void record_live_finish(struct record_live *live) {
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        while (live->follow.live && is_readable(live, END_MSEC)) {
                print(live, 0);
                if (live->follow.live && tracectl_reader_live_get_time(live->follow.live) / 1000000 >
                                                 (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000)
                        break;
        }
        if (live->follow.live)
                end(live);
}

void record_live_done(struct record_live *live) {
        follow_done(&live->follow);
        view_run_done(&live->run);
}
