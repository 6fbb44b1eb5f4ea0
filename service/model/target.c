/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/glob.h"
#include "service/model/target.h"
#include "service/model/text.h"

#define UNIT_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:-_.\\@"
#define DELETED " (deleted)"

static bool is_one_word(const char *text) {
        char escaped[4 * TARGET_TEXT_MAX + 1];

        if (*text == '\0' || strlen(text) > TARGET_TEXT_MAX || strchr(text, ' '))
                return false;
        text_escape(text, escaped, sizeof(escaped));
        return strcmp(text, escaped) == 0;
}

static int set_executable(struct target *t, const char *name, struct failure *failure) {
        if (!is_one_word(name))
                return fail(failure, FAILURE_INVALID_OPTION, "'%.60s' is no name of an executable: write its path, or "
                            "the last part of it, with '*' for a space and for any characters.", name);
        if (*name != '/' && *name != '*' && strchr(name, '/'))
                return fail(failure, FAILURE_INVALID_OPTION, "'%.200s' is no absolute path of an executable; begin it "
                            "with '/' or '*', or write the last part of it only.", name);
        t->executable = strdup(name);
        return t->executable ? 0 : fail_memory(failure);
}

static bool has_unit_suffix(const char *name) {
        static const char *const suffixes[] = { ".service", ".scope", ".slice", ".socket", ".mount", ".swap" };
        const char *dot = strrchr(name, '.');

        for (size_t i = 0; dot && i < ARRAY_SIZE(suffixes); i++)
                if (strcmp(dot, suffixes[i]) == 0)
                        return true;
        return false;
}

static int set_unit(struct target *t, const char *name, struct failure *failure) {
        size_t n = strspn(name, UNIT_CHARACTERS);

        if (n == 0 || name[n] != '\0' || n + strlen(".service") > TARGET_TEXT_MAX)
                return fail(failure, FAILURE_INVALID_OPTION,
                            "'%.60s' is no name of a unit; write one such as nginx.service.", name);
        if (asprintf(&t->unit, "%s%s", name, has_unit_suffix(name) ? "" : ".service") < 0) {
                t->unit = NULL;
                return fail_memory(failure);
        }
        return 0;
}

int target_init(struct target *t, const struct target_options *options, struct failure *failure) {
        int r = 0;

        *t = (struct target) {
                .uid = options->uid,
                .pid = options->pid,
                .identity = options->identity,
                .children = options->children,
                .own = options->own,
        };
        if (t->children && t->pid == 0)
                return fail(failure, FAILURE_INVALID_OPTION,
                            "The children of no process are meant; say which process by target-pid.");
        if (options->executable)
                r = set_executable(t, options->executable, failure);
        if (r >= 0 && options->unit)
                r = set_unit(t, options->unit, failure);
        return r;
}

void target_done(struct target *t) {
        free(t->executable);
        free(t->unit);
}

void target_write(const struct target *t, FILE *f) {
        if (t->uid != TARGET_ANY_UID)
                fprintf(f, " uid=%u", (unsigned) t->uid);
        if (t->pid != 0)
                fprintf(f, " pid=%i:%" PRIu64 "%s%s", (int) t->pid, t->identity, t->children ? " children" : "",
                        t->own ? " own" : "");
        if (t->executable)
                fprintf(f, " executable=%s", t->executable);
        if (t->unit)
                fprintf(f, " unit=%s", t->unit);
}

bool target_is_set(const struct target *t) {
        return t->uid != TARGET_ANY_UID || t->pid != 0 || t->executable || t->unit;
}

static bool is_same_text(const char *a, const char *b) {
        return a == b || (a && b && strcmp(a, b) == 0);
}

bool target_is_same(const struct target *a, const struct target *b) {
        return a->uid == b->uid && a->pid == b->pid && a->identity == b->identity && a->children == b->children && a->own == b->own &&
               is_same_text(a->executable, b->executable) && is_same_text(a->unit, b->unit);
}

bool target_reaches_uid(const struct target *t, uid_t owner, uid_t uid) {
        if (t->uid != TARGET_ANY_UID)
                return uid == t->uid;
        return uid == owner || t->unit;
}

bool target_reaches_others(const struct target *t, uid_t owner) {
        return t->uid != TARGET_ANY_UID ? t->uid != owner : t->unit != NULL;
}

bool target_has_executable(const struct target *t, const char *path) {
        size_t n = strlen(path), deleted = strlen(DELETED);
        _cleanup_free_ char *copy = NULL;
        const char *slash;

        /* A program that was replaced while it runs keeps its name. */
        if (n > deleted && strcmp(path + n - deleted, DELETED) == 0) {
                copy = strndup(path, n - deleted);
                if (copy)
                        path = copy;
        }
        slash = strrchr(path, '/');
        return glob_match(t->executable, slash && !strchr(t->executable, '/') ? slash + 1 : path);
}

/* The first part of a control group's path; *path is moved behind it. */
static bool next_part(const char **path, const char **ret, size_t *ret_n) {
        const char *p = *path + strspn(*path, "/");
        size_t n = strcspn(p, "/");

        *ret = p;
        *ret_n = n;
        *path = p + n;
        return n > 0;
}

static bool ends_with(const char *part, size_t n, const char *suffix) {
        size_t length = strlen(suffix);

        return n > length && strncmp(part + n - length, suffix, length) == 0;
}

/*
 * Slices lead to a unit, and below that is what its processes have made, under
 * any name. The unit of a user's manager has slices and units again.
 */
bool target_has_cgroup(const struct target *t, const char *cgroup, bool with_users_units) {
        size_t n, length = strlen(t->unit);
        const char *part;

        while (next_part(&cgroup, &part, &n)) {
                if (n == length && strncmp(part, t->unit, n) == 0)
                        return true;
                if (!ends_with(part, n, ".slice") &&
                    !(with_users_units && strncmp(part, "user@", strlen("user@")) == 0 && ends_with(part, n, ".service")))
                        return false;
        }
        return false;
}
