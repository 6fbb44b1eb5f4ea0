/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What methods do about the kernel's events: replies that come when the kernel has answered. Main loop only. */

#include "service/bus/bus.h"

/*
 * Whether the sender may trace the kernel in this session; as bus_authorize(). With may_own, also one who may trace his
 * own processes alone: *ret_own says that it is he. pattern may be NULL.
 */
int kernel_authorize(struct bus *b, sd_bus_message *m, const struct session *s, const char *pattern, bool may_own,
                     bool *ret_own, sd_bus_error *error);

/* The same of a rule for everybody's processes, in a session of that name. */
int kernel_authorize_rule(struct bus *b, sd_bus_message *m, const char *session, const char *pattern,
                          sd_bus_error *error);

/*
 * Whether the sender may have the rule's probe, and has shown that he may read the program that it is in; as
 * bus_authorize(). file: what he has passed, or -1.
 */
int kernel_probe_authorize(struct bus *b, sd_bus_message *m, const struct session *s, const struct selector *selector,
                           int file, sd_bus_error *error);

/* EnableEvent, authorized. file: of a probe in a program, or -1. 1, or -errno with error set. */
int kernel_event_enable(sd_bus_message *m, struct session *s, const char *channel, struct selector *selector, int file,
                        sd_bus_error *error);

/* ListEvents, authorized. */
int kernel_events_list(struct bus *b, sd_bus_message *m, const char *glob, sd_bus_error *error);
