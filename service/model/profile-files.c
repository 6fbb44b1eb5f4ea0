/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "common/parse.h"
#include "service/model/config-files.h"
#include "service/model/profile.h"

/*
 * Profiles by name, in these directories. The $XDG directories are those of
 * tracingd's own environment.
 *
 *   system: /etc, /run, /usr/local/lib, /usr/lib; below each tracectl/sessions.d
 *   user:   $XDG_CONFIG_HOME, $XDG_RUNTIME_DIR; below each tracectl/sessions.d
 *           /etc, /usr/lib; below each tracectl/user-sessions.d
 */

static int find_places(struct config_files *f, const struct profile_places *places) {
        static const char *const user[] = { "/etc", "/usr/lib" };
        _cleanup_free_ char *config = NULL;
        const char *home = getenv("HOME"), *xdg = getenv("XDG_CONFIG_HOME");
        int r;

        if (!places->user)
                return config_files_add_system(f, places->root, "/sessions.d");
        if ((!xdg || *xdg != '/') && home && asprintf(&config, "%s/.config", home) < 0)
                return -ENOMEM;
        r = config_files_add_place(f, "", config ? config : xdg, "/sessions.d");
        if (r >= 0)
                r = config_files_add_place(f, "", getenv("XDG_RUNTIME_DIR"), "/sessions.d");
        for (size_t i = 0; i < ARRAY_SIZE(user) && r >= 0; i++)
                r = config_files_add_place(f, places->root, user[i], "/user-sessions.d");
        return r;
}

static int parse_file(struct profile *p, const char *path, bool is_main, struct failure *failure) {
        _cleanup_free_ char *text = NULL;
        const char *why;
        int r;

        r = config_file_read(path, PROFILE_SIZE_MAX, &text, &why);
        if (r == -ENOENT)
                return r;
        if (r == -ENOMEM)
                return fail_memory(failure);
        if (r < 0)
                return fail(failure, FAILURE_INVALID_PROFILE, "The profile '%.200s' cannot be read: %s; correct it, or "
                            "remove it.", path, why) < 0 ? -EINVAL : 0;
        if (*text == '\0' && is_main)
                return fail(failure, FAILURE_NO_SUCH_PROFILE, "Profile '%s' is masked by '%.200s'; remove that file to "
                            "have it again.", p->name, path) < 0 ? -EINVAL : 0;
        return profile_parse(p, text, path, failure) < 0 ? -EINVAL : 0;
}

/* -ENOENT: nowhere. Any other error has a failure. */
static int load_main(const struct config_files *f, struct profile *p, struct failure *failure) {
        for (size_t i = 0; i < f->n_places; i++) {
                _cleanup_free_ char *path = NULL;
                int r;

                if (asprintf(&path, "%s/%s.conf", f->places[i], p->name) < 0)
                        return fail_memory(failure);
                r = parse_file(p, path, true, failure);
                if (r != -ENOENT)
                        return r;
        }
        return -ENOENT;
}

static int load(struct config_files *f, const struct profile_places *places, struct profile *p,
                struct failure *failure) {
        int r;

        r = find_places(f, places);
        if (r >= 0)
                r = config_files_find(f, p->name);
        if (r < 0)
                return fail_memory(failure);
        r = load_main(f, p, failure);
        if (r == -ENOENT)
                return fail(failure, FAILURE_NO_SUCH_PROFILE, "There is no profile '%s'; write it to '%.200s/%s.conf'.",
                            p->name, f->n_places > 0 ? f->places[0] : "/etc/tracectl/sessions.d", p->name);
        for (size_t i = 0; i < f->n_drop_ins && r >= 0; i++) {
                r = parse_file(p, f->drop_ins[i].path, false, failure);
                /* It has gone since. */
                if (r == -ENOENT)
                        r = 0;
        }
        return r;
}

int profile_load(const struct profile_places *places, const char *name, struct profile **ret,
                 struct failure *failure) {
        _cleanup_(profile_freep) struct profile *p = NULL;
        _cleanup_(config_files_done) struct config_files files = { 0 };
        int r;

        if (!name_is_valid(name))
                return fail(failure, FAILURE_INVALID_NAME,
                            "'%.100s' is no name for a profile: use 1 to 64 letters, digits, '_', '.' and '-', the "
                            "first no '.' and no '-'.", name);
        if (profile_new(name, &p) < 0)
                return fail_memory(failure);
        r = load(&files, places, p, failure);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(p);
        return 0;
}
