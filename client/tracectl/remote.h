/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Verbs that need more of the other machine than its service, which a bus over
 * ssh does not carry (traces, live streams): tracectl is run there.
 */

#include <stdbool.h>
#include <stddef.h>

/*
 * Becomes ssh(1), which runs `tracectl VERB ARGUMENT...` on host (HOST,
 * USER@HOST or HOST:PORT), on a terminal where there is one here. argv is the
 * command line of the verb, -H included; what names the host is left out of its
 * first n_options words, of which short_options (as getopt() has them) says where in a word -H can be. Returns the exit
 * status where that fails, when it has said why, as where there is --user too.
 */
int remote_run(const char *host, bool is_user, int argc, char *argv[], int n_options, const char *short_options);

/* The command for a shell there: argv without the host. The caller frees it. NULL without memory. */
char *remote_command(int argc, char *argv[], int n_options, const char *short_options);

/*
 * The port of "HOST:PORT", as text, or NULL; *ret_host_size is the length of what
 * is before it.
 */
const char *remote_port(const char *host, size_t *ret_host_size);
