/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The probes of a session, in the kernel: made when a rule is, known by their group's name, and removed when
 * the session has gone and its instances with it, since the kernel empties the rings that had an event which is
 * removed. Others' probes are neither touched nor shown.
 *
 * Used by the kernel domain's worker thread alone.
 */

#include "service/domain/kernel/probe-lines.h"

#define PROBES_PER_SESSION_MAX 1024

/*
 * Sets the probes of a rule, all or none; those that are there already are kept. file as kernel_probe_lines(). The
 * failure names an option that the kernel was made without.
 */
int kernel_probes_set(int tracefs, const char *group, const struct selector *s, int file, struct failure *failure);

/*
 * Removes the probes of all groups that the callback returns true for. -EBUSY where one of them is enabled somewhere;
 * the others are gone then.
 */
int kernel_probes_remove(int tracefs, bool (*is_wanted)(const char *group, void *userdata), void *userdata);

/* Opens the program of a probe for somebody who is root himself. -errno. */
int kernel_probe_open(const struct selector *s);

/* Whether a file that somebody has passed can be read by him, and read without waiting for him. */
int kernel_probe_check_file(const struct selector *s, int file, struct failure *failure);
