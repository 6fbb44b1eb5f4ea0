/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "service/model/selector.h"

struct words {
        struct selector_options options;
        char *exclude[SELECTOR_EXCLUDE_MAX + 2]; /* room for one too many, which selector_new() counts */
        size_t n_exclude;
};

static const char *const keys[] = { "loglevel>=", "loglevel=", "exclude=", "filter=" };

enum key {
        KEY_LOGLEVEL,
        KEY_LOGLEVEL_ONLY,
        KEY_EXCLUDE,
        KEY_FILTER,
        _KEY_MAX,
};

static enum key read_key(const char *word) {
        enum key key;

        for (key = 0; key < _KEY_MAX && strncmp(word, keys[key], strlen(keys[key])) != 0; key++)
                ;
        return key;
}

bool selector_text_has_options(const char *text) {
        const char *word = text + strcspn(text, " ");

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

static int read_options(struct words *w, char *rest, struct failure *failure) {
        while (*(rest += strspn(rest, " "))) {
                enum key key = read_key(rest);
                char *value, *word;
                const char **option;

                if (key == KEY_FILTER) {
                        w->options.filter = rest + strlen(keys[key]);
                        return 0;
                }
                word = next_word(&rest);
                if (key == _KEY_MAX)
                        return fail(failure, FAILURE_INVALID_OPTION, "'%.60s' is no option of an event; known are: "
                                    "loglevel>=LEVEL, loglevel=LEVEL, exclude=PATTERN, filter=EXPRESSION.", word);
                value = word + strlen(keys[key]);
                if (key == KEY_EXCLUDE) {
                        add_exclude(w, value);
                        continue;
                }
                option = key == KEY_LOGLEVEL ? &w->options.loglevel : &w->options.loglevel_only;
                if (*option)
                        return fail(failure, FAILURE_INVALID_OPTION, "'%s' comes twice for one event; give it once.",
                                    keys[key]);
                *option = value;
        }
        return 0;
}

int selector_parse(const char *text, struct selector **ret, struct failure *failure) {
        _cleanup_free_ char *copy = NULL;
        struct words w = { 0 };
        char *rest;
        int r;

        rest = copy = strdup(text);
        if (!copy)
                return fail_memory(failure);
        w.options.pattern = next_word(&rest);
        r = read_options(&w, rest, failure);
        return r < 0 ? r : selector_new(&w.options, ret, failure);
}
