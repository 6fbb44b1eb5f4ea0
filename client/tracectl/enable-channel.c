/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/tracectl/command.h"
#include "client/tracectl/say.h"
#include "client/tracectl/verbs.h"
#include "common/cleanup.h"
#include "common/parse.h"

static void print_help(void) {
        puts("Usage: tracectl enable-channel [OPTION...] NAME\n\n"
             "Add a channel, the rings through which a session's events go; or switch on\n"
             "again one that was disabled.\n\n"
             "  -k, --kernel             A channel of the kernel\n"
             "      --subbuf-size SIZE   Size of each part of a CPU's ring, such as 512K\n"
             "      --subbuf-count N     Parts of a CPU's ring\n"
             "      --discard            A full ring refuses events, and counts them\n"
             "      --overwrite          The newest events take the place of the oldest;\n"
             "                           tracectl snapshot writes them\n"
             "      --ordered-clock      No event earlier than its cause on another CPU, for\n"
             "                           12 ns more an event; without this where the session\n"
             "                           has a channel of the kernel\n"
             COMMAND_SESSION_HELP
             "\n\n"
             "Example: tracectl enable-channel big --subbuf-size 4M --subbuf-count 16");
}

enum { OPTION_SUBBUF_SIZE = COMMAND_OWN, OPTION_SUBBUF_COUNT, OPTION_DISCARD, OPTION_OVERWRITE, OPTION_ORDERED_CLOCK };

static const struct option options[] = {
        { "subbuf-size", required_argument, NULL, OPTION_SUBBUF_SIZE },
        { "subbuf-count", required_argument, NULL, OPTION_SUBBUF_COUNT },
        { "kernel", no_argument, NULL, 'k' },
        { "discard", no_argument, NULL, OPTION_DISCARD },
        { "overwrite", no_argument, NULL, OPTION_OVERWRITE },
        { "ordered-clock", no_argument, NULL, OPTION_ORDERED_CLOCK },
        COMMAND_SESSION_OPTIONS,
        {},
};

/* -1: go on; -EINVAL: not one of these options; else the exit status. */
static int read_option(int c, struct tracectl_channel_options *channel) {
        uint64_t count;

        switch (c) {
        case OPTION_SUBBUF_SIZE:
                if (parse_size(optarg, &channel->subbuf_size) >= 0 && channel->subbuf_size > 0)
                        return -1;
                say("Size '%s' is no number of bytes. Write one such as 64K or 1M.", optarg);
                return EXIT_USAGE;
        case OPTION_SUBBUF_COUNT:
                if (parse_u64(optarg, &count) >= 0 && count > 0 && count <= UINT32_MAX) {
                        channel->subbuf_count = (uint32_t) count;
                        return -1;
                }
                say("'%s' is no number of sub-buffers. Write one such as 8.", optarg);
                return EXIT_USAGE;
        case OPTION_DISCARD:
        case OPTION_OVERWRITE:
                channel->mode = c == OPTION_DISCARD ? TRACECTL_CHANNEL_DISCARD : TRACECTL_CHANNEL_OVERWRITE;
                return -1;
        case OPTION_ORDERED_CLOCK:
                channel->ordered_clock = 1;
                return -1;
        default:
                return -EINVAL;
        }
}

int verb_enable_channel(int argc, char *argv[]) {
        _cleanup_(command_free) struct command command = COMMAND_INIT("enable-channel");
        struct tracectl_channel_options channel = TRACECTL_CHANNEL_OPTIONS_INIT;
        const char *domain = "user";
        uint32_t pending;
        int status, r;

        for (int c; (c = getopt_long(argc, argv, COMMAND_SESSION_SHORT "k", options, NULL)) >= 0;) {
                if (c == 'k') {
                        domain = "kernel";
                        continue;
                }
                status = read_option(c, &channel);
                if (status == -EINVAL)
                        status = command_option(&command, c, argv, options);
                if (status >= 0)
                        return status;
        }
        status = command_check_arguments(&command, argc, argv, 1, 1, "one name of a channel");
        if (status == 0)
                status = command_open_session(&command, NULL);
        if (status != 0)
                return status;
        r = tracectl_session_enable_channel(command.session, domain, argv[optind], &channel, &pending);
        if (r < 0)
                return command_fail(&command, "enable the channel", r);
        command_say_pending(&command, pending);
        return command_done(&command, json_pack("{s:s,s:I}", "channel", argv[optind], "pending", (json_int_t) pending),
                            "Channel %s of session %s is enabled.", argv[optind], command.session_name);
}
