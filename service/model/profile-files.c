/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/parse.h"
#include "service/model/profile.h"

/*
 * Profiles by name, as systemd looks for units: the first NAME.conf of these
 * directories, then every NAME.conf.d/ *.conf of all of them in the order of the
 * files' names, of one name the first. An empty file, or a link to /dev/null,
 * hides those of its name that come after it. The $XDG directories are those of
 * tracingd's own environment.
 *
 *   system: /etc, /run, /usr/local/lib, /usr/lib; below each tracectl/sessions.d
 *   user:   $XDG_CONFIG_HOME, $XDG_RUNTIME_DIR; below each tracectl/sessions.d
 *           /etc, /usr/lib; below each tracectl/user-sessions.d
 */

#define PLACES_MAX 4

struct drop_in {
        char *name, *path;
};

struct search {
        char *places[PLACES_MAX];
        size_t n_places;
        struct drop_in *drop_ins;
        size_t n_drop_ins;
};

static void search_done(struct search *s) {
        for (size_t i = 0; i < s->n_places; i++)
                free(s->places[i]);
        for (size_t i = 0; i < s->n_drop_ins; i++) {
                free(s->drop_ins[i].name);
                free(s->drop_ins[i].path);
        }
        free(s->drop_ins);
}

static int add_place(struct search *s, const char *root, const char *base, const char *folder) {
        if (!base || *base != '/')
                return 0;
        if (asprintf(&s->places[s->n_places], "%s%s/tracectl/%s", root, base, folder) < 0)
                return -ENOMEM;
        s->n_places++;
        return 0;
}

static int find_places(struct search *s, const struct profile_places *places) {
        static const char *const system[] = { "/etc", "/run", "/usr/local/lib", "/usr/lib" };
        static const char *const user[] = { "/etc", "/usr/lib" };
        _cleanup_free_ char *config = NULL;
        const char *home = getenv("HOME"), *xdg = getenv("XDG_CONFIG_HOME");
        int r = 0;

        if (!places->user) {
                for (size_t i = 0; i < ARRAY_SIZE(system) && r >= 0; i++)
                        r = add_place(s, places->root, system[i], "sessions.d");
                return r;
        }
        if ((!xdg || *xdg != '/') && home && asprintf(&config, "%s/.config", home) < 0)
                return -ENOMEM;
        r = add_place(s, "", config ? config : xdg, "sessions.d");
        if (r >= 0)
                r = add_place(s, "", getenv("XDG_RUNTIME_DIR"), "sessions.d");
        for (size_t i = 0; i < ARRAY_SIZE(user) && r >= 0; i++)
                r = add_place(s, places->root, user[i], "user-sessions.d");
        return r;
}

static int unreadable(const char *path, const char *why, struct failure *failure) {
        return fail(failure, FAILURE_INVALID_PROFILE, "The profile '%.200s' cannot be read: %s; correct it, or remove "
                    "it.", path, why);
}

/* -ENOENT without a failure where there is none. *ret is "" for one that hides others. */
static int read_profile(const char *path, char **ret, struct failure *failure) {
        _cleanup_fclose_ FILE *f = NULL;
        _cleanup_free_ char *text = NULL;
        struct stat st;
        size_t n;
        int fd;

        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0)
                return errno == ENOENT ? -ENOENT : unreadable(path, strerror(errno), failure);
        f = fdopen(fd, "r");
        if (!f) {
                close(fd);
                return fail_memory(failure);
        }
        if (fstat(fd, &st) < 0 || (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode)))
                return unreadable(path, "it is no file", failure);
        if (st.st_size > PROFILE_SIZE_MAX)
                return unreadable(path, "it is too long", failure);
        text = malloc((size_t) st.st_size + 1);
        if (!text)
                return fail_memory(failure);
        n = S_ISREG(st.st_mode) ? fread(text, 1, (size_t) st.st_size, f) : 0;
        if (ferror(f))
                return unreadable(path, "it has no text that can be read", failure);
        text[n] = '\0';
        if (strlen(text) != n)
                return unreadable(path, "it has a NUL byte", failure);
        *ret = TAKE_PTR(text);
        return 0;
}

