/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Records with fields in the system's journal. libsystemd's own functions wait
 * when journald does not read; the main loop must not, so this is the journal's
 * native protocol (systemd, docs/JOURNAL_NATIVE_PROTOCOL.md) on a socket that
 * never waits. One thread.
 */

#include <stddef.h>
#include <sys/un.h>

#include "common/cleanup.h"

struct journal {
        int fd;
        struct sockaddr_un address;
};

struct journal_field {
        const char *name;  /* as journald wants it: capital letters, digits and '_' */
        const char *value; /* NULL: the record has no such field */
};

/* path: of journald's socket; NULL: the usual one, which need not be there. */
int journal_open(struct journal *j, const char *path);
void journal_close(struct journal *j);

/* Control characters in values are escaped. -errno where the record is lost: journald is not there, or does not read. */
int journal_send(struct journal *j, const struct journal_field *fields, size_t n);
