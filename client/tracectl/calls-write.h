/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How a system call is written: as a line as people know it from strace, or as JSON (docs/json.md). */

#include <stdbool.h>
#include <stdint.h>
#include <sys/utsname.h>

#include "client/tracectl/calls.h"
#include "client/tracectl/output-event.h"
#include "client/tracectl/syscalls/descriptors.h"
#include "client/tracectl/view-event.h"
#include "client/tracectl/view-output.h"

struct calls_writer {
        bool is_json;
        struct view_format format; /* of lines */
        struct output_time time;   /* of JSON */
        struct text *scratch;
        struct utsname own;              /* constants are those of this machine */
        bool has_all;                    /* calls: then descriptors are what their calls have told */
        struct descriptors *descriptors; /* of lines; what of them is told by calls that are written */
};

int calls_writer_init(struct calls_writer *writer, const struct view_output_options *options, bool is_json);
void calls_writer_done(struct calls_writer *writer);

/* Whose event it is; in the kernel's traces the context tid says it, and pid is -1. The fields are rewound. */
bool calls_find_thread(tracectl_reader_event *event, int32_t *ret_pid, int32_t *ret_tid);

/* Writes the fields of a begin, which are not there any more at the end. -ENOMEM. */
int calls_keep_arguments(struct calls_writer *writer, struct call *call, tracectl_reader_event *event);

/* call may not be open: then nothing is known of its begin. */
void calls_write_end(struct calls_writer *writer, struct text *text, const struct call *call, const char *name,
                     tracectl_reader_event *event);

/* One that has not returned, or never does. */
void calls_write_unfinished(struct calls_writer *writer, struct text *text, const struct call *call);
