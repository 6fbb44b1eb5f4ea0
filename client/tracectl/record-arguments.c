/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/tracectl/options.h"
#include "client/tracectl/record-arguments.h"
#include "client/tracectl/say.h"
#include "client/tracectl/verbs.h"
#include "common/cleanup.h"
#include "common/parse.h"
#include "protocol/ring.h"

#define SUBBUFS UINT64_C(8)
#define KERNEL_SUBBUF_SIZE_MAX (UINT64_C(256) << 10)

/* Ten years: the end is still a time that clocks have. */
#define DURATION_USEC_MAX UINT64_C(315360000000000)

static uint64_t round_up(uint64_t v) {
        uint64_t power = 1;

        while (power < v)
                power <<= 1;
        return power;
}

int record_size_split(uint64_t size, uint32_t *ret_count, uint64_t *ret_subbuf_size) {
        uint64_t count = SUBBUFS, subbuf;

        if (size < RING_SUBBUFS_MIN * RING_SUBBUF_SIZE_MIN || size > RING_SUBBUFS_MAX * RING_SUBBUF_SIZE_MAX)
                return -ERANGE;
        size = round_up(size);
        subbuf = size / count;
        if (subbuf < RING_SUBBUF_SIZE_MIN)
                subbuf = RING_SUBBUF_SIZE_MIN;
        if (subbuf > RING_SUBBUF_SIZE_MAX)
                subbuf = RING_SUBBUF_SIZE_MAX;
        *ret_count = (uint32_t) (size / subbuf);
        *ret_subbuf_size = subbuf;
        return 0;
}

static int check_pattern(const char *pattern) {
        const char *wrong = record_pattern_refuse(pattern);

        if (!wrong)
                return 0;
        say("Event pattern '%s' %s.", pattern, wrong);
        return -EINVAL;
}

static const char *what_is_not_for_kernel(const struct record_arguments *a) {
        if (a->libc)
                return "--libc";
        if (a->overwrite)
                return "--overwrite";
        if (a->persistent)
                return "--persistent";
        return NULL;
}

/* The kernel has smaller sub-buffers than programs: for the same size, more of them. */
static void fit_into_kernel(struct record_arguments *a) {
        for (; a->subbuf_size > KERNEL_SUBBUF_SIZE_MAX; a->subbuf_size /= 2)
                a->subbuf_count *= 2;
}

static int check_kernel(struct record_arguments *a) {
        const char *wrong = what_is_not_for_kernel(a);

        fit_into_kernel(a);
        if (wrong)
                say("%s is not for events of the kernel: leave it or --kernel away.", wrong);
        return wrong ? -EINVAL : 0;
}

/* What one option says about others that may come later. */
static int check_together(struct record_arguments *a) {
        int r = 0;

        if (a->n_pids > 0 && a->libc) {
                say("--libc is for a command: a program that runs already cannot load it any more.");
                return -EINVAL;
        }
        if (a->is_user && (a->n_pids == 0 || a->kernel)) {
                say("--user is for --pid alone: %s", a->kernel ? "the kernel is recorded by the machine's service."
                                                               : "a command is recorded by a service of its own.");
                return -EINVAL;
        }
        if (a->sync_msec > 0 && !a->persistent) {
                say("--sync is for rings in files: add --persistent.");
                return -EINVAL;
        }
        if (a->kernel)
                return check_kernel(a);
        if (a->n_syscalls > 0) {
                say("--syscall is for events of the kernel: add --kernel.");
                return -EINVAL;
        }
        for (size_t i = 0; i < a->n_patterns && r >= 0; i++)
                r = check_pattern(a->patterns[i]);
        return r;
}

/* Where the filter begins behind PROVIDER:NAME, or NULL. */
static const char *find_filter(const char *text) {
        const char *colon = strchr(text, ':');

        colon = colon ? strchr(colon + 1, ':') : NULL;
        return colon ? colon + 1 : NULL;
}

static bool is_same(const char *a, const char *b) {
        return a == b || (a && b && strcmp(a, b) == 0);
}

