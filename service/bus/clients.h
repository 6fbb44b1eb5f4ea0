/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Who has called us on a message bus and is still there: they get the signals
 * about what they may know of, and tracingd stays for them. Owned by the bus;
 * main loop only.
 *
 * One match tells of every name that ends. It is installed before the first
 * call is read, and a call comes before its sender's end, so nobody is missed.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <systemd/sd-bus.h>

struct bus;
struct clients;

/* Before the first message is dispatched. */
int clients_new(struct bus *b, struct clients **ret);
struct clients *clients_free(struct clients *c);

/* A method call has come. Beyond a limit for each uid, its sender gets no signals. */
void clients_note(struct clients *c, sd_bus_message *m);

size_t clients_count(const struct clients *c);

/* Whether one of them may know of what belongs to owner; with application: has asked for applications, too. */
bool clients_any(const struct clients *c, uid_t owner, bool application);

/* A copy to each that may. The message has been sealed. */
void clients_send(struct clients *c, uid_t owner, bool application, sd_bus_message *signal);
