/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * For libFuzzer: an input is the text of a filter, which is compiled for two
 * events and run on a record of each, or behind a NUL the code of one, which is
 * run where it is accepted. What the compiler makes must be accepted.
 */

#include <string.h>

#include "common/cleanup.h"
#include "tests/unit/protocol/filter-play.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run_text(const char *text) {
        _cleanup_(filter_program_unrefp) struct filter_program *program = NULL;
        static const struct play_event *const events[] = { &play_all, &play_mixed };
        struct filter_error error = { 0 };

        if (filter_compile(text, &program, &error) < 0) {
                g_assert_cmpuint(error.position, <=, strlen(text));
                return;
        }
        for (unsigned i = 0; i < G_N_ELEMENTS(events); i++)
                (void) play(text, events[i]);
}

/* At a multiple of 8, as in a view. */
static void run_code(const uint8_t *data, size_t size) {
        g_autofree struct filter_code *code = g_memdup2(data, size);

        if (!code || filter_check(code, size) < 0)
                return;
        (void) play_run(code, &play_all, NULL);
        (void) play_run(code, &play_mixed, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        g_autofree char *text = NULL;

        if (size > 0 && data[0] == 0)
                run_code(data + 1, size - 1);
        else {
                text = g_strndup((const char *) data, size);
                run_text(text);
        }
        return 0;
}
