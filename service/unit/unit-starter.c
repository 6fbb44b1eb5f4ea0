/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "common/program.h"
#include "service/log.h"
#include "service/unit/leftovers.h"
#include "service/unit/pair.h"
#include "service/unit/spare-pair.h"
#include "service/unit/unit-starter.h"

#define SPARE_USEC (30 * 1000 * 1000)

int unit_starter_new(sd_event *event, const struct unit_config *config, struct unit_starter **ret) {
        _cleanup_(unit_starter_freep) struct unit_starter *u = NULL;
        int r;

        u = malloc(sizeof(*u));
        if (!u)
                return -ENOMEM;
        *u = (struct unit_starter) {
                .event = sd_event_ref(event),
                .user = config->user,
                .run = strdup(config->run),
                .spare_usec = SPARE_USEC,
        };
        LIST_INIT(&u->pairs);
        if (!u->run)
                return -ENOMEM;
        r = program_find("consumer", "tracectl-consumer", &u->program);
        if (r < 0)
                return r;
        r = systemd_new(event, config->user, config->address, config->usec, &u->systemd);
        if (r < 0)
                return r;
        r = leftovers_new(u, &u->leftovers);
        if (r < 0)
                log_debug("units of an earlier tracingd cannot be listed: %s", strerror(-r));
        *ret = TAKE_PTR(u);
        return 0;
}

void unit_starter_leave(struct unit_starter *u) {
        u->leaving = true;
}

struct unit_starter *unit_starter_free(struct unit_starter *u) {
        struct pair *p;

        if (!u)
                return NULL;
        u->ending = true;
        spare_pair_drop(u);
        leftovers_free(u->leftovers);
        while ((p = LIST_FIRST(&u->pairs)))
                pair_leave(p);
        systemd_free(u->systemd);
        sd_event_unref(u->event);
        free(u->run);
        free(u->program);
        free(u);
        return NULL;
}
