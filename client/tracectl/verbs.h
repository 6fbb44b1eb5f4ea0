/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The verbs of tracectl, one file each. A verb gets the command line from its
 * own name on (argv[0] is "view"), reads its options with getopt_long() (with
 * opterr = 0 and options_refuse() for what is wrong) and returns the exit
 * status of the program: EXIT_SUCCESS, EXIT_FAILURE when the work failed,
 * EXIT_USAGE when the command line made no sense and nothing was done. Whoever
 * fails has said so by say() before, in one sentence.
 *
 * A new verb is a line in verbs.c and a declaration here. Every verb has
 * --help, which prints to stdout and ends with EXIT_SUCCESS.
 */

#define EXIT_USAGE 2

struct verb {
        const char *name;
        const char *arguments; /* "[DIR]", for the help */
        const char *summary;   /* one line of at most 40 characters, without a full stop */
        int (*run)(int argc, char *argv[]);
};

/* In the order of the help; the last one has no name. */
extern const struct verb verbs[];

const struct verb *verb_find(const char *name);

/* Says that there is no such verb, and which one was probably meant. Returns EXIT_USAGE. */
int verb_refuse(const char *name);

int verb_record(int argc, char *argv[]);
int verb_view(int argc, char *argv[]);
int verb_summary(int argc, char *argv[]);
int verb_top(int argc, char *argv[]);
int verb_export(int argc, char *argv[]);
int verb_emit(int argc, char *argv[]);
int verb_create(int argc, char *argv[]);
int verb_recover(int argc, char *argv[]);
int verb_set_session(int argc, char *argv[]);
int verb_enable_event(int argc, char *argv[]);
int verb_disable_event(int argc, char *argv[]);
int verb_remove_event(int argc, char *argv[]);
int verb_enable_channel(int argc, char *argv[]);
int verb_disable_channel(int argc, char *argv[]);
int verb_add_context(int argc, char *argv[]);
int verb_start(int argc, char *argv[]);
int verb_stop(int argc, char *argv[]);
int verb_snapshot(int argc, char *argv[]);
int verb_rotate(int argc, char *argv[]);
int verb_clear(int argc, char *argv[]);
int verb_destroy(int argc, char *argv[]);
int verb_list(int argc, char *argv[]);
int verb_status(int argc, char *argv[]);
int verb_limits(int argc, char *argv[]);
int verb_monitor(int argc, char *argv[]);
int verb_dump(int argc, char *argv[]);
int verb_apply(int argc, char *argv[]);
int verb_calibrate(int argc, char *argv[]);
int verb_help(int argc, char *argv[]);
int verb_version(int argc, char *argv[]);
