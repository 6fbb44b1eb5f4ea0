/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/unit/tracer/instructions.h"

#define TRAP 0xcc

static bool is_one_of(const char *name, const char *const *names) {
        for (; *names; names++) {
                size_t n = strlen(*names);

                if (strncmp(name, *names, n) == 0 && (name[n] == '\0' || name[n] == '.'))
                        return true;
        }
        return false;
}

/* "0000000000007a10 <name>:" */
static char *function_of(const char *line, uintptr_t *ret_address) {
        const char *open = strchr(line, '<');

        if (line[0] == ' ' || !open || !g_str_has_suffix(line, ">:"))
                return NULL;
        *ret_address = g_ascii_strtoull(line, NULL, 16);
        return g_strndup(open + 1, strlen(open) - 3);
}

GArray *instructions_of(const char *const *names, uintptr_t known, const char *known_name) {
        const char *argv[] = { "objdump", "-d", "--no-show-raw-insn", "/proc/self/exe", NULL };
        g_autofree char *exe = g_file_read_link("/proc/self/exe", NULL), *output = NULL;
        GArray *found = g_array_new(FALSE, FALSE, sizeof(uintptr_t));
        g_auto(GStrv) lines = NULL;
        uintptr_t base = 0, address;
        bool wanted = false;
        int status;

        argv[3] = exe;
        if (!g_spawn_sync(NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &output, NULL, &status, NULL)) {
                g_array_unref(found);
                return NULL;
        }
        g_assert_cmpint(status, ==, 0);
        lines = g_strsplit(output, "\n", -1);
        for (char **line = lines; *line; line++) {
                g_autofree char *function = function_of(*line, &address);

                if (function) {
                        wanted = is_one_of(function, names);
                        if (strcmp(function, known_name) == 0)
                                base = known - address;
                } else if (wanted && (*line)[0] == ' ' && strchr(*line, '\t')) {
                        address = g_ascii_strtoull(*line, NULL, 16);
                        g_array_append_val(found, address);
                }
        }
        for (unsigned i = 0; i < found->len; i++)
                g_array_index(found, uintptr_t, i) += base;
        return found;
}

uint8_t instruction_trap(uintptr_t address) {
        uint8_t *p = (uint8_t *) address, before = *p;
        char *page = (char *) (address & ~(uintptr_t) 4095);

        g_assert_cmpint(mprotect(page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC), ==, 0);
        *p = TRAP;
        return before;
}
