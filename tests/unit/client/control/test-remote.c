/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <glib.h>

#include "client/tracectl/remote.h"

/* What a shell on the other machine gets of a line, a word each. */
static const struct {
        const char *words[8];
        const char *command;
        int n_options; /* 0: all words may be */
} lines[] = {
        { { "top" }, "tracectl top" },
        { { "top", "-H", "far", "orders" }, "tracectl top orders" },
        { { "top", "-Hfar", "orders" }, "tracectl top orders" },
        { { "top", "--host", "far", "-n", "5" }, "tracectl top -n 5" },
        { { "top", "--host=far", "--batch" }, "tracectl top --batch" },
        { { "top", "--ho", "far", "--batch" }, "tracectl top --batch" },
        { { "top", "--ho=far", "-b" }, "tracectl top -b" },
        { { "top", "-H" }, "tracectl top" },
        /* Letters may stand together, up to the first with an argument. */
        { { "view", "-fHfar", "orders" }, "tracectl view -f orders" },
        { { "view", "-fbH", "far", "orders" }, "tracectl view -fb orders" },
        { { "view", "-sHome", "-f" }, "tracectl view -sHome -f" },
        { { "view", "-fs", "-Home", "-f" }, "tracectl view -fs -Home -f" },
        { { "view", "-", "-fH" }, "tracectl view - -f" },
        /* Of the words behind "--" none is an option. */
        { { "view", "-H", "far", "--", "-H", "--host=x" }, "tracectl view -- -H --host=x" },
        /* The shell gives it back as it was. */
        { { "view", "-Hfar", "it's $HOME; rm *" }, "tracectl view 'it'\\''s $HOME; rm *'" },
        { { "view", "-Hfar", "" }, "tracectl view ''" },
        /* Nor of those of the command that is recorded. */
        { { "record", "-H", "far", "-c", "curl", "-H", "x" }, "tracectl record -c curl -H x", 4 },
};

static void test_command(void) {
        for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
                char **words = (char **) lines[i].words;
                g_autofree char *command = remote_command((int) g_strv_length(words), words, lines[i].n_options ?: 99,
                                                           "+:bcfn:s:H:h");

                g_assert_cmpstr(command, ==, lines[i].command);
        }
}

static const struct {
        const char *host;
        size_t host_size;
        const char *port;
} hosts[] = {
        { "far", 3, NULL },
        { "ada@far", 7, NULL },
        { "far:2222", 3, "2222" },
        { "ada@far.example:22", 15, "22" },
        { "far:", 4, NULL },
        { "far:ssh", 7, NULL },
        { "fe80::1", 7, NULL },
        { "2001:db8::2222", 14, NULL },
        { "[2001:db8::1]:2222", 13, "2222" },
        { "[2001:db8::1]", 13, NULL },
        { "", 0, NULL },
};

static void test_port(void) {
        for (size_t i = 0; i < G_N_ELEMENTS(hosts); i++) {
                size_t size = 99;

                g_assert_cmpstr(remote_port(hosts[i].host, &size), ==, hosts[i].port);
                g_assert_cmpuint(size, ==, hosts[i].host_size);
        }
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/remote/command", test_command);
        g_test_add_func("/remote/port", test_port);
        return g_test_run();
}
