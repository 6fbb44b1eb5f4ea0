/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/tracectl/options.h"
#include "client/tracectl/say.h"
#include "client/tracectl/verbs.h"
#include "common/cleanup.h"

/* getopt_long() starts again, with another command line. */
static int run_verb(const struct verb *verb, int argc, char *argv[]) {
        optind = 0;
        return verb->run(argc, argv);
}

/* `tracectl --user VERB ...` is `tracectl VERB --user ...`. */
static int run_for_user(const struct verb *verb, int argc, char *argv[]) {
        _cleanup_free_ char **arguments = calloc((size_t) argc + 2, sizeof(*arguments));

        if (!arguments) {
                say("There is not enough memory.");
                return EXIT_FAILURE;
        }
        arguments[0] = argv[0];
        arguments[1] = (char *) "--user";
        memcpy(arguments + 2, argv + 1, (size_t) argc * sizeof(*arguments));
        return run_verb(verb, argc + 1, arguments);
}

static int run(int argc, char *argv[]) {
        static const struct option options[] = {
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, 'V' },
                { "user", no_argument, NULL, 'u' },
                {},
        };
        const struct verb *verb;
        bool is_user = false;

        opterr = 0;
        for (int c; (c = getopt_long(argc, argv, "+:hV", options, NULL)) >= 0;)
                switch (c) {
                case 'h':
                        return run_verb(verb_find("help"), 1, argv);
                case 'V':
                        return run_verb(verb_find("version"), 1, argv);
                case 'u':
                        is_user = true;
                        break;
                default:
                        return options_refuse(NULL, c, argv, options);
                }
        if (optind == argc)
                return run_verb(verb_find("help"), 1, argv);

        verb = verb_find(argv[optind]);
        if (!verb)
                return verb_refuse(argv[optind]);
        return (is_user ? run_for_user : run_verb)(verb, argc - optind, argv + optind);
}

int main(int argc, char *argv[]) {
        int status = run(argc, argv);

        /* What did not reach its file is not a success; a reader who had enough (head, less) needs no word about it. */
        if ((fflush(stdout) != 0 || ferror(stdout)) && status == EXIT_SUCCESS) {
                if (errno != EPIPE)
                        say("Failed to write the output: %m");
                status = EXIT_FAILURE;
        }
        return status;
}
