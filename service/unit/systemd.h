/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A client of systemd's manager, the system's or the user's: over the message
 * bus; early at boot, where there is none yet, over the manager's own socket.
 * Connects when it is needed, and again after the connection was lost. Nothing
 * here waits, and every call and job ends after a bounded time. Main loop only.
 */

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "common/cleanup.h"

struct systemd;
struct systemd_job;

/* address: of a message bus; NULL: see above. usec: that a call may take; 0: the default. */
int systemd_new(sd_event *event, bool user, const char *address, uint64_t usec, struct systemd **ret);

/* Jobs and calls of its users must have ended. Sends what waits to be sent, for a bounded time. */
struct systemd *systemd_free(struct systemd *s);
DEFINE_CLEANUP(struct systemd *, systemd_free)

/* A call of the manager's method. */
int systemd_manager_call(struct systemd *s, const char *member, sd_bus_message **ret);

/* A call that reads all properties of a unit that belong to an interface, "Service" for example. */
int systemd_properties_call(struct systemd *s, const char *unit, const char *interface, sd_bus_message **ret);

/* Sends a call; callback gets the reply or the error. *ret_slot is the caller's, who can give it up to drop the call. */
int systemd_call(struct systemd *s, sd_bus_message *m, sd_bus_message_handler_t callback, void *userdata,
                 sd_bus_slot **ret_slot);

/* Sends a call whose reply interests nobody. */
void systemd_send(struct systemd *s, sd_bus_message *m);

/*
 * error: NULL when the job is done; the name of the D-Bus error that answered
 * the call; or the job's result, such as "failed". text: to show to people.
 */
typedef void (*systemd_done_t)(const char *error, const char *text, void *userdata);

/* Sends a call that makes a job for unit, and calls done when the job has ended. The job then frees itself. */
int systemd_job_new(struct systemd *s, sd_bus_message *m, const char *unit, systemd_done_t done, void *userdata,
                    struct systemd_job **ret);

/* Gives it up: done is not called. */
struct systemd_job *systemd_job_free(struct systemd_job *j);
