/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "service/bus/objects.h"

static bool is_property(const sd_bus_vtable *v) {
        return v->type == _SD_BUS_VTABLE_PROPERTY || v->type == _SD_BUS_VTABLE_WRITABLE_PROPERTY;
}

static int append(sd_bus_message *m, const struct object *o, const sd_bus_vtable *v) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", v->x.property.member);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', v->x.property.signature);
        if (r >= 0)
                r = v->x.property.get(o->bus, o->path, o->interface, v->x.property.member, m,
                                      (char *) o->userdata + v->x.property.offset, &error);
        sd_bus_error_free(&error);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

int object_append_property(sd_bus_message *m, const struct object *o, const char *property) {
        for (const sd_bus_vtable *v = o->vtable; v->type != _SD_BUS_VTABLE_END; v++)
                if (is_property(v) && strcmp(v->x.property.member, property) == 0)
                        return append(m, o, v);
        return -ENOENT;
}

int object_append_properties(sd_bus_message *m, const struct object *o) {
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        for (const sd_bus_vtable *v = o->vtable; v->type != _SD_BUS_VTABLE_END && r >= 0; v++)
                if (is_property(v) && !(v->flags & (SD_BUS_VTABLE_HIDDEN | SD_BUS_VTABLE_PROPERTY_EXPLICIT)))
                        r = append(m, o, v);
        return r < 0 ? r : sd_bus_message_close_container(m);
}