static int add_pattern(struct record_arguments *a, const char *text) {
        const char *filter = find_filter(text);
        _cleanup_free_ char *pattern = filter ? strndup(text, (size_t) (filter - 1 - text)) : strdup(text);

        if (!pattern) {
                say("There is not enough memory.");
                return -ENOMEM;
        }
        if (filter && *filter == '\0') {
                say("Event pattern '%s' has nothing behind its last ':'. Write a filter there, such as 'cents > 9500'.",
                    text);
                return -EINVAL;
        }
        for (size_t i = 0; i < a->n_patterns; i++)
                if (strcmp(a->patterns[i], pattern) == 0 && is_same(a->filters[i], filter))
                        return 0;
        a->filters[a->n_patterns] = filter;
        a->patterns[a->n_patterns++] = TAKE_PTR(pattern);
        return 0;
}

static int add_pid(struct record_arguments *a, const char *text) {
        uint64_t pid;

        if (parse_u64(text, &pid) < 0 || pid == 0 || pid > INT32_MAX) {
                say("'%s' is no number of a process. Which there are: pgrep NAME, or tracectl list --applications", text);
                return -EINVAL;
        }
        for (size_t i = 0; i < a->n_pids; i++)
                if (a->pids[i] == pid)
                        return 0;
        a->pids[a->n_pids++] = (uint32_t) pid;
        return 0;
}

static int set_size(struct record_arguments *a, const char *text) {
        uint64_t size;

        if (parse_size(text, &size) < 0) {
                say("Size '%s' is no number of bytes. Write one such as 1M or 64M.", text);
                return -EINVAL;
        }
        if (record_size_split(size, &a->subbuf_count, &a->subbuf_size) < 0) {
                say("Size '%s' is out of range. A ring has 8K to 64G for each CPU.", text);
                return -EINVAL;
        }
        return 0;
}

static int set_duration(struct record_arguments *a, const char *text) {
        uint64_t usec;

        if (parse_timespan(text, &usec) < 0 || usec == 0 || usec > DURATION_USEC_MAX) {
                say("'%s' is no length of time. Write one such as 10s, 500ms, 2min or 1h.", text);
                return -EINVAL;
        }
        a->duration = usec * 1000;
        return 0;
}

static int set_sync(struct record_arguments *a, const char *text) {
        uint64_t usec;

        if (parse_timespan(text, &usec) < 0 || usec < 1000 || usec / 1000 > UINT32_MAX) {
                say("'%s' is no interval for --sync. Write it as 5s, 500ms or 1min.", text);
                return -EINVAL;
        }
        a->sync_msec = (uint32_t) (usec / 1000);
        return 0;
}

static int set_output(struct record_arguments *a, const char *path) {
        if (*path == '\0') {
                say("The output directory's name is empty. Write -o DIR, or leave -o away.");
                return -EINVAL;
        }
        a->output = path;
        return 0;
}

static const struct option options[] = {
        { "event", required_argument, NULL, 'e' }, { "output", required_argument, NULL, 'o' },
        { "libc", no_argument, NULL, 'l' },        { "size", required_argument, NULL, 's' },
        { "time", required_argument, NULL, 't' },  { "overwrite", no_argument, NULL, 'O' },
        { "summary", no_argument, NULL, 'c' },     { "live", no_argument, NULL, 'L' },
        { "help", no_argument, NULL, 'h' },        { "kernel", no_argument, NULL, 'k' },
        { "syscall", required_argument, NULL, 'S' }, { "no-ask-password", no_argument, NULL, 'P' },
        { "pid", required_argument, NULL, 'p' },    { "follow-forks", no_argument, NULL, 'F' },
        { "no-live", no_argument, NULL, 'N' },      { "host", required_argument, NULL, 'H' },
        { "user", no_argument, NULL, 'U' },         { "syscalls", no_argument, NULL, 'A' },
        { "persistent", no_argument, NULL, 'R' },   { "sync", required_argument, NULL, 'Y' },
        SELECTION_OPTIONS,
        {},
};

