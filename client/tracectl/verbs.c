/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stddef.h>
#include <string.h>

#include "client/tracectl/nearest.h"
#include "client/tracectl/say.h"
#include "client/tracectl/verbs.h"

const struct verb verbs[] = {
        { "record", "[OPTION...] -- COMMAND", "Run a command and record it", verb_record },
        { "view", "[OPTION...] [DIR|SESSION]", "Print what a recording has", verb_view },
        { "summary", "[OPTION...] [DIR|SESSION]", "Count what a recording has", verb_summary },
        { "top", "[OPTION...] [SESSION]", "Count what happens while it does", verb_top },
        { "export", "[OPTION...] [DIR|SESSION]", "Write a recording for other viewers", verb_export },
        { "emit", "PROVIDER:NAME [FIELD=VALUE...]", "Record an event from a script", verb_emit },
        { "create", "[OPTION...] NAME", "Make a session, the current one", verb_create },
        { "recover", "DIR", "Make a trace of what a crash left", verb_recover },
        { "set-session", "SESSION", "Choose the current session", verb_set_session },
        { "enable-event", "PATTERN...", "Record these events", verb_enable_event },
        { "disable-event", "PATTERN...", "Record them no longer", verb_disable_event },
        { "remove-event", "PATTERN...", "Forget these patterns", verb_remove_event },
        { "enable-channel", "[OPTION...] NAME", "Add a channel, or enable it again", verb_enable_channel },
        { "disable-channel", "NAME", "Switch a channel's events off", verb_disable_channel },
        { "add-context", "TYPE...", "Record more with each event", verb_add_context },
        { "start", "[SESSION]", "Start recording", verb_start },
        { "stop", "[SESSION]", "Stop recording", verb_stop },
        { "snapshot", "[NAME]", "Write what a flight recorder has", verb_snapshot },
        { "rotate", "[SESSION]", "Put what was recorded so far aside", verb_rotate },
        { "clear", "[SESSION]", "Forget what was recorded so far", verb_clear },
        { "destroy", "[SESSION...]", "End sessions", verb_destroy },
        { "list", "[SESSION]", "Show sessions, programs or events", verb_list },
        { "status", "", "Show the service and its limits", verb_status },
        { "limits", "", "Show what you may have at most", verb_limits },
        { "monitor", "[OPTION...] [SESSION]", "Follow what happens in the service", verb_monitor },
        { "dump", "[SESSION]", "Print a session as a profile", verb_dump },
        { "apply", "FILE | --profile NAME", "Make a session as a profile says", verb_apply },
        { "calibrate", "", "Measure what tracing costs here", verb_calibrate },
        { "help", "[VERB]", "Show this text, or how a verb is used", verb_help },
        { "version", "", "Show the version", verb_version },
        { NULL },
};

const struct verb *verb_find(const char *name) {
        for (const struct verb *verb = verbs; verb->name; verb++)
                if (strcmp(verb->name, name) == 0)
                        return verb;
        return NULL;
}

int verb_refuse(const char *name) {
        struct nearest nearest = NEAREST_INIT(name);

        for (const struct verb *verb = verbs; verb->name; verb++)
                nearest_offer(&nearest, verb->name);
        if (nearest.best)
                say("Unknown verb '%s'. Did you mean '%s'? All verbs: tracectl help", name, nearest.best);
        else
                say("Unknown verb '%s'. All verbs: tracectl help", name);
        return EXIT_USAGE;
}