static int add_drop_in(struct search *s, const char *folder, const char *name) {
        size_t length = strlen(name);
        struct drop_in *list, d;

        if (*name == '.' || length <= 5 || strcmp(name + length - 5, ".conf") != 0)
                return 0;
        for (size_t i = 0; i < s->n_drop_ins; i++)
                if (strcmp(s->drop_ins[i].name, name) == 0)
                        return 0;
        list = realloc(s->drop_ins, (s->n_drop_ins + 1) * sizeof(*list));
        if (!list)
                return -ENOMEM;
        s->drop_ins = list;
        d.name = strdup(name);
        if (!d.name || asprintf(&d.path, "%s/%s", folder, name) < 0) {
                free(d.name);
                return -ENOMEM;
        }
        list[s->n_drop_ins++] = d;
        return 0;
}

static int find_drop_ins(struct search *s, const char *place, const char *name) {
        _cleanup_free_ char *folder = NULL;
        struct dirent *entry;
        DIR *dir;
        int r = 0;

        if (asprintf(&folder, "%s/%s.conf.d", place, name) < 0)
                return -ENOMEM;
        dir = opendir(folder);
        if (!dir)
                return 0;
        while (r >= 0 && (entry = readdir(dir)))
                r = add_drop_in(s, folder, entry->d_name);
        closedir(dir);
        return r;
}

static int compare_drop_ins(const void *a, const void *b) {
        return strcmp(((const struct drop_in *) a)->name, ((const struct drop_in *) b)->name);
}

static int parse_file(struct profile *p, const char *path, bool is_main, struct failure *failure) {
        _cleanup_free_ char *text = NULL;
        int r;

        r = read_profile(path, &text, failure);
        if (r == -ENOENT)
                return r;
        if (r < 0)
                return -EINVAL;
        if (*text == '\0' && is_main)
                return fail(failure, FAILURE_NO_SUCH_PROFILE, "Profile '%s' is masked by '%.200s'; remove that file to "
                            "have it again.", p->name, path) < 0 ? -EINVAL : 0;
        return profile_parse(p, text, path, failure) < 0 ? -EINVAL : 0;
}

/* -ENOENT: nowhere. Any other error has a failure. */
static int load_main(const struct search *s, struct profile *p, struct failure *failure) {
        for (size_t i = 0; i < s->n_places; i++) {
                _cleanup_free_ char *path = NULL;
                int r;

                if (asprintf(&path, "%s/%s.conf", s->places[i], p->name) < 0)
                        return fail_memory(failure);
                r = parse_file(p, path, true, failure);
                if (r != -ENOENT)
                        return r;
        }
        return -ENOENT;
}

static int load(struct search *s, const struct profile_places *places, struct profile *p, struct failure *failure) {
        int r;

        r = find_places(s, places);
        for (size_t i = 0; i < s->n_places && r >= 0; i++)
                r = find_drop_ins(s, s->places[i], p->name);
        if (r < 0)
                return fail_memory(failure);
        if (s->n_drop_ins > 0)
                qsort(s->drop_ins, s->n_drop_ins, sizeof(*s->drop_ins), compare_drop_ins);
        r = load_main(s, p, failure);
        if (r == -ENOENT)
                return fail(failure, FAILURE_NO_SUCH_PROFILE, "There is no profile '%s'; write it to '%.200s/%s.conf'.",
                            p->name, s->n_places > 0 ? s->places[0] : "/etc/tracectl/sessions.d", p->name);
        for (size_t i = 0; i < s->n_drop_ins && r >= 0; i++) {
                r = parse_file(p, s->drop_ins[i].path, false, failure);
                /* It has gone since. */
                if (r == -ENOENT)
                        r = 0;
        }
        return r;
}

int profile_load(const struct profile_places *places, const char *name, struct profile **ret,
                 struct failure *failure) {
        _cleanup_(profile_freep) struct profile *p = NULL;
        struct search search = { 0 };
        int r;

        if (!name_is_valid(name))
                return fail(failure, FAILURE_INVALID_NAME,
                            "'%.100s' is no name for a profile: use 1 to 64 letters, digits, '_', '.' and '-', the "
                            "first no '.' and no '-'.", name);
        if (profile_new(name, &p) < 0)
                return fail_memory(failure);
        r = load(&search, places, p, failure);
        search_done(&search);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(p);
        return 0;
}
