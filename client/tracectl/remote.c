/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/tracectl/format.h"
#include "client/tracectl/remote.h"
#include "client/tracectl/say.h"
#include "client/tracectl/verbs.h"
#include "common/cleanup.h"

const char *remote_port(const char *host, size_t *ret_host_size) {
        const char *colon = strrchr(host, ':');

        /* Two colons and more, outside of brackets, are an address of IPv6 alone. */
        if (!colon || !colon[1] || colon[1 + strspn(colon + 1, "0123456789")] ||
            (strchr(host, ':') != colon && colon[-1] != ']')) {
                *ret_host_size = strlen(host);
                return NULL;
        }
        *ret_host_size = (size_t) (colon - host);
        return colon + 1;
}

/* How many words of argv, from i on, name the host: 0, 1 or 2. What is behind "--" is no option. */
static int count_host_words(int argc, char *argv[], int i) {
        if (strcmp(argv[i], "-H") == 0)
                return i + 1 < argc ? 2 : 1;
        if (strncmp(argv[i], "-H", 2) == 0)
                return 1;
        /* getopt_long() takes the beginning of a name for the name. */
        if (strncmp(argv[i], "--ho", 4) != 0)
                return 0;
        return strchr(argv[i], '=') ? 1 : i + 1 < argc ? 2 : 1;
}

char *remote_command(int argc, char *argv[], int n_options) {
        _cleanup_free_ char *command = NULL;
        bool is_option = true;
        size_t size;
        FILE *f;

        f = open_memstream(&command, &size);
        if (!f)
                return NULL;
        fputs("tracectl", f);
        for (int i = 0; i < argc; i++) {
                int n = is_option && i < n_options ? count_host_words(argc, argv, i) : 0;

                is_option = is_option && strcmp(argv[i], "--") != 0;
                if (n > 0) {
                        i += n - 1;
                        continue;
                }
                fputc(' ', f);
                format_shell_word(f, argv[i]);
        }
        if (fclose(f) != 0)
                return NULL;
        return TAKE_PTR(command);
}

int remote_run(const char *host, bool is_user, int argc, char *argv[], int n_options) {
        _cleanup_free_ char *command = remote_command(argc, argv, n_options), *name = NULL;
        const char *arguments[9], *port;
        size_t size, n = 0;

        if (is_user) {
                say("There is --user and --host. On another host, only its machine's service can be reached.");
                return EXIT_USAGE;
        }
        port = remote_port(host, &size);
        name = strndup(host, size);
        if (!command || !name) {
                say("There is not enough memory.");
                return EXIT_FAILURE;
        }
        arguments[n++] = "ssh";
        arguments[n++] = "-x";
        arguments[n++] = isatty(STDOUT_FILENO) ? "-t" : "-T";
        if (port) {
                arguments[n++] = "-p";
                arguments[n++] = port;
        }
        arguments[n++] = "--";
        arguments[n++] = name;
        arguments[n++] = command;
        arguments[n] = NULL;
        execvp("ssh", (char **) arguments);
        say("Failed to run ssh, which reaches '%s': %m. Is the package openssh-client installed?", name);
        return EXIT_FAILURE;
}
