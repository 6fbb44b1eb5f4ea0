/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/tracectl/options.h"
#include "client/tracectl/say.h"
#include "client/tracectl/verbs.h"
#include "common/cleanup.h"
#include "common/program.h"

static void print_help(void) {
        puts("Usage: tracectl recover DIR\n\n"
             "Make a trace of what a session left in DIR whose ring buffers are files\n"
             "(tracectl create --persistent) when all processes were killed. Run it as the\n"
             "user who recorded. Afterwards DIR is a trace like any other.\n\n"
             "  -h, --help  Show this text\n\n"
             "Example: tracectl recover ~/orders-trace && tracectl view ~/orders-trace");
}

static const struct option options[] = {
        { "help", no_argument, NULL, 'h' },
        {},
};

/* What writes traces does it: in its sandbox, since anybody can have written to these files. */
int verb_recover(int argc, char *argv[]) {
        _cleanup_free_ char *path = NULL;
        int c, r;

        c = getopt_long(argc, argv, ":h", options, NULL);
        if (c == 'h') {
                print_help();
                return EXIT_SUCCESS;
        }
        if (c >= 0)
                return options_refuse("recover", c, argv, options);
        if (argc - optind != 1) {
                say("One directory is needed: the one that the trace was to go to. See tracectl recover --help.");
                return EXIT_USAGE;
        }
        r = program_find("consumer", "tracectl-consumer", &path);
        if (r >= 0) {
                execl(path, path, "--recover", argv[optind], NULL);
                r = -errno;
        }
        say("Failed to start tracectl-consumer, which writes traces: %s. Install it, or build it completely.",
            strerror(-r));
        return EXIT_FAILURE;
}
