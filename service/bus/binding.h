/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Sessions that are bound to the client that has made them (bind=client): they
 * end with its connection. A session remembers its client as BUS/NAME, where BUS
 * is the identity of the bus, which no other bus has, and NAME the unique name,
 * which the bus gives to nobody else; peer to peer BUS is that of the connection,
 * and there is no name. Main loop only.
 *
 * A client may go before its session is made, since polkit is asked in between,
 * and while tracingd is away: the bus is asked about each name once the session
 * is there, and again after each joining.
 */

#include "service/bus/bus.h"

/* The sender of a message. The caller frees *ret. */
int binding_of(struct bus *b, sd_bus_message *m, char **ret);

/* Ends the session if its client has gone by now; asks the bus. */
void binding_check(struct bus *b, struct session *s);

/* The message bus was joined: its clients may have gone meanwhile, and it may be another bus. */
void binding_check_all(struct bus *b);

/* name: "" for the connection itself. */
void binding_client_gone(struct bus *b, const char *name);
