/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
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

/* `tracectl --user VERB ...` is `tracectl VERB --user ...`, and so with -H. */
static int run_with(const struct verb *verb, const char *user, const char *host, int argc, char *argv[]) {
        _cleanup_free_ char **arguments = calloc((size_t) argc + 4, sizeof(*arguments));
        int n = 0;

        if (!arguments) {
                say("There is not enough memory.");
                return EXIT_FAILURE;
        }
        arguments[n++] = argv[0];
        if (user)
                arguments[n++] = (char *) user;
        if (host) {
                arguments[n++] = (char *) "-H";
                arguments[n++] = (char *) host;
        }
        memcpy(arguments + n, argv + 1, (size_t) argc * sizeof(*arguments));
        return run_verb(verb, argc - 1 + n, arguments);
}

static int run(int argc, char *argv[]) {
        static const struct option options[] = {
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, 'V' },
                { "user", no_argument, NULL, 'u' },
                { "host", required_argument, NULL, 'H' },
                {},
        };
        const struct verb *verb;
        const char *user = NULL, *host = NULL;

        opterr = 0;
        for (int c; (c = getopt_long(argc, argv, "+:hVH:", options, NULL)) >= 0;)
                switch (c) {
                case 'h':
                        return run_verb(verb_find("help"), 1, argv);
                case 'V':
                        return run_verb(verb_find("version"), 1, argv);
                case 'u':
                        user = "--user";
                        break;
                case 'H':
                        host = optarg;
                        break;
                default:
                        return options_refuse(NULL, c, argv, options);
                }
        if (optind == argc)
                return run_verb(verb_find("help"), 1, argv);

        verb = verb_find(argv[optind]);
        if (!verb)
                return verb_refuse(argv[optind]);
        return run_with(verb, user, host, argc - optind, argv + optind);
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
