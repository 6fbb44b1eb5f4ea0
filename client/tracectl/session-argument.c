/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/tracectl/say.h"
#include "client/tracectl/session-argument.h"
#include "client/tracectl/verbs.h"
#include "common/cleanup.h"
#include "common/parse.h"

int user_find(const char *name, uid_t *ret) {
        const struct passwd *entry;
        uint64_t number;

        if (parse_u64(name, &number) >= 0 && number < (uid_t) -1) {
                *ret = (uid_t) number;
                return 0;
        }
        entry = getpwnam(name);
        if (!entry)
                return -ENOENT;
        *ret = entry->pw_uid;
        return 0;
}

static int find_owner(const char *text, size_t size, uid_t *ret) {
        _cleanup_free_ char *user = strndup(text, size);

        if (!user)
                return EXIT_FAILURE;
        if (user_find(user, ret) < 0) {
                say("There is no user '%s', whose session '%s' would be. Write NAME, or USER/NAME.", user, text);
                return EXIT_USAGE;
        }
        return 0;
}

int session_argument_parse(const char *text, struct session_argument *ret) {
        const char *slash = strchr(text, '/'), *name = slash ? slash + 1 : text;
        uid_t uid = geteuid();
        int status;

        if (!name_is_valid(name)) {
                say("'%s' is no name of a session: 1 to 64 letters, digits, '_', '-' and '.', "
                    "the first no '-' and no '.', and USER/ before it for another user's.", text);
                return EXIT_USAGE;
        }
        if (slash) {
                status = find_owner(text, (size_t) (slash - text), &uid);
                if (status != 0)
                        return status;
        }
        *ret = (struct session_argument) { .uid = uid, .name = name };
        return 0;
}

int user_name(uid_t uid, char **ret) {
        const struct passwd *entry = getpwuid(uid);

        if (!entry)
                return asprintf(ret, "%u", (unsigned) uid) < 0 ? -ENOMEM : 0;
        *ret = strdup(entry->pw_name);
        return *ret ? 0 : -ENOMEM;
}
