/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "client/libtracectl/counts.h"

static const char *const names[] = {
        [TRACECTL_COUNT_EVENTS] = "events",
        [TRACECTL_COUNT_DISCARDED] = "discarded",
        [TRACECTL_COUNT_LOST_RING] = "lost-ring",
        [TRACECTL_COUNT_LOST_OUTPUT] = "lost-output",
        [TRACECTL_COUNT_LOST_OVERWRITE] = "lost-overwrite",
        [TRACECTL_COUNT_LOST_GARBAGE] = "lost-garbage",
        [TRACECTL_COUNT_BYTES] = "bytes",
        [TRACECTL_COUNT_PACKETS] = "packets",
        [TRACECTL_COUNT_APPLICATIONS] = "applications",
        [TRACECTL_COUNT_PENDING] = "pending",
};

struct tracectl_counts {
        uint64_t values[ARRAY_SIZE(names)];
        char *output_error; /* NULL: none */
};

DEFINE_CLEANUP(tracectl_counts *, tracectl_counts_free)

void tracectl_counts_free(tracectl_counts *counts) {
        if (!counts)
                return;
        free(counts->output_error);
        free(counts);
}

uint64_t tracectl_counts_get(const tracectl_counts *counts, enum tracectl_count which) {
        return (size_t) which < ARRAY_SIZE(names) ? counts->values[which] : 0;
}

const char *tracectl_counts_get_output_error(const tracectl_counts *counts) {
        return counts->output_error ?: "";
}

static int read_value(sd_bus_message *m, const char *key, tracectl_counts *counts) {
        const char *text;
        int r;

        if (strcmp(key, "output-error") == 0) {
                r = sd_bus_message_read(m, "v", "s", &text);
                if (r < 0)
                        return r;
                free(counts->output_error);
                counts->output_error = strdup(text);
                return counts->output_error ? 0 : -ENOMEM;
        }
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (strcmp(key, names[i]) == 0)
                        return sd_bus_message_read(m, "v", "t", &counts->values[i]);
        return sd_bus_message_skip(m, "v");
}

int counts_read(sd_bus_message *m, tracectl_counts **ret) {
        _cleanup_(tracectl_counts_freep) tracectl_counts *counts = NULL;
        int r;

        counts = calloc(1, sizeof(*counts));
        if (!counts)
                return -ENOMEM;
        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                const char *key;

                r = sd_bus_message_read(m, "s", &key);
                if (r < 0)
                        return r;
                r = read_value(m, key, counts);
                if (r < 0)
                        return r;
                r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        r = sd_bus_message_exit_container(m);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(counts);
        return 0;
}
