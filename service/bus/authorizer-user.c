/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who may do what on a user's bus: he, and root on his behalf, everything. */

#include <errno.h>
#include <stddef.h>
#include <unistd.h>

#include "service/bus/authorizer.h"
#include "service/bus/caller.h"

struct user_authorizer {
        struct authorizer authorizer;
        struct callers *callers;
};

static struct user_authorizer *of(struct authorizer *a) {
        return CONTAINER_OF(a, struct user_authorizer, authorizer);
}

static int caller(struct authorizer *a, sd_bus_message *m, uid_t *ret, struct failure *failure) {
        uid_t uid;
        int r;

        r = callers_uid(of(a)->callers, m, &uid, NULL, failure);
        if (r < 0)
                return r;
        if (uid != getuid() && uid != 0)
                return fail(failure, FAILURE_ACCESS_DENIED,
                            "This tracingd serves user %u only, and you are user %u; use the system service.",
                            (unsigned) getuid(), (unsigned) uid);
        /* Root's sessions here are the user's, who alone can write and read what they record. */
        *ret = getuid();
        return 0;
}

static int check(struct authorizer *a, sd_bus_message *m, const struct question *question, struct failure *failure) {
        uid_t uid;
        int r;

        r = caller(a, m, &uid, failure);
        return r < 0 ? r : 1;
}

static bool shows(struct authorizer *a, sd_bus_message *m, uid_t owner) {
        struct failure failure;
        uid_t uid;

        return !m || caller(a, m, &uid, &failure) >= 0;
}

static struct authorizer *user_free(struct authorizer *a) {
        callers_free(of(a)->callers);
        free(of(a));
        return NULL;
}

int authorizer_new_user(sd_bus *bus, const struct authorizer_config *config, struct authorizer **ret) {
        struct user_authorizer *a;
        int r;

        a = malloc(sizeof(*a));
        if (!a)
                return -ENOMEM;
        *a = (struct user_authorizer) {
                .authorizer = { .check = check, .caller = caller, .shows = shows, .free = user_free },
        };
        r = callers_new(&(struct callers_config) { .bus = bus, .authorizer = config }, &a->callers);
        if (r < 0) {
                free(a);
                return r;
        }
        *ret = &a->authorizer;
        return 0;
}
