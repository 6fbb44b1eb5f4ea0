/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What tracingd tells everybody: objects that come and go, properties that
 * change. Collected and sent once for each turn of the main loop, so that a
 * storm makes one signal an object; a change goes out before the reply of the
 * method that made it (emit_flush()). Owned by the bus; main loop only.
 */

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

struct emitter;

int emitter_new(sd_event *event, sd_bus *bus, struct emitter **ret);
struct emitter *emitter_free(struct emitter *e);

/* interface, property: constant strings. */
void emit_added(struct emitter *e, const char *path);
void emit_removed(struct emitter *e, const char *path, const char *interface);
void emit_changed(struct emitter *e, const char *path, const char *interface, const char *property);

/* SessionNew and SessionRemoved. member: a constant string. */
void emit_session(struct emitter *e, const char *member, const char *name, const char *path);

void emit_flush(struct emitter *e);
