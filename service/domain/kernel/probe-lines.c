/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/hash.h"
#include "common/sdt-argument.h"
#include "service/domain/kernel/probe-lines.h"

#define KINDS_MAX 64 /* of one probe's places: by their arguments' types */
#define TYPES_MAX (8 * SDT_ARGUMENTS_MAX)

void kernel_probe_group(const char *id, uid_t owner, uint64_t session, char ret[static PROBE_WORD_MAX]) {
        snprintf(ret, PROBE_WORD_MAX, PROBE_GROUP_PREFIX "%s_%u_%" PRIu64, id, (unsigned) owner, session);
}

bool kernel_probe_is_event(const struct kernel_event *e) {
        return strncmp(e->system, PROBE_GROUP_PREFIX, strlen(PROBE_GROUP_PREFIX)) == 0;
}

static void write_prefix(const struct selector *s, char ret[static 19]) {
        snprintf(ret, 19, "p%016" PRIx64 "_", hash_bytes(HASH_INIT, s->text, strlen(s->text)));
}

bool kernel_probe_selected(const struct kernel_event *e, const char *group, const struct selector *s) {
        char prefix[19];

        if (s->probe.kind == PROBE_NONE || strcmp(e->system, group) != 0)
                return false;
        write_prefix(s, prefix);
        return strncmp(e->name, prefix, strlen(prefix)) == 0;
}

/* Of a function the first event is its begin, the second its return. */
void kernel_probe_label(const struct kernel_event *e, const struct selector *s, char *ret, size_t size) {
        const char *which = "";

        if (s->probe.kind == PROBE_FUNCTION)
                which = strncmp(e->name + 18, "0_", 2) == 0 ? "_entry" : "_return";
        snprintf(ret, size, "%s%s", s->pattern, which);
}

void kernel_probe_lines_done(struct probe_lines *lines) {
        for (size_t i = 0; i < lines->n; i++)
                free(lines->items[i].text);
        free(lines->items);
        *lines = (struct probe_lines) { 0 };
}

/* One more, `TYPE:GROUP/EVENT REST`; rest is taken over, also on failure. */
static int add(struct probe_lines *lines, const struct selector *s, const char *group, char type, unsigned kind,
               char *rest) {
        const char *colon = strchr(s->pattern, ':');
        struct probe_line *items, *line;
        char prefix[19];
        int r;

        items = rest ? realloc(lines->items, (lines->n + 1) * sizeof(*items)) : NULL;
        if (!items) {
                free(rest);
                return -ENOMEM;
        }
        lines->items = items;
        line = &items[lines->n];
        write_prefix(s, prefix);
        snprintf(line->event, sizeof(line->event), "%s%u_%.36s", prefix, kind, colon ? colon + 1 : s->pattern);
        r = asprintf(&line->text, "%c:%s/%s %s\n", type, group, line->event, rest);
        free(rest);
        if (r < 0)
                return -ENOMEM;
        lines->n++;
        return 0;
}

/* The places of one event have the same types. */
struct kinds {
        char types[KINDS_MAX][TYPES_MAX];
        unsigned n;
};

static int find_kind(struct kinds *kinds, const char *types, unsigned *ret) {
        for (*ret = 0; *ret < kinds->n; (*ret)++)
                if (strcmp(kinds->types[*ret], types) == 0)
                        return 0;
        if (kinds->n >= KINDS_MAX)
                return -E2BIG;
        strcpy(kinds->types[kinds->n++], types);
        return 0;
}

/* " arg1=%bx:u64 arg3=+0(%di):ustring"; what the kernel cannot fetch is left out. */
static void write_argument(FILE *f, FILE *types, unsigned n, const struct sdt_argument *a, bool is_string) {
        if (a->size == 0 || (is_string && *a->fetch == '\\'))
                return;
        if (is_string) {
                fprintf(f, " arg%u=+0(%s):ustring", n, a->fetch);
                fprintf(types, "%us", n);
        } else {
                fprintf(f, " arg%u=%s:%c%u", n, a->fetch, a->is_signed ? 's' : 'u', 8U * a->size);
                fprintf(types, "%u%c%u,", n, a->is_signed ? 'i' : 'u', (unsigned) a->size);
        }
}

