/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <poll.h>
#include <stdbool.h>
#include <time.h>
#include <unistd.h>

#include "client/tracectl/record-live.h"
#include "client/tracectl/view-output.h"

/* How long a consumer may say nothing. */
#define END_MSEC 2000

int record_live_get_fd(const struct record_live *live) {
        return live->follow.live ? tracectl_reader_live_get_fd(live->follow.live) : -1;
}

static void print(struct record_live *live, int milliseconds) {
        const struct view_output_options options = { .path = "" };
        tracectl_reader *reader;
        int r;

        r = follow_next(&live->follow, -1, milliseconds, &reader);
        if (r > 0)
                r = view_output_run_alone(&view_output_text, &options, reader, STDERR_FILENO);
        if (r < 0) {
                follow_say_losses(&live->follow);
                follow_done(&live->follow);
        }
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
                follow_say_losses(&live->follow);
        follow_done(&live->follow);
}

void record_live_done(struct record_live *live) {
        follow_done(&live->follow);
}
