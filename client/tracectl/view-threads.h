/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * view_output_run() by several threads, for an output that shows every event
 * without looking at others (view_output.is_each_alone). What is written is the
 * same, byte by byte.
 *
 * The events go in batches through a ring of slots. Whoever has nothing to do
 * takes the first of these: writing the text of the oldest slot, if that is
 * complete; making text of a batch; filling a slot with the next batch, which
 * one at a time does, for there is one reader. Each slot has room for some text;
 * where a batch makes more, its thread waits until everything before is written
 * and goes on writing itself. So the memory does not depend on the trace.
 */

#include "client/tracectl/view-output.h"

/* As view_output_run(). */
int view_threads_run(const struct view_output *output, const struct view_output_options *options,
                     tracectl_reader *reader, int fd);
