/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "service/bus/options.h"

static const char *type_name(char type) {
        switch (type) {
        case 's':
                return "a string (s)";
        case 't':
                return "a 64-bit number (t)";
        case 'u':
                return "a 32-bit number (u)";
        case 'b':
                return "a boolean (b)";
        case 'a':
                return "an array of strings (as)";
        default:
                return "a file descriptor (h)";
        }
}

static int unknown(const char *name, const struct option *options, size_t n, struct failure *failure) {
        char known[256] = "";
        size_t used = 0;

        if (n == 0)
                return fail(failure, FAILURE_UNKNOWN_OPTION, "Unknown option '%.100s'; this method has no options.",
                            name);
        for (size_t i = 0; i < n && used < sizeof(known); i++)
                used += (size_t) snprintf(known + used, sizeof(known) - used, "%s%s", i > 0 ? ", " : "",
                                          options[i].name);
        return fail(failure, FAILURE_UNKNOWN_OPTION, "Unknown option '%.100s'; known are: %s.", name, known);
}

static int broken(struct failure *failure) {
        return fail(failure, FAILURE_INVALID_OPTION, "The options cannot be read; pass a dictionary of type a{sv}.");
}

void strings_free(char **list) {
        for (char **p = list; p && *p; p++)
                free(*p);
        free(list);
}

static int read_contents(sd_bus_message *m, const struct option *option) {
        return option->type == 'a' ? sd_bus_message_read_strv(m, option->value)
                                   : sd_bus_message_read_basic(m, option->type, option->value);
}

static int read_value(sd_bus_message *m, const struct option *option, struct failure *failure) {
        const char basic[2] = { option->type, '\0' }, *contents = option->type == 'a' ? "as" : basic, *found;
        char type;

        if (sd_bus_message_peek_type(m, &type, &found) < 0)
                return broken(failure);
        if (strcmp(found, contents) != 0)
                return fail(failure, FAILURE_INVALID_OPTION, "Option '%s' has type '%.20s'; it must be %s.",
                            option->name, found, type_name(option->type));
        if (sd_bus_message_enter_container(m, 'v', contents) < 0 ||
            read_contents(m, option) < 0 || sd_bus_message_exit_container(m) < 0)
                return broken(failure);
        return 0;
}

static int read_entry(sd_bus_message *m, const struct option *options, size_t n, uint32_t *seen,
                      struct failure *failure) {
        const char *name;

        if (sd_bus_message_read_basic(m, 's', &name) < 0)
                return broken(failure);
        for (size_t i = 0; i < n; i++) {
                if (strcmp(options[i].name, name) != 0)
                        continue;
                if (*seen & UINT32_C(1) << i)
                        return fail(failure, FAILURE_INVALID_OPTION, "Option '%s' is given twice; give it once.", name);
                *seen |= UINT32_C(1) << i;
                return read_value(m, &options[i], failure);
        }
        return unknown(name, options, n, failure);
}

int options_read(sd_bus_message *m, const struct option *options, size_t n, struct failure *failure) {
        uint32_t seen = 0;
        int r;

        if (sd_bus_message_enter_container(m, 'a', "{sv}") < 0)
                return broken(failure);
        while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = read_entry(m, options, n, &seen, failure);
                if (r < 0)
                        return r;
                if (sd_bus_message_exit_container(m) < 0)
                        return broken(failure);
        }
        if (r < 0 || sd_bus_message_exit_container(m) < 0)
                return broken(failure);
        return 0;
}
