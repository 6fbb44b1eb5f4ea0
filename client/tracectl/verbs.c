/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stddef.h>
#include <string.h>

#include "client/tracectl/nearest.h"
#include "client/tracectl/say.h"
#include "client/tracectl/verbs.h"

const struct verb verbs[] = {
        { "record", "[OPTION...] -- COMMAND", "Run a command and record it", verb_record },
        { "view", "[OPTION...] [DIR]", "Print what a recording has", verb_view },
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
