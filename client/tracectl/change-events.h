/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/tracectl/command.h"
#include "client/tracectl/selection.h"

/* What is done to the patterns of a command line, one after the other. */
struct event_change {
        const char *verb, *what; /* what: it, in "Failed to ..." */
        const char *done;        /* what the session then does: "has ..." */
        void (*print_help)(void);
        int (*check)(const char *pattern); /* before anything is done: 0 or the exit status; or NULL */
        bool has_selection; /* takes the options of selection.h */
        int (*apply)(tracectl_session *session, const char *domain, const char *channel, const char *pattern,
                     const struct tracectl_event_options *options, uint32_t *pending);
};

/* The whole verb: VERB [-c CHANNEL] [SELECTION] PATTERN... Returns the exit status. */
int change_events(const struct event_change *change, int argc, char *argv[]);

#define CHANGE_EVENTS_HELP(where) \
        "  -c, --channel CHANNEL  " where "\n" COMMAND_SESSION_HELP
