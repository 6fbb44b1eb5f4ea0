/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdarg.h>
#include <sys/wait.h>

#include "run-tracectl.h"

void run_tracectl(struct result *result, const char *directory, ...) {
        g_autoptr(GPtrArray) argv = g_ptr_array_new();
        g_autoptr(GError) error = NULL;
        const char *argument;
        int status;
        va_list ap;

        g_ptr_array_add(argv, (char *) g_getenv("TRACECTL"));
        g_assert_nonnull(argv->pdata[0]);
        va_start(ap, directory);
        while ((argument = va_arg(ap, const char *)))
                g_ptr_array_add(argv, (char *) argument);
        va_end(ap);
        g_ptr_array_add(argv, NULL);
        g_spawn_sync(directory, (char **) argv->pdata, NULL, G_SPAWN_DEFAULT, NULL, NULL, &result->output,
                     &result->errors, &status, &error);
        g_assert_no_error(error);
        g_assert_true(WIFEXITED(status));
        result->status = WEXITSTATUS(status);
}

void result_done(struct result *result) {
        g_free(result->output);
        g_free(result->errors);
        *result = (struct result) {};
}

void assert_output(const char *trace, const char *form, const char *option, const char *output) {
        struct result result;

        run_tracectl(&result, "/", "view", trace, "-o", form, option, NULL);
        g_assert_cmpstr(result.output, ==, output);
        g_assert_cmpstr(result.errors, ==, "");
        g_assert_cmpint(result.status, ==, 0);
        result_done(&result);
}