static int write_place(const struct elf_program *program, const struct elf_place *place, const struct selector *s,
                       int file, char types[static TYPES_MAX], char **ret) {
        struct sdt_argument arguments[SDT_ARGUMENTS_MAX];
        _cleanup_free_ char *text = NULL;
        int n = place->arguments ? sdt_arguments_read(program, place, arguments) : 0;
        FILE *f, *t;
        size_t size;

        if (n < 0)
                return n;
        f = open_memstream(&text, &size);
        t = f ? fmemopen(types, TYPES_MAX, "w") : NULL;
        if (!t) {
                if (f)
                        fclose(f);
                return -ENOMEM;
        }
        fprintf(f, "/proc/self/fd/%i:0x%" PRIx64, file, place->offset);
        if (place->semaphore)
                fprintf(f, "(0x%" PRIx64 ")", place->semaphore);
        for (int i = 0; i < n; i++)
                write_argument(f, t, (unsigned) i + 1, &arguments[i], s->probe.strings & UINT32_C(1) << i);
        fputc('\0', t);
        fclose(t);
        if (fclose(f) != 0)
                return -ENOMEM;
        *ret = TAKE_PTR(text);
        return 0;
}

static int add_places(struct probe_lines *lines, const struct elf_program *program, const struct elf_places *places,
                      const struct selector *s, const char *group, int file) {
        _cleanup_free_ struct kinds *kinds = calloc(1, sizeof(*kinds));
        int r = kinds ? 0 : -ENOMEM;

        for (size_t i = 0; i < places->n && r >= 0; i++) {
                char types[TYPES_MAX] = "", *text = NULL;
                unsigned kind = 0;

                r = write_place(program, &places->items[i], s, file, types, &text);
                if (r >= 0)
                        r = find_kind(kinds, types, &kind);
                if (r >= 0)
                        r = add(lines, s, group, 'p', kind, TAKE_PTR(text));
                free(text);
        }
        return r;
}

static int refuse_program(const struct selector *s, const char *reason, struct failure *failure) {
        return fail(failure, FAILURE_INVALID_OPTION, "No probe can be set in '%.200s': %s.", s->probe.path, reason);
}

static int missing(const struct selector *s, struct failure *failure) {
        if (s->probe.kind == PROBE_SDT)
                return fail(failure, FAILURE_NO_SUCH_EVENT, "'%.150s' has no SDT probe '%.80s:%.80s'; see: tracectl list "
                            "--userspace-probe PATH.", s->probe.path, s->probe.provider, s->probe.name);
        return fail(failure, FAILURE_NO_SUCH_EVENT, "'%.150s' has no function '%.150s' in its symbols; a program without "
                    "them (stripped) has those alone that it shares.", s->probe.path, s->probe.name);
}

static int program_lines(const struct selector *s, const char *group, int file, struct probe_lines *lines,
                         struct failure *failure) {
        _cleanup_(elf_program_freep) struct elf_program *program = NULL;
        struct elf_places places = { 0 };
        char reason[128] = "it cannot be read";
        int r;

        lines->file = "uprobe_events";
        if (elf_program_new(file, &program, reason, sizeof(reason)) < 0)
                return refuse_program(s, reason, failure);
        r = s->probe.kind == PROBE_SDT ? elf_program_probes(program, s->probe.provider, s->probe.name, &places)
                                       : elf_program_functions(program, s->probe.name, &places);
        if (r >= 0 && places.n == 0)
                return missing(s, failure);
        if (r >= 0)
                r = add_places(lines, program, &places, s, group, file);
        elf_places_done(&places);
        if (r == -ENOMEM)
                return fail_memory(failure);
        if (r == -E2BIG)
                return refuse_program(s, "it has the probe at too many places", failure);
        return r < 0 ? refuse_program(s, "its descriptions of probes are wrong", failure) : 0;
}

static int kernel_lines(const struct selector *s, const char *group, struct probe_lines *lines,
                        struct failure *failure) {
        char *place = NULL;
        int r;

        lines->file = "kprobe_events";
        if (s->probe.offset > 0 ? asprintf(&place, "%s+0x%" PRIx64, s->probe.name, s->probe.offset) < 0
                                : !(place = strdup(s->probe.name)))
                return fail_memory(failure);
        r = add(lines, s, group, 'p', 0, place);
        if (r >= 0 && s->probe.kind == PROBE_FUNCTION)
                r = add(lines, s, group, 'r', 1, strdup(s->probe.name));
        return r < 0 ? fail_memory(failure) : 0;
}

int kernel_probe_lines(const struct selector *s, const char *group, int file, struct probe_lines *ret,
                       struct failure *failure) {
        struct probe_lines lines = { 0 };
        int r;

        r = s->probe.path ? program_lines(s, group, file, &lines, failure) : kernel_lines(s, group, &lines, failure);
        if (r < 0)
                kernel_probe_lines_done(&lines);
        else
                *ret = lines;
        return r;
}
