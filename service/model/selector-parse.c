/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "common/parse.h"
#include "service/model/selector.h"

struct words {
        struct selector_options options;
        char *exclude[SELECTOR_EXCLUDE_MAX + 2]; /* room for one too many, which selector_new() counts */
        size_t n_exclude;
        unsigned seen; /* keys, but for those that may come again */
};

#define KNOWN "loglevel>=LEVEL, loglevel=LEVEL, exclude=PATTERN, uid=UID, executable=NAME, unit=UNIT, probe=PLACE, filter=EXPRESSION"

enum key {
        KEY_LOGLEVEL,
        KEY_LOGLEVEL_ONLY,
        KEY_EXCLUDE,
        KEY_UID,
        KEY_PID,
        KEY_CHILDREN,
        KEY_OWN,
        KEY_EXECUTABLE,
        KEY_UNIT,
        KEY_PROBE,
        KEY_STRINGS,
        KEY_FILTER,
        _KEY_MAX,
};

static const char *const keys[] = {
        [KEY_LOGLEVEL] = "loglevel>=",
        [KEY_LOGLEVEL_ONLY] = "loglevel=",
        [KEY_EXCLUDE] = "exclude=",
        [KEY_UID] = "uid=",
        [KEY_PID] = "pid=",
        [KEY_CHILDREN] = "children",
        [KEY_OWN] = "own",
        [KEY_EXECUTABLE] = "executable=",
        [KEY_UNIT] = "unit=",
        [KEY_PROBE] = "probe=",
        [KEY_STRINGS] = "strings=",
        [KEY_FILTER] = "filter=",
};

static enum key read_key(const char *word) {
        enum key key;

        for (key = 0; key < _KEY_MAX && strncmp(word, keys[key], strlen(keys[key])) != 0; key++)
                ;
        return key;
}

bool selector_text_has_options(const char *text) {
        const char *word = text + strcspn(text, " ");

        /* "kernel KIND PATTERN" */
        for (int i = 0; i < 2 && strncmp(text, "kernel ", strlen("kernel ")) == 0; i++) {
                word += strspn(word, " ");
                word += strcspn(word, " ");
        }
        return read_key(word + strspn(word, " ")) < _KEY_MAX;
}

/* Cuts the first word off, which is what it returns. */
static char *next_word(char **rest) {
        char *word = *rest + strspn(*rest, " "), *end = word + strcspn(word, " ");

        *rest = *end ? end + 1 : end;
        *end = '\0';
        return word;
}

static void add_exclude(struct words *w, char *pattern) {
        if (w->n_exclude <= SELECTOR_EXCLUDE_MAX)
                w->exclude[w->n_exclude++] = pattern;
        w->options.exclude = w->exclude;
}

static int refuse_value(const char *key, const char *value, struct failure *failure) {
        return fail(failure, FAILURE_INVALID_OPTION, "'%s%.60s' is wrong; write a number.", key, value);
}

static int read_uid(struct words *w, const char *value, struct failure *failure) {
        uint64_t uid;

        if (parse_u64(value, &uid) < 0 || uid >= TARGET_ANY_UID)
                return refuse_value(keys[KEY_UID], value, failure);
        w->options.target.uid = (uid_t) uid;
        return 0;
}

/* PID:IDENTITY */
static int read_pid(struct words *w, char *value, struct failure *failure) {
        char *colon = strchr(value, ':');
        uint64_t pid;

        if (colon)
                *colon = '\0';
        if (!colon || parse_u64(value, &pid) < 0 || pid == 0 || pid > INT32_MAX ||
            parse_u64(colon + 1, &w->options.target.identity) < 0)
                return refuse_value(keys[KEY_PID], value, failure);
        w->options.target.pid = (pid_t) pid;
        return 0;
}

static int read_word(struct words *w, enum key key, char *value, struct failure *failure) {
        const char **options[_KEY_MAX] = {
                [KEY_LOGLEVEL] = &w->options.loglevel,
                [KEY_LOGLEVEL_ONLY] = &w->options.loglevel_only,
                [KEY_EXECUTABLE] = &w->options.target.executable,
                [KEY_UNIT] = &w->options.target.unit,
                [KEY_PROBE] = &w->options.probe,
                [KEY_STRINGS] = &w->options.strings,
        };

        if (key == KEY_EXCLUDE) {
                add_exclude(w, value);
                return 0;
        }
        if (w->seen & 1U << key)
                return fail(failure, FAILURE_INVALID_OPTION, "'%s' comes twice for one event; give it once.",
                            keys[key]);
        w->seen |= 1U << key;
        if (key == KEY_UID)
                return read_uid(w, value, failure);
        if (key == KEY_PID)
                return read_pid(w, value, failure);
        if (key == KEY_CHILDREN)
                w->options.target.children = true;
        else if (key == KEY_OWN)
                w->options.target.own = true;
        else
                *options[key] = value;
        return 0;
}

static int read_options(struct words *w, char *rest, struct failure *failure) {
        while (*(rest += strspn(rest, " "))) {
                enum key key = read_key(rest);
                char *word;
                int r;

                if (key == KEY_FILTER) {
                        w->options.filter = rest + strlen(keys[key]);
                        return 0;
                }
                word = next_word(&rest);
                if (key == _KEY_MAX || (key == KEY_CHILDREN && strcmp(word, keys[key]) != 0))
                        return fail(failure, FAILURE_INVALID_OPTION, "'%.60s' is no option of an event; known are: "
                                    KNOWN ".", word);
                r = read_word(w, key, word + strlen(keys[key]), failure);
                if (r < 0)
                        return r;
        }
        return 0;
}

int selector_parse(const char *text, struct selector **ret, struct failure *failure) {
        _cleanup_free_ char *copy = NULL;
        struct words w = { .options = SELECTOR_OPTIONS_NONE };
        char *rest;
        int r;

        rest = copy = strdup(text);
        if (!copy)
                return fail_memory(failure);
        w.options.pattern = next_word(&rest);
        /* No pattern of programs' events. */
        if (strcmp(w.options.pattern, "kernel") == 0) {
                w.options.kernel = true;
                w.options.kind = next_word(&rest);
                w.options.pattern = next_word(&rest);
        }
        r = read_options(&w, rest, failure);
        return r < 0 ? r : selector_new(&w.options, ret, failure);
}
