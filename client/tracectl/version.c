/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>
#include <stdlib.h>

#include "client/tracectl/options.h"
#include "client/tracectl/say.h"
#include "client/tracectl/verbs.h"
#include "config.h"

int verb_version(int argc, char *argv[]) {
        static const struct option options[] = {
                { "help", no_argument, NULL, 'h' },
                {},
        };

        for (int c; (c = getopt_long(argc, argv, ":h", options, NULL)) >= 0;) {
                if (c != 'h')
                        return options_refuse("version", c, argv, options);
                puts("Usage: tracectl version\n\nShow the version of tracectl.\n\n"
                     "Example: tracectl version");
                return EXIT_SUCCESS;
        }
        if (optind < argc) {
                say("'version' takes no argument, but there is '%s'. See: tracectl version --help", argv[optind]);
                return EXIT_USAGE;
        }
        puts("tracectl " TRACECTL_VERSION);
        return EXIT_SUCCESS;
}
