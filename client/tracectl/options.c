/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "client/tracectl/nearest.h"
#include "client/tracectl/options.h"
#include "client/tracectl/say.h"
#include "client/tracectl/verbs.h"

#define NAME_MAX_SHOWN 32
#define SEE(verb) (verb) ? (verb) : "", (verb) ? " " : ""

/* The name in "--name=value", cut where it is absurdly long. */
static void long_name(const char *argument, char name[static NAME_MAX_SHOWN + 1]) {
        size_t n = strcspn(argument + 2, "=");

        if (n > NAME_MAX_SHOWN)
                n = NAME_MAX_SHOWN;
        memcpy(name, argument + 2, n);
        name[n] = '\0';
}

static void refuse_long(const char *verb, const char *argument, const struct option *options) {
        char name[NAME_MAX_SHOWN + 1];
        struct nearest nearest = NEAREST_INIT(name);
        size_t n_matches = 0;

        long_name(argument, name);
        for (const struct option *o = options; o->name; o++) {
                if (strncmp(o->name, name, strlen(name)) == 0)
                        n_matches++;
                nearest_offer(&nearest, o->name);
        }
        if (n_matches > 1)
                say("'--%s' is short for several options. See: tracectl %s%s--help", name, SEE(verb));
        else if (nearest.best)
                say("Unknown option '--%s'. Did you mean '--%s'? See: tracectl %s%s--help", name, nearest.best,
                    SEE(verb));
        else
                say("Unknown option '--%s'. See: tracectl %s%s--help", name, SEE(verb));
}

int options_refuse(const char *verb, int c, char *argv[], const struct option *options) {
        const char *argument = argv[optind - 1];
        bool is_long = strncmp(argument, "--", 2) == 0 && argument[2] != '\0';
        char name[NAME_MAX_SHOWN + 1];

        if (c == ':' || (is_long && optopt != 0)) {
                if (is_long)
                        long_name(argument, name);
                else
                        snprintf(name, sizeof(name), "%c", optopt);
                say("Option '%s%s' %s. See: tracectl %s%s--help", is_long ? "--" : "-", name,
                    c == ':' ? "needs an argument" : "takes no argument",
                    SEE(verb));
        } else if (is_long && optopt == 0)
                refuse_long(verb, argument, options);
        else
                say("Unknown option '-%c'. See: tracectl %s%s--help", optopt, SEE(verb));
        return EXIT_USAGE;
}

static void list_words(const char *const known[], char *text, size_t size) {
        size_t n = 0;

        text[0] = '\0';
        for (size_t i = 0; known[i] && n < size; i++) {
                int k = snprintf(text + n, size - n, "%s%s", i > 0 ? ", " : "", known[i]);

                n += k > 0 ? (size_t) k : 0;
        }
}

int options_refuse_word(const char *what, const char *word, const char *const known[]) {
        struct nearest nearest = NEAREST_INIT(word);
        char all[256];

        for (size_t i = 0; known[i]; i++)
                nearest_offer(&nearest, known[i]);
        list_words(known, all, sizeof(all));
        if (nearest.best)
                say("Unknown %s '%s'. Did you mean '%s'? Known are: %s.", what, word, nearest.best, all);
        else
                say("Unknown %s '%s'. Known are: %s.", what, word, all);
        return EXIT_USAGE;
}
