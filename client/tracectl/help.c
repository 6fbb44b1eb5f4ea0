/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>
#include <stdlib.h>

#include "client/tracectl/options.h"
#include "client/tracectl/say.h"
#include "client/tracectl/verbs.h"

static void print_overview(void) {
        puts("tracectl records what programs do, and shows it.\n\nUsage: tracectl VERB [OPTION...]\n\nVerbs:");
        for (const struct verb *verb = verbs; verb->name; verb++) {
                int n = printf("  %s %s", verb->name, verb->arguments);

                printf("%*s%s\n", n < 36 ? 36 - n : 1, "", verb->summary);
        }
        puts("\nExample: what ls does, and then to look at it\n"
             "  tracectl record --libc -- ls /\n"
             "  tracectl view\n\n"
             "More about a verb: tracectl VERB --help");
}

int verb_help(int argc, char *argv[]) {
        static const struct option options[] = {
                { "help", no_argument, NULL, 'h' },
                {},
        };
        const struct verb *verb;

        for (int c; (c = getopt_long(argc, argv, ":h", options, NULL)) >= 0;) {
                if (c != 'h')
                        return options_refuse("help", c, argv, options);
                print_overview();
                return EXIT_SUCCESS;
        }
        if (optind == argc) {
                print_overview();
                return EXIT_SUCCESS;
        }
        if (optind + 1 < argc) {
                say("'help' takes one verb, but there is also '%s'. See: tracectl help", argv[optind + 1]);
                return EXIT_USAGE;
        }
        verb = verb_find(argv[optind]);
        if (!verb)
                return verb_refuse(argv[optind]);
        optind = 0; /* getopt_long() starts again, with another command line */
        return verb->run(2, (char *[]) { (char *) verb->name, (char *) "--help", NULL });
}