/* 0, or 1 with the status to exit with. */
static int parse_option(struct record_arguments *a, int c, char *argv[], int *ret_status) {
        int r = 0;

        *ret_status = selection_option(&a->selection, c, optarg);
        if (*ret_status >= 0)
                return *ret_status > 0;
        switch (c) {
        case 'e':
                r = add_pattern(a, optarg);
                break;
        case 'k':
                a->kernel = true;
                break;
        case 'P':
                a->without_password = true;
                break;
        case 'A':
                a->kernel = true;
                a->syscalls[a->n_syscalls++] = "*";
                break;
        case 'S':
                for (char *rest = optarg; rest;)
                        a->syscalls[a->n_syscalls++] = strsep(&rest, ",");
                break;
        case 'o':
                r = set_output(a, optarg);
                break;
        case 't':
                r = set_duration(a, optarg);
                break;
        case 's':
                r = set_size(a, optarg);
                break;
        case 'c':
                a->with_summary = true;
                break;
        case 'l':
                a->libc = true;
                break;
        case 'O':
                a->overwrite = true;
                break;
        case 'L':
                a->live = true;
                break;
        case 'N':
                a->without_live = true;
                break;
        case 'R':
                a->persistent = true;
                break;
        case 'Y':
                r = set_sync(a, optarg);
                break;
        case 'F':
                break;
        case 'p':
                r = add_pid(a, optarg);
                break;
        case 'H':
                a->host = optarg;
                break;
        case 'U':
                a->is_user = true;
                break;
        case 'h':
                record_print_help();
                *ret_status = EXIT_SUCCESS;
                return 1;
        default:
                *ret_status = options_refuse("record", c, argv, options);
                return 1;
        }
        if (r < 0)
                *ret_status = EXIT_USAGE;
        return r < 0;
}

static int allocate(struct record_arguments *a, size_t n) {
        selection_init(&a->selection);
        a->patterns = calloc(n, sizeof(*a->patterns));
        a->filters = calloc(n, sizeof(*a->filters));
        a->syscalls = calloc(n, sizeof(*a->syscalls));
        a->pids = calloc(n, sizeof(*a->pids));
        return a->patterns && a->filters && a->syscalls && a->pids ? 0 : -ENOMEM;
}

/* Whether there is something to record, and one thing only. */
static int check_command(const struct record_arguments *a, int argc, char *argv[]) {
        if (a->n_pids > 0 && optind < argc) {
                say("There is --pid and the command '%s'. Record one of them at a time.", argv[optind]);
                return -EINVAL;
        }
        if (a->n_pids == 0 && optind >= argc) {
                say("There is no command to record. Write one: tracectl record --libc -- ls /");
                return -EINVAL;
        }
        return 0;
}

static int parse(struct record_arguments *a, int argc, char *argv[], int *ret_status) {
        for (int c; (c = getopt_long(argc, argv, RECORD_SHORT_OPTIONS, options, NULL)) >= 0;)
                if (parse_option(a, c, argv, ret_status) > 0)
                        return 1;
        *ret_status = EXIT_USAGE;
        if (check_together(a) < 0 || check_command(a, argc, argv) < 0)
                return 1;
        *ret_status = EXIT_FAILURE;
        if (a->n_patterns == 0 && !a->kernel && add_pattern(a, "*") < 0)
                return 1;
        a->live |= !a->without_live && !a->output && !a->with_summary && !a->overwrite && isatty(STDERR_FILENO);
        a->command = a->n_pids > 0 ? NULL : argv + optind;
        a->n_options = optind;
        return 0;
}

/* Names may be several in one argument, between commas. */
static size_t count_names(int argc, char *argv[]) {
        size_t n = (size_t) argc + 1;

        for (int i = 0; i < argc; i++)
                for (const char *c = argv[i]; *c; c++)
                        n += *c == ',';
        return n;
}

int record_arguments_parse(int argc, char *argv[], struct record_arguments *ret, int *ret_status) {
        struct record_arguments a = {};

        *ret_status = EXIT_FAILURE;
        if (allocate(&a, count_names(argc, argv)) < 0)
                say("There is not enough memory.");
        else if (parse(&a, argc, argv, ret_status) == 0) {
                *ret = a;
                return 0;
        }
        record_arguments_done(&a);
        return 1;
}

void record_arguments_done(struct record_arguments *arguments) {
        selection_done(&arguments->selection);
        for (size_t i = 0; i < arguments->n_patterns; i++)
                free(arguments->patterns[i]);
        free(arguments->patterns);
        free(arguments->filters);
        free(arguments->syscalls);
        free(arguments->pids);
        *arguments = (struct record_arguments) {};
}
