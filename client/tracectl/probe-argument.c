/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>

#include "client/tracectl/probe-argument.h"
#include "client/tracectl/say.h"
#include "client/tracectl/verbs.h"
#include "common/cleanup.h"

void probe_argument_done(struct probe_argument *p) {
        closep(&p->file);
        free(p->name);
        *p = PROBE_ARGUMENT_NONE;
}

/* Every character that no name of an event can have is '_'; but the colons of an SDT probe's. */
static void clean(char *name) {
        for (; *name; name++)
                if (!isalnum((unsigned char) *name) && *name != ':')
                        *name = '_';
}

/* "PROVIDER:NAME" of an SDT probe; else the symbol. The path is what is before. */
static int cut(const char *argument, struct probe_argument *p, char **ret_path) {
        bool is_sdt = strncmp(argument, "sdt:", 4) == 0;
        char *path = strdup(is_sdt || strncmp(argument, "elf:", 4) == 0 ? argument + 4 : argument), *colon;

        *ret_path = path;
        colon = path ? strrchr(path, ':') : NULL;
        if (colon && is_sdt) {
                *colon = '\0';
                colon = strrchr(path, ':');
                path[strlen(path)] = ':';
        }
        if (!colon)
                return path ? -EINVAL : -ENOMEM;
        *colon = '\0';
        p->name = strdup(colon + 1);
        if (!p->name)
                return -ENOMEM;
        clean(p->name);
        return 0;
}

static int open_program(struct probe_argument *p, struct tracectl_event_options *options, const char *argument) {
        _cleanup_free_ char *path = NULL;

        if (cut(argument, p, &path) < 0) {
                say("'%s' is no place for a probe: write sdt:PATH:PROVIDER:NAME, or PATH:SYMBOL.", argument);
                return EXIT_USAGE;
        }
        p->file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (p->file < 0) {
                say("Failed to open '%s': %s.", path, strerror(errno));
                return EXIT_FAILURE;
        }
        options->probe_file = p->file;
        return 0;
}

static int set(struct probe_argument *p, struct tracectl_event_options *options, const char *kind,
               const char *argument) {
        if (options->probe) {
                say("One command enables one probe; give one of --userspace-probe, --probe and --function.");
                return EXIT_USAGE;
        }
        options->kind = kind;
        options->probe = argument;
        if (strcmp(kind, "userspace-probe") == 0)
                return open_program(p, options, argument);
        p->name = strdup(argument);
        if (!p->name) {
                say("Out of memory.");
                return EXIT_FAILURE;
        }
        clean(p->name);
        return 0;
}

int probe_argument_option(struct probe_argument *p, struct tracectl_event_options *options, int c,
                          const char *argument) {
        switch (c) {
        case PROBE_ARGUMENT_PROGRAM:
                return set(p, options, "userspace-probe", argument);
        case PROBE_ARGUMENT_KERNEL:
                return set(p, options, "probe", argument);
        case PROBE_ARGUMENT_FUNCTION:
                return set(p, options, "function", argument);
        default:
                return -1;
        }
}
