/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/tracectl/apply-difference.h"
#include "client/tracectl/text.h"
#include "common/cleanup.h"

static void write_value(FILE *f, const tracectl_value *value) {
        switch (tracectl_value_get_type(value)) {
        case TRACECTL_BOOLEAN:
                fputs(tracectl_value_get_boolean(value) ? "yes" : "no", f);
                break;
        case TRACECTL_NUMBER:
                fprintf(f, "%" PRIu64, tracectl_value_get_number(value));
                break;
        case TRACECTL_STRING:
                fputs(tracectl_value_get_string(value), f);
                break;
        default:
                for (size_t i = 0; i < tracectl_value_get_size(value); i++) {
                        fputs(i > 0 ? " " : "", f);
                        write_value(f, tracectl_value_get_item(value, i));
                }
        }
}

/* Nothing where there is no value. */
static int print_line(char sign, const char *key, const tracectl_value *value) {
        _cleanup_free_ char *text = NULL, *shown = NULL;
        size_t size;
        FILE *f;

        if (!value)
                return 0;
        f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;
        fprintf(f, "%s=", key);
        write_value(f, value);
        if (fclose(f) != 0)
                return -ENOMEM;
        shown = text_escaped_copy(text);
        if (!shown)
                return -ENOMEM;
        printf("%c %s\n", sign, shown);
        return 0;
}

static int compare_keys(const void *a, const void *b) {
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* The keys of both, each once, in order. */
static int merge_keys(const tracectl_value *before, const tracectl_value *after, const char ***ret, size_t *ret_n) {
        size_t n_before = tracectl_value_get_size(before), n_after = tracectl_value_get_size(after), n = 0;
        const char **keys = calloc(n_before + n_after + 1, sizeof(*keys));

        if (!keys)
                return -ENOMEM;
        for (size_t i = 0; i < n_before; i++)
                keys[n++] = tracectl_value_get_key(before, i);
        for (size_t i = 0; i < n_after; i++)
                if (!tracectl_value_lookup(before, tracectl_value_get_key(after, i)))
                        keys[n++] = tracectl_value_get_key(after, i);
        qsort(keys, n, sizeof(*keys), compare_keys);
        *ret = keys;
        *ret_n = n;
        return 0;
}

int apply_difference_print(const tracectl_value *result, bool is_dry_run) {
        const tracectl_value *before = tracectl_value_lookup(result, "before");
        const tracectl_value *after = tracectl_value_lookup(result, "after");
        _cleanup_free_ const char **keys = NULL;
        size_t n = 0;
        int r;

        if (!tracectl_value_get_boolean(tracectl_value_lookup(result, "changed"))) {
                puts("Everything is as the profile says; nothing was changed.");
                return 0;
        }
        r = merge_keys(before, after, &keys, &n);
        for (size_t i = 0; i < n && r >= 0; i++) {
                r = print_line('-', keys[i], tracectl_value_lookup(before, keys[i]));
                if (r >= 0)
                        r = print_line('+', keys[i], tracectl_value_lookup(after, keys[i]));
        }
        if (r < 0)
                return r;
        puts(is_dry_run ? "This would be changed; nothing was." : "This was changed.");
        return 0;
}
