/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What tracingd tells those who may know of it: objects that come and go,
 * properties that change. Collected and sent once for each turn of the main
 * loop, so that a storm makes one signal an object; a change goes out before the
 * reply of the method that made it (emit_flush()). Nothing is broadcast: on the
 * message bus each client that may know gets a message of its own
 * (bus_send_signal()). Owned by the bus; main loop only.
 */

#include <sys/types.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

struct bus;
struct emitter;

int emitter_new(sd_event *event, struct bus *bus, struct emitter **ret);
struct emitter *emitter_free(struct emitter *e);

/* owner: of the object. interface, property: constant strings. */
void emit_added(struct emitter *e, uid_t owner, const char *path);
void emit_removed(struct emitter *e, uid_t owner, const char *path, const char *interface);
void emit_changed(struct emitter *e, uid_t owner, const char *path, const char *interface, const char *property);

/* Not collected: for applications, objects that come and go by thousands, whose own registry sees to that each is told of once. */
void emit_added_now(struct emitter *e, uid_t owner, const char *path);
void emit_removed_now(struct emitter *e, uid_t owner, const char *path, const char *interface);

/* A signal, in its turn. The message stays the caller's, who writes no more to it. */
void emit_signal(struct emitter *e, uid_t owner, sd_bus_message *signal);

void emit_flush(struct emitter *e);
