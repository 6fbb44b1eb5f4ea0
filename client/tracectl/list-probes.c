/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "client/tracectl/list.h"
#include "client/tracectl/say.h"
#include "client/tracectl/table.h"
#include "common/sdt-argument.h"

/* Nobody is asked: the program is read by whoever gave the command. */

/* "arg1:u64 arg2:?"; the kernel cannot fetch what has a question mark. */
static void describe(const struct elf_program *program, const struct elf_place *place, char *ret, size_t size) {
        struct sdt_argument arguments[SDT_ARGUMENTS_MAX];
        int n = sdt_arguments_read(program, place, arguments);
        size_t used = 0;

        snprintf(ret, size, "%s", n < 0 ? "?" : "");
        for (int i = 0; i < n && used < size; i++) {
                const struct sdt_argument *a = &arguments[i];

                used += (size_t) snprintf(ret + used, size - used, "%sarg%i:", i > 0 ? " " : "", i + 1);
                if (used < size && a->size > 0)
                        used += (size_t) snprintf(ret + used, size - used, "%c%u", a->is_signed ? 's' : 'u', 8U * a->size);
                else if (used < size)
                        used += (size_t) snprintf(ret + used, size - used, "?");
        }
}

static int print_table(struct list *list, const struct elf_program *program, const struct elf_places *places) {
        static const char *const headers[] = { "PROBE", "OFFSET", "ARGUMENTS", NULL };
        _cleanup_(table_done) struct table table = { .headers = headers, .with_legend = !list->command.without_legend };

        for (size_t i = 0; i < places->n; i++) {
                const struct elf_place *place = &places->items[i];
                char name[512], offset[24], arguments[256];

                snprintf(name, sizeof(name), "%s:%s", place->provider, place->name);
                snprintf(offset, sizeof(offset), "0x%" PRIx64, place->offset);
                describe(program, place, arguments, sizeof(arguments));
                table_add(&table, name);
                table_add(&table, offset);
                table_add(&table, arguments);
        }
        return table_print(&table) < 0 ? command_out_of_memory() : EXIT_SUCCESS;
}

static int print_json(struct list *list, const struct elf_program *program, const struct elf_places *places) {
        json_t *all = json_array();

        for (size_t i = 0; i < places->n && all; i++) {
                const struct elf_place *place = &places->items[i];
                char arguments[256];

                describe(program, place, arguments, sizeof(arguments));
                if (json_array_append_new(all, json_pack("{s:o,s:o,s:I,s:s}", "provider", json_from_text(place->provider),
                                                         "name", json_from_text(place->name), "offset",
                                                         (json_int_t) place->offset, "arguments", arguments)) < 0) {
                        json_decref(all);
                        return command_out_of_memory();
                }
        }
        return json_print(list->command.json, all);
}

int list_probes(struct list *list, const char *path) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        _cleanup_(elf_program_freep) struct elf_program *program = NULL;
        struct elf_places places = { 0 };
        char reason[128] = "";
        int r;

        if (fd < 0) {
                say("Failed to open '%s': %s.", path, strerror(errno));
                return EXIT_FAILURE;
        }
        if (elf_program_new(fd, &program, reason, sizeof(reason)) < 0) {
                say("'%s' has no probes: %s.", path, reason);
                return EXIT_FAILURE;
        }
        r = elf_program_probes(program, NULL, NULL, &places);
        if (r < 0) {
                say("The descriptions of probes in '%s' are wrong: %s.", path, strerror(-r));
                return EXIT_FAILURE;
        }
        r = command_wants_json(&list->command) ? print_json(list, program, &places)
                                               : print_table(list, program, &places);
        elf_places_done(&places);
        return r;
}
