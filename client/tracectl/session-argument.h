/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A session as people write it: NAME, or USER/NAME where it is another user's. Points into the text. */

#include <sys/types.h>

struct session_argument {
        uid_t uid;
        const char *name;
};

/* 0, or the exit status after saying what is wrong. */
int session_argument_parse(const char *text, struct session_argument *ret);

/* The user of this name, or number. -ENOENT. */
int user_find(const char *name, uid_t *ret);

/* The name of a user, or the number where there is none. The caller frees *ret; -ENOMEM. */
int user_name(uid_t uid, char **ret);
