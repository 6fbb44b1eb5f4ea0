/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/parse.h"
#include "service/model/config-files.h"
#include "service/model/limits-file.h"
#include "service/model/text.h"

#define FILE_SIZE_MAX (256 * 1024)
#define SETTINGS_MAX 10000
#define NAME "tracingd"
#define UID_NO_SECTION ((uid_t) -2)

struct parser {
        const struct limits_places *places;
        const char *path, *next;
        unsigned line;
        bool in_section; /* one whose keys count; others have been told of */
        uid_t uid;       /* the section's, or UID_NO_SECTION before the first */
        struct quota_setting *settings;
        size_t n;
        int result; /* -ENOMEM */
};

/* what: of the file, that does not count. */
__attribute__((format(printf, 3, 4)))
static void warn(const struct parser *p, const char *what, const char *format, ...) {
        char text[300], escaped[400], sentence[700];
        va_list ap;

        va_start(ap, format);
        vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        text_escape(text, escaped, sizeof(escaped));
        snprintf(sentence, sizeof(sentence), "%.200s, line %u: %s; the %s is ignored", p->path, p->line, escaped, what);
        p->places->warn(sentence, p->places->userdata);
}

static void add(struct parser *p, enum quota_kind kind, uint64_t limit) {
        struct quota_setting *list;

        if (p->n >= SETTINGS_MAX) {
                warn(p, "line", "There are more than %i settings", SETTINGS_MAX);
                return;
        }
        list = reallocarray(p->settings, p->n + 1, sizeof(*list));
        if (!list) {
                p->result = -ENOMEM;
                return;
        }
        p->settings = list;
        list[p->n++] = (struct quota_setting) { .uid = p->uid, .kind = kind, .limit = limit };
}

static int on_assignment(void *userdata, const char *section, const char *key, const char *value) {
        struct parser *p = userdata;
        enum quota_kind kind;
        uint64_t limit;

        if (!p->in_section)
                return 1;
        if (quota_kind_from_key(key, &kind) < 0)
                warn(p, "line", "Unknown key '%.60s'; known are: Sessions, Channels, Rules, RingMemory, Streams, "
                     "Applications, Definitions, LiveStreams", key);
        else if (*value == '\0')
                add(p, kind, QUOTA_UNSET);
        else if (strcmp(value, "infinity") == 0)
                add(p, kind, UINT64_MAX);
        else if (parse_size(value, &limit) < 0 || limit >= QUOTA_UNSET)
                warn(p, "line", "%s=%.60s is not possible; write a number, such as 100 or 512M, or infinity", key,
                     value);
        else
                add(p, kind, limit);
        return 1;
}

static bool find_uid(const char *name, uid_t *ret) {
        const struct passwd *user;
        uint64_t uid;

        if (parse_u64(name, &uid) >= 0) {
                if (uid >= UID_NO_SECTION)
                        return false;
                *ret = (uid_t) uid;
                return true;
        }
        user = getpwnam(name);
        if (!user)
                return false;
        *ret = user->pw_uid;
        return true;
}

static void begin_section(struct parser *p, char *line) {
        char *end = strchr(line, ']'), *name = line + 1;

        p->in_section = false;
        p->uid = QUOTA_EVERYBODY;
        if (!end || end[1 + strspn(end + 1, " \t\r")]) {
                warn(p, "section", "The section's name has no end; write it as [Limits] or [User NAME]");
                return;
        }
        *end = '\0';
        if (strcmp(name, "Limits") == 0) {
                p->in_section = true;
        } else if (strncmp(name, "User ", strlen("User ")) != 0) {
                warn(p, "section", "Unknown section '%.60s'; known are: Limits, User NAME", name);
        } else if (!find_uid(name + strlen("User "), &p->uid)) {
                warn(p, "section", "There is no user '%.60s'; see getent passwd", name + strlen("User "));
        } else {
                p->in_section = true;
        }
}

/* What libinih is given of a line: assignments of sections that count. Sections it would cut off. */
static bool passes(struct parser *p, char *line) {
        if (*line == '\0' || strchr("#;", *line))
                return false;
        if (*line == '[') {
                begin_section(p, line);
                return false;
        }
        if (!strchr(line, '=')) {
                warn(p, "line", "This is no section, no assignment and no comment; write KEY=VALUE");
                return false;
        }
        if (!p->in_section && p->uid == UID_NO_SECTION)
                warn(p, "line", "The assignment belongs to no section; begin with [Limits] or [User NAME]");
        return p->in_section;
}

/* As fgets() for libinih. */
static char *read_line(char *buffer, int size, void *userdata) {
        struct parser *p = userdata;
        size_t length = strcspn(p->next, "\n");
        _cleanup_free_ char *line = NULL;
        char *text;

        if (p->result < 0 || *p->next == '\0')
                return NULL;
        p->line++;
        line = strndup(p->next, length);
        p->next += length + (p->next[length] == '\n');
        strcpy(buffer, "\n");
        if (!line) {
                p->result = -ENOMEM;
                return NULL;
        }
        text = line + strspn(line, " \t");
        for (char *end = text + strlen(text); end > text && isspace((unsigned char) end[-1]);)
                *--end = '\0';
        if (!passes(p, text))
                return buffer;
        if (strlen(text) + 2 > (size_t) size)
                warn(p, "line", "The line is longer than %i characters", size - 2);
        else
                snprintf(buffer, (size_t) size, "%s\n", text);
        return buffer;
}

/* -ENOENT: there is none. */
static int parse_file(struct parser *p, const char *path) {
        _cleanup_free_ char *text = NULL;
        char sentence[600];
        const char *why;
        int r;

        r = config_file_read(path, FILE_SIZE_MAX, &text, &why);
        if (r == -EINVAL) {
                snprintf(sentence, sizeof(sentence), "%.300s cannot be read: %.100s; it is ignored", path, why);
                p->places->warn(sentence, p->places->userdata);
                return 0;
        }
        if (r < 0)
                return r;
        p->path = path;
        p->next = text;
        p->line = 0;
        p->in_section = false;
        p->uid = UID_NO_SECTION;
        (void) ini_parse_stream(read_line, p, on_assignment, p);
        return p->result;
}

static int parse_all(struct parser *p, struct config_files *files) {
        int r;

        r = config_files_add_system(files, p->places->root, "");
        if (r >= 0)
                r = config_files_find(files, NAME);
        if (r < 0)
                return r;
        r = -ENOENT;
        for (size_t i = 0; i < files->n_places && r == -ENOENT; i++) {
                _cleanup_free_ char *path = NULL;

                if (asprintf(&path, "%s/" NAME ".conf", files->places[i]) < 0)
                        return -ENOMEM;
                r = parse_file(p, path);
        }
        for (size_t i = 0; i < files->n_drop_ins && (r >= 0 || r == -ENOENT); i++)
                r = parse_file(p, files->drop_ins[i].path);
        return r == -ENOENT ? 0 : r;
}

int limits_load(struct quota *q, const struct limits_places *places) {
        _cleanup_(config_files_done) struct config_files files = { 0 };
        struct parser p = { .places = places };
        int r;

        r = parse_all(&p, &files);
        if (r >= 0)
                r = quota_configure(q, p.settings, p.n);
        free(p.settings);
        return r;
}
