/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "protocol/context.h"
#include "protocol/definitions.h"

#define APP_PREFIX "app:"

/* "PROVIDER:NAME" of exactly length bytes. */
static bool is_app_name(const char *s, size_t length) {
        const char *colon = memchr(s, ':', length);

        return colon && definition_name_is_valid(s, (size_t) (colon - s)) &&
               definition_name_is_valid(colon + 1, length - (size_t) (colon + 1 - s));
}

const char *app_contexts_next(const char **list, size_t *ret_length) {
        const char *name = *list;

        if (*name == '\0')
                return NULL;
        *ret_length = strcspn(name, " ");
        *list += *ret_length + (name[*ret_length] == ' ');
        return name;
}

static int add_app(struct context_set *set, const char *name) {
        size_t size = strlen(set->app), length = strlen(name), other;
        const char *list = set->app, *p;
        unsigned n = 0;

        if (!is_app_name(name, length))
                return -EINVAL;
        for (; (p = app_contexts_next(&list, &other)); n++)
                if (other == length && memcmp(p, name, length) == 0)
                        return 0;
        if (n == APP_CONTEXTS_MAX || size + (n > 0) + length >= sizeof(set->app))
                return -E2BIG;
        if (n > 0)
                set->app[size++] = ' ';
        memcpy(set->app + size, name, length + 1);
        set->bits |= CONTEXT_APPLICATION;
        return 1;
}

int context_set_add(struct context_set *set, const char *name) {
        uint32_t bit = context_from_name(name);

        if (strncmp(name, APP_PREFIX, strlen(APP_PREFIX)) == 0)
                return add_app(set, name + strlen(APP_PREFIX));
        if (!bit)
                return -EINVAL;
        if (set->bits & bit)
                return 0;
        set->bits |= bit;
        return 1;
}

bool context_set_equal(const struct context_set *a, const struct context_set *b) {
        return a->bits == b->bits && strcmp(a->app, b->app) == 0;
}

bool context_set_next(const struct context_set *set, unsigned *position, char ret[CONTEXT_TEXT_MAX]) {
        const char *list = set->app, *name;
        unsigned i = 32; /* application contexts count on from the bits */
        size_t length;

        for (; *position < 32; (*position)++)
                if (set->bits & CONTEXTS_ALL & UINT32_C(1) << *position) {
                        strcpy(ret, context_name(UINT32_C(1) << (*position)++));
                        return true;
                }
        while ((name = app_contexts_next(&list, &length)))
                if (i++ == *position) {
                        (*position)++;
                        *(char *) mempcpy(mempcpy(ret, APP_PREFIX, strlen(APP_PREFIX)), name, length) = '\0';
                        return true;
                }
        return false;
}

bool context_set_is_valid(uint32_t bits, const char *app) {
        const char *name;
        unsigned n = 0;
        size_t length;

        if (bits & ~(uint32_t) CONTEXTS_KNOWN || !memchr(app, '\0', APP_CONTEXTS_SIZE))
                return false;
        for (; (name = app_contexts_next(&app, &length)); n++)
                if (n == APP_CONTEXTS_MAX || !is_app_name(name, length))
                        return false;
        return (n > 0) == !!(bits & CONTEXT_APPLICATION);
}

/* -ENOENT where there is none of this name. */
static int find_type(const char *name, size_t length, struct definitions_reader reader, uint8_t *ret) {
        size_t provider = (size_t) ((const char *) memchr(name, ':', length) - name);
        struct definition d;
        int r;

        while ((r = definitions_reader_next(&reader, &d)) > 0) {
                if (d.n_fields != 0 || !definition_type_is_context(d.loglevel))
                        return -EBADMSG;
                if (strlen(d.provider) == provider && memcmp(d.provider, name, provider) == 0 &&
                    strlen(d.name) == length - provider - 1 &&
                    memcmp(d.name, name + provider + 1, length - provider - 1) == 0) {
                        *ret = d.loglevel;
                        return 0;
                }
        }
        return r < 0 ? r : -ENOENT;
}

int app_contexts_resolve(const char *app, const void *definitions, size_t size, struct app_contexts *ret) {
        struct definitions_reader reader;
        const char *name;
        size_t length;
        int r;

        ret->n = 0;
        if (*app == '\0')
                return 0;
        r = definitions_reader_init_contexts(&reader, definitions, size);
        for (; r >= 0 && (name = app_contexts_next(&app, &length)); ret->n++) {
                r = find_type(name, length, reader, &ret->types[ret->n]);
                if (r == -ENOENT) {
                        ret->types[ret->n] = DEFINITION_STRING;
                        r = 0;
                }
        }
        return r < 0 ? r : 0;
}

unsigned app_context_type(const char *name, const void *definitions, size_t size) {
        const char *app = name + strlen(APP_PREFIX);
        struct definitions_reader reader;
        uint8_t type;

        if (strncmp(name, APP_PREFIX, strlen(APP_PREFIX)) != 0 || !is_app_name(app, strlen(app)) ||
            definitions_reader_init_contexts(&reader, definitions, size) < 0 ||
            find_type(app, strlen(app), reader, &type) < 0)
                return 0;
        return type;
}
