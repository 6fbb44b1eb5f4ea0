/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
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

/* What of a word, and how many more words, are an option's. */
struct part {
        int kept;   /* characters at the beginning that are not about the host; -1: all */
        int n_next; /* words behind it that are its argument: 0 or 1 */
};

/* A word of short options, as -fHfar: the last one may have its argument in the word, or behind it. */
static struct part split_short(const char *word, const char *short_options) {
        for (int i = 1; word[i]; i++) {
                const char *option = strchr(short_options, word[i]);

                if (!option || word[i] == ':' || option[1] != ':')
                        continue;
                return (struct part) {
                        .kept = word[i] == 'H' ? (i == 1 ? 0 : i) : -1,
                        .n_next = word[i + 1] == '\0',
                };
        }
        return (struct part) { .kept = -1 };
}

static struct part split(const char *word, const char *short_options) {
        if (word[0] == '-' && word[1] != '\0' && word[1] != '-')
                return split_short(word, short_options);
        /* getopt_long() takes the beginning of a name for the name. */
        if (strncmp(word, "--ho", 4) == 0)
                return (struct part) { .kept = 0, .n_next = !strchr(word, '=') };
        return (struct part) { .kept = -1 };
}

/* What is behind "--" is no option. */
static int write_words(FILE *f, int argc, char *argv[], int n_options, const char *short_options) {
        bool is_option = true;

        for (int i = 0; i < argc; i++) {
                _cleanup_free_ char *word = NULL;
                struct part part = { .kept = -1 };

                is_option = is_option && strcmp(argv[i], "--") != 0;
                if (is_option && i < n_options)
                        part = split(argv[i], short_options);
                word = part.kept >= 0 ? strndup(argv[i], (size_t) part.kept) : strdup(argv[i]);
                if (!word)
                        return -ENOMEM;
                if (part.kept != 0) {
                        fputc(' ', f);
                        format_shell_word(f, word);
                }
                if (part.n_next == 0 || i + 1 >= argc)
                        continue;
                i++;
                if (part.kept >= 0)
                        continue;
                fputc(' ', f);
                format_shell_word(f, argv[i]);
        }
        return 0;
}

char *remote_command(int argc, char *argv[], int n_options, const char *short_options) {
        _cleanup_free_ char *command = NULL;
        size_t size;
        FILE *f;
        int r;

        f = open_memstream(&command, &size);
        if (!f)
                return NULL;
        fputs("tracectl", f);
        r = write_words(f, argc, argv, n_options, short_options);
        return fclose(f) != 0 || r < 0 ? NULL : TAKE_PTR(command);
}

int remote_run(const char *host, bool is_user, int argc, char *argv[], int n_options, const char *short_options) {
        _cleanup_free_ char *command = remote_command(argc, argv, n_options, short_options), *name = NULL;
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
