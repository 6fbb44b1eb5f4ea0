/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>

#include "client/tracectl/recording.h"
#include "common/cleanup.h"

#define CHANNEL "channel0"

int recording_enable(struct recording *r, const char *domain, const char *pattern, const char *filter,
                     const struct tracectl_event_options *options) {
        struct tracectl_event_options these = *options;
        _cleanup_free_ char *both = NULL;
        int k;

        if (filter && options->filter) {
                if (asprintf(&both, "(%s) && (%s)", options->filter, filter) < 0) {
                        both = NULL;
                        return recording_fail(r, "enable the events", -ENOMEM);
                }
                these.filter = both;
        } else if (filter)
                these.filter = filter;
        k = tracectl_session_enable_event(r->session, domain, CHANNEL, pattern, &these, NULL);
        return k < 0 ? recording_fail(r, "enable the events", k) : 0;
}
