/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The forms of tracectl list, a file each. They are connected, and return the exit status. */

#include "client/tracectl/command.h"
#include "client/tracectl/pager.h"

struct list {
        struct command command;
        bool applications, events, kernel;
        const char *probes; /* of this program; or NULL */
        struct pager pager; /* what the tables go through */
        struct tracectl_list_options options;
};

int list_sessions(struct list *list);
int list_session(struct list *list, const char *session);
int list_applications(struct list *list);
int list_events(struct list *list, const char *glob);
/* The SDT probes of a program; it need not be connected. */
int list_probes(struct list *list, const char *path);
