/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdint.h>
#include <string.h>

#include "service/bus/bus.h"

static int append(sd_bus_message *reply, const char *name, uint64_t value) {
        return sd_bus_message_append(reply, "{sv}", name, "t", value);
}

int session_append_counts(sd_bus_message *reply, const struct session *s, uint32_t pending) {
        const struct session_counts c = session_counts(s);
        const struct {
                const char *name;
                uint64_t value;
        } counts[] = {
                { "events", c.status.events },
                { "discarded", c.status.lost_ring + c.status.lost_output },
                { "lost-ring", c.status.lost_ring },
                { "lost-output", c.status.lost_output },
                { "lost-overwrite", c.status.lost_overwrite },
                { "lost-garbage", c.status.lost_garbage },
                { "bytes", c.status.bytes },
                { "packets", c.status.packets },
                { "applications", c.applications },
                { "chunks-removed", c.status.chunks_removed },
                { "pending", pending },
        };
        /* What was lost has a cause, even if the output works again. */
        int failure = c.status.lost_output > 0 ? c.status.output_failure : c.status.output_error;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "{sv}");
        for (size_t i = 0; i < ARRAY_SIZE(counts) && r >= 0; i++)
                r = append(reply, counts[i].name, counts[i].value);
        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}", "output-error", "s",
                                          failure ? strerror(failure) : "");
        return r < 0 ? r : sd_bus_message_close_container(reply);
}
