/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which objects a connection has, and what a signal says about one of them:
 * sd-bus can send such signals to everybody only, so their contents are written
 * here, with the getters of the object's vtable. Main loop only.
 */

#include <systemd/sd-bus.h>

struct bus;

/* What a path leads to. Valid until the next lookup. */
struct object {
        sd_bus *bus;
        const char *path, *interface;
        const sd_bus_vtable *vtable;
        void *userdata;
};

int objects_add(struct bus *b);

/* 1, 0 where there is no object, -errno. path stays the caller's and is pointed to. */
int objects_find(struct bus *b, const char *path, struct object *ret);

/* Appends the dictionary entry {sv} of a property. -ENOENT where the vtable has none of that name. */
int object_append_property(sd_bus_message *m, const struct object *o, const char *property);

/* Appends all properties, a{sv}, as GetAll does. */
int object_append_properties(sd_bus_message *m, const struct object *o);
