/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * An input is the text of a filter, which is compiled for two
 * events and run on a record of each, or behind a NUL the code of one, which is
 * run where it is accepted. What the compiler makes must be accepted.
 */

#undef NDEBUG

#include <string.h>

#include "common/cleanup.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/protocol/filter-play.h"

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

void fuzz_seeds(fuzz_add add) {
        static const char text[] = "(a_u8 == 1 || !$ctx.vpid) && -x << 2 >= 0x1f / s == 'a*\\*' && (f < 1.5e3 ^ ~i & 7)";
        g_autofree struct filter_code *code = play_bind("$ctx.procname == \"a*\" || $app.play:depth > 7 && 1.5 < 2 || $app.play:who != 'x'",
                                                            &play_all);
        static const char application[] = "$app.play:depth < 0 && $app.play:who == 'a*' || $app.play:half > .25";
        g_autofree uint8_t *input = NULL;

        add(text, strlen(text));
        add(application, strlen(application));
        g_assert_nonnull(code);
        input = g_malloc0(1 + code->size);
        memcpy(input + 1, code, code->size);
        add(input, 1 + code->size);
}
