/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which objects a connection has, and what a signal says about one of them:
 * sd-bus can send such signals to everybody only, so their contents are written
 * here, with the getters of the object's vtable. GetManagedObjects of the root has
 * all objects, that of a session those of this session, so that who asks for its
 * rules is not told of thousands of applications. Main loop only.
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

/* Any call that the gate has let pass: 1 where it is a session's GetManagedObjects, which sd-bus does not know; 0; -errno. */
int objects_answer(struct bus *b, sd_bus_message *m, sd_bus_error *error);

/* 1, 0 where there is no object, -errno. path stays the caller's and is pointed to. */
int objects_find(struct bus *b, const char *path, struct object *ret);

/* Those that sd-bus gives every object; GetManagedObjects tells them, so the signals do. */
extern const char *const objects_standard_interfaces[3];

/* Appends the path of an object and what it has, oa{sa{sv}}. -ENOENT where there is none. */
int objects_append(struct bus *b, const char *path, sd_bus_message *m);

/* Appends the dictionary entry {sv} of a property. -ENOENT where the vtable has none of that name. */
int object_append_property(sd_bus_message *m, const struct object *o, const char *property);

/* Appends all properties, a{sv}, as GetAll does. */
int object_append_properties(sd_bus_message *m, const struct object *o);
