/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which events a rule is for: its text, what is refused, what is selected. No bus. */

#undef NDEBUG

#include <glib.h>
#include <string.h>

#include "service/model/selector.h"

static struct selector *parse(const char *text) {
        struct failure failure;
        struct selector *s;

        if (selector_parse(text, &s, &failure) < 0)
                g_error("%s: %s", text, failure.text);
        return s;
}

static void assert_text(const char *text, const char *wanted) {
        _cleanup_(selector_unrefp) struct selector *s = parse(text), *again = NULL;

        g_assert_cmpstr(s->text, ==, wanted);
        /* It is its own text, and says whether there are options. */
        again = parse(s->text);
        g_assert_cmpstr(again->text, ==, wanted);
        g_assert_cmpint(selector_text_has_options(wanted), ==, strchr(wanted, ' ') != NULL);
}

static void test_probes(void) {
        static const char *const texts[][2] = {
                { "kernel userspace-probe a:b strings=3,1 probe=sdt:/x:y:a:b",
                  "kernel userspace-probe a:b probe=sdt:/x:y:a:b strings=1,3" },
                { "kernel probe here probe=do_exit+0x10 filter=common_pid > 1",
                  "kernel probe here probe=do_exit+0x10 filter=common_pid > 1" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                _cleanup_(selector_unrefp) struct selector *s = parse(texts[i][0]), *again = NULL;

                g_assert_cmpstr(s->text, ==, texts[i][1]);
                again = parse(s->text);
                g_assert_cmpstr(again->text, ==, texts[i][1]);
        }
}

static void test_text(void) {
        assert_text("*", "*");
        assert_text("  shop:*  ", "shop:*");
        assert_text("shop:* loglevel>=err", "shop:* loglevel>=error");
        assert_text("shop:*   loglevel=debug", "shop:* loglevel=debug");
        assert_text("* exclude=b:* exclude=a:* exclude=b:*", "* exclude=a:* exclude=b:*");
        assert_text("* filter= id  > 7 ", "* filter=id  > 7");
        assert_text("* filter=name == \" ;# exclude=a:b\"", "* filter=name == \" ;# exclude=a:b\"");
        assert_text("* uid=5", "* uid=5");
        assert_text("* unit=nginx executable=/usr/*/nginx", "* executable=/usr/*/nginx unit=nginx.service");
        assert_text("* unit=a-b.slice filter=id == 1", "* unit=a-b.slice filter=id == 1");
        assert_text("* children uid=0 pid=12:34 exclude=a:b", "* exclude=a:b uid=0 pid=12:34 children");
        assert_text("a:b exclude=a:c loglevel>=info filter=id == 1", "a:b loglevel>=info exclude=a:c filter=id == 1");
}

/* Made from the parts, it is the same. */
static void test_options(void) {
        char *exclude[] = { (char *) "shop:y", (char *) "shop:x", NULL };
        struct selector_options options = {
                .pattern = "shop:*",
                .loglevel_only = "warn",
                .exclude = exclude,
                .filter = "id > 7",
                .target = TARGET_OPTIONS_NONE,
        };
        struct selector *s, *other;
        struct failure failure;
        struct selectors list = { 0 };

        g_assert_cmpint(selector_new(&options, &s, &failure), ==, 0);
        g_assert_cmpstr(s->text, ==, "shop:* loglevel=warning exclude=shop:x exclude=shop:y filter=id > 7");
        g_assert_nonnull(s->filter_program);
        other = parse(s->text);
        g_assert_cmpint(selectors_add(&list, s), ==, 0);
        g_assert_true(selectors_have(&list, other));
        selector_unref(other);
        other = parse("shop:*");
        g_assert_false(selectors_have(&list, other));
        g_assert_null(other->filter_program);
        selectors_done(&list);
        selector_unref(other);
        selector_unref(s);
}

static void refused(const char *text, enum failure_kind kind, const char *wanted) {
        struct failure failure;
        struct selector *s;

        if (selector_parse(text, &s, &failure) >= 0)
                g_error("accepted: %s", text);
        if (failure.kind != kind || !strstr(failure.text, wanted))
                g_error("'%s' does not say '%s'", failure.text, wanted);
}

static void test_refusals(void) {
        g_autoptr(GString) many = g_string_new("*");
        g_autofree char *digits = g_strnfill(FILTER_TEXT_MAX, '1'), *longest = NULL;
        const enum failure_kind option = FAILURE_INVALID_OPTION;

        refused("", FAILURE_INVALID_PATTERN, "empty");
        refused("shop", FAILURE_INVALID_PATTERN, "shop:*");
        refused("* exclude=shop", FAILURE_INVALID_PATTERN, "shop:*");
        refused("* loglevel>=loud", option, "Unknown log level 'loud'; known are: emergency, alert");
        refused("* loglevel=", option, "Unknown log level ''");
        refused("* loglevel=info loglevel>=info", option, "say either loglevel or loglevel-only");
        refused("* loglevel=info loglevel=info", option, "'loglevel=' comes twice");
        refused("* level=info", option, "'level=info' is no option of an event; known are: loglevel>=LEVEL");
        refused("* uid=-1", option, "'uid=-1' is wrong");
        refused("* uid=4294967295", option, "'uid=4294967295' is wrong");
        refused("* uid=1 uid=1", option, "'uid=' comes twice");
        refused("* pid=12", option, "'pid=12' is wrong");
        refused("* pid=0:1", option, "'pid=0' is wrong");
        refused("* pid=2147483648:1", option, "'pid=2147483648' is wrong");
        refused("* children", option, "The children of no process");
        refused("* childrens", option, "'childrens' is no option");
        refused("* executable=", option, "'' is no name of an executable");
        refused("* executable=bin/true", option, "no absolute path");
        refused("* executable=a\001", option, "no name of an executable");
        refused("* unit=", option, "'' is no name of a unit");
        refused("* unit=a/b.service", option, "no name of a unit");
        refused("kernel userspace-probe a:b", option, "Say it by the option 'probe'");
        refused("kernel userspace-probe a:* probe=/x:y", FAILURE_INVALID_PATTERN, "no name for the events of a probe");
        refused("kernel userspace-probe a probe=x:y", option, "no place for a probe of a program");
        refused("kernel userspace-probe a probe=sdt:/x:y", option, "no place for a probe of a program");
        refused("kernel userspace-probe a probe=/x:y;z", option, "no place for a probe of a program");
        refused("kernel userspace-probe a probe=/x:y strings=1", option, "are no strings");
        refused("kernel userspace-probe a probe=sdt:/x:y:z strings=0", option, "are no strings");
        refused("kernel userspace-probe a probe=sdt:/x:y:z strings=13", option, "are no strings");
        refused("kernel probe a probe=do_exit+x", option, "is no probe of the kernel");
        refused("kernel function a probe=do_exit+1", option, "is no function of the kernel");
        refused("kernel event a probe=do_exit", option, "is no probe; leave");
        refused("kernel probe a probe=b exclude=c", option, "nothing can be excluded");
        refused("* filter=", option, "wrong at its end");
        refused("* filter=id >", option, "'id >' is wrong at its end");
        refused("* filter=id > ) 7", option, "wrong at character 6, ') 7'");
        refused("* filter=name == \"a\nb\"", option, "control character");
        refused("* filter=name == \"\xff\"", option, "no UTF-8");
        for (int i = 0; i <= SELECTOR_EXCLUDE_MAX; i++)
                g_string_append_printf(many, " exclude=a:b%i", i);
        refused(many->str, option, "17 patterns are to be excluded from '*', and 16 is the most");
        longest = g_strconcat("* filter=1", digits, NULL);
        refused(longest, option, "too long; it can have 1023 characters");
}

static void test_selects(void) {
        static const struct {
                const char *text, *event;
                uint8_t level;
                bool selected;
        } cases[] = {
                { "*", "shop:paid", 14, true },
                { "shop:*", "shop:paid", 200, true },
                { "shop:*", "store:paid", 0, false },
                { "shop:* loglevel>=warning", "shop:paid", 4, true },
                { "shop:* loglevel>=warning", "shop:paid", 0, true },
                { "shop:* loglevel>=warning", "shop:paid", 5, false },
                { "shop:* loglevel>=debug", "shop:paid", 15, false },
                { "shop:* loglevel=info", "shop:paid", 6, true },
                { "shop:* loglevel=info", "shop:paid", 5, false },
                { "shop:* loglevel=info", "store:paid", 6, false },
                { "shop:* exclude=shop:p*", "shop:paid", 6, false },
                { "shop:* exclude=shop:p*", "shop:sent", 6, true },
                { "* exclude=a:b exclude=shop:*", "shop:paid", 6, false },
                { "* loglevel>=error exclude=a:b filter=0", "shop:paid", 3, true },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                _cleanup_(selector_unrefp) struct selector *s = parse(cases[i].text);

                if (selector_selects(s, cases[i].event, cases[i].level) != cases[i].selected)
                        g_error("%s: %s of level %i", cases[i].text, cases[i].event, cases[i].level);
        }
}

static void test_executables(void) {
        static const struct {
                const char *name, *path;
                bool is;
        } cases[] = {
                { "true", "/usr/bin/true", true },          { "true", "/usr/bin/untrue", false },
                { "true", "true", true },                   { "tr*", "/usr/bin/true", true },
                { "tr*", "/true/bin/false", false },        { "/usr/bin/true", "/usr/bin/true", true },
                { "/usr/*/true", "/usr/bin/true", true },   { "/usr/bin/true", "true", false },
                { "*/true", "/usr/bin/true", true },        { "true", "/usr/bin/true (deleted)", true },
                { "*", "anything", true },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *text = g_strdup_printf("* executable=%s", cases[i].name);
                _cleanup_(selector_unrefp) struct selector *s = parse(text);

                if (target_has_executable(&s->target, cases[i].path) != cases[i].is)
                        g_error("%s: %s", cases[i].name, cases[i].path);
        }
}

static void test_units(void) {
        static const struct {
                const char *unit, *cgroup;
                bool users_too, is;
        } cases[] = {
                { "a", "/system.slice/a.service", false, true },
                { "a", "/system.slice/b.service", false, false },
                { "a", "/system.slice/ba.service", false, false },
                { "a", "/system.slice/a.service/payload/x", false, true },
                /* What a unit makes below itself can have any name. */
                { "a", "/system.slice/b.service/a.service", false, false },
                { "a", "/system.slice/b.service/x.slice/a.service", true, false },
                { "x.slice", "/x.slice/x-y.slice/a.service", false, true },
                { "x-y.slice", "/x.slice/x-y.slice/a.service", false, true },
                { "a", "/user.slice/user-1.slice/user@1.service/app.slice/a.service", false, false },
                { "a", "/user.slice/user-1.slice/user@1.service/app.slice/a.service", true, true },
                { "user@1.service", "/user.slice/user-1.slice/user@1.service/app.slice/a.service", false, true },
                { "a", "/", false, false },
                { "a", "", false, false },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *text = g_strdup_printf("* unit=%s", cases[i].unit);
                _cleanup_(selector_unrefp) struct selector *s = parse(text);

                if (target_has_cgroup(&s->target, cases[i].cgroup, cases[i].users_too) != cases[i].is)
                        g_error("%s: %s", cases[i].unit, cases[i].cgroup);
        }
}

static void test_uids(void) {
        static const struct {
                const char *text;
                bool owners, others, reaches_others;
        } cases[] = {
                { "*", true, false, false },          { "* executable=a", true, false, false },
                { "* uid=5", true, false, false },    { "* uid=6", false, true, true },
                { "* unit=a", true, true, true },     { "* unit=a uid=5", true, false, false },
                { "* unit=a uid=6", false, true, true },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                _cleanup_(selector_unrefp) struct selector *s = parse(cases[i].text);

                if (target_reaches_uid(&s->target, 5, 5) != cases[i].owners ||
                    target_reaches_uid(&s->target, 5, 6) != cases[i].others ||
                    target_reaches_others(&s->target, 5) != cases[i].reaches_others)
                        g_error("%s", cases[i].text);
        }
}

/* As a search through all levels says. */
static void test_overlap(void) {
        static const char *const texts[] = {
                "*", "* loglevel>=emergency", "* loglevel>=error", "* loglevel>=debug", "* loglevel=emergency",
                "* loglevel=error", "* loglevel=warning", "* loglevel=debug",
        };

        for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
                for (size_t k = 0; k < G_N_ELEMENTS(texts); k++) {
                        _cleanup_(selector_unrefp) struct selector *a = parse(texts[i]), *b = parse(texts[k]);
                        bool overlap = false;

                        for (uint8_t level = 0; level <= LOGLEVEL_LAST; level++)
                                overlap |= selector_selects(a, "a:b", level) && selector_selects(b, "a:b", level);
                        if (selector_levels_overlap(a, b) != overlap)
                                g_error("%s and %s", texts[i], texts[k]);
                }
}

static void test_levels(void) {
        g_autoptr(GString) names = g_string_new(NULL);
        uint8_t level;

        for (uint8_t i = 0; i <= LOGLEVEL_LAST; i++) {
                g_assert_cmpint(loglevel_from_string(loglevel_to_string(i), &level), ==, 0);
                g_assert_cmpuint(level, ==, i);
                g_string_append_printf(names, "%s%s", i > 0 ? ", " : "", loglevel_to_string(i));
        }
        g_assert_cmpstr(names->str, ==, LOGLEVEL_NAMES);
        g_assert_cmpstr(loglevel_to_string(LOGLEVEL_LAST + 1), ==, "unknown");
        g_assert_cmpint(loglevel_from_string("unknown", &level), <, 0);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/selector/executables", test_executables);
        g_test_add_func("/selector/units", test_units);
        g_test_add_func("/selector/uids", test_uids);
        g_test_add_func("/selector/text", test_text);
        g_test_add_func("/selector/probes", test_probes);
        g_test_add_func("/selector/options", test_options);
        g_test_add_func("/selector/refusals", test_refusals);
        g_test_add_func("/selector/selects", test_selects);
        g_test_add_func("/selector/overlap", test_overlap);
        g_test_add_func("/selector/levels", test_levels);
        return g_test_run();
}
