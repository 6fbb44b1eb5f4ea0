/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which applications a rule reaches: those that fulfil everything that it says.
 * Part of a selector, constant like it.
 *
 *     [uid=UID] [pid=PID:IDENTITY [children [own]]] [executable=NAME] [unit=UNIT]
 *
 * Without a uid, the applications of the session's owner; but a unit is one of
 * whatever users. A process is known by its number and what the kernel never
 * gives to another process (registry/process.h), and its children are all that
 * descend from it; own: of the kernel's events those alone that the session's owner may see, who has no right to the
 * others (protocol/kernel-own-events.h). NAME is a glob over the executable's path, or, without a
 * slash, over the last part of it. UNIT is a systemd unit, or a slice with all
 * that is in it.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "service/model/failure.h"

#define TARGET_TEXT_MAX 255
#define TARGET_ANY_UID ((uid_t) -1)

struct target_options {
        uid_t uid; /* or TARGET_ANY_UID */
        pid_t pid; /* or 0 */
        uint64_t identity; /* of that process */
        bool children, own;
        const char *executable, *unit; /* or NULL */
};

#define TARGET_OPTIONS_NONE { .uid = TARGET_ANY_UID }

struct target {
        uid_t uid; /* or TARGET_ANY_UID: it says none */
        pid_t pid; /* or 0 */
        uint64_t identity;
        bool children, own;
        char *executable, *unit; /* or NULL */
};

/* Everything is copied. On failure, target_done() frees what there is. */
int target_init(struct target *t, const struct target_options *options, struct failure *failure);
void target_done(struct target *t);

/* As it stands behind a pattern, each part after a space; nothing where it is the owner's applications. */
void target_write(const struct target *t, FILE *f);

/* Whether it says anything. */
bool target_is_set(const struct target *t);

bool target_is_same(const struct target *a, const struct target *b);

/* Whether it can reach an application of this uid, in a session of owner. */
bool target_reaches_uid(const struct target *t, uid_t owner, uid_t uid);

/* Whether it can reach others' applications than owner's. */
bool target_reaches_others(const struct target *t, uid_t owner);

/* Whether an executable with this path is meant, where the target names one. */
bool target_has_executable(const struct target *t, const char *path);

/* The same for its unit and a process in this control group; with the units of users' own managers, or without. */
bool target_has_cgroup(const struct target *t, const char *cgroup, bool with_users_units);
