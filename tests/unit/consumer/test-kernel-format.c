/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Format files, descriptions, and the names that events have in a trace. */

#undef NDEBUG
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "consumer/kernel-class.h"
#include "consumer/kernel-description.h"
#include "consumer/kernel-profile.h"

#define COMMON                                                                                                 \
        "format:\n\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"                        \
        "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"

static int parse(const char *text, struct kernel_format *ret) {
        return kernel_format_parse(text, strlen(text), ret);
}

static void test_fields(void) {
        static const struct {
                const char *line, *name;
                enum kernel_field_kind kind;
                uint32_t offset, size, element;
                bool is_signed, is_address, is_relative;
        } cases[] = {
                { "field:pid_t pid;\toffset:8;\tsize:4;\tsigned:1;", "pid", KERNEL_INTEGER, 8, 4, 4, true, false, false },
                { "field:const char * name;\toffset:8;\tsize:8;\tsigned:0;", "name", KERNEL_INTEGER, 8, 8, 8, false, true,
                  false },
                { "field:char comm[16];\toffset:8;\tsize:16;\tsigned:0;", "comm", KERNEL_TEXT, 8, 16, 1, false, false, false },
                { "field:char comm[TASK_COMM_LEN];\toffset:8;\tsize:16;\tsigned:1;", "comm", KERNEL_TEXT, 8, 16, 1, true,
                  false, false },
                { "field:u8 a[6];\toffset:8;\tsize:6;\tsigned:0;", "a", KERNEL_ARRAY, 8, 6, 1, false, false, false },
                { "field:unsigned long args[6];\toffset:16;\tsize:48;\tsigned:0;", "args", KERNEL_ARRAY, 16, 48, 8, false,
                  false, false },
                { "field:struct in6 a[2];\toffset:16;\tsize:32;\tsigned:0;", "a", KERNEL_ARRAY, 16, 32, 1, false, false, false },
                { "field:struct timespec t;\toffset:8;\tsize:16;\tsigned:0;", "t", KERNEL_ARRAY, 8, 16, 1, false, false, false },
                { "field:__data_loc char[] name;\toffset:8;\tsize:4;\tsigned:0;", "name", KERNEL_LOC_STRING, 8, 4, 1, false,
                  false, false },
                { "field:__data_loc u64[] a;\toffset:8;\tsize:4;\tsigned:0;", "a", KERNEL_LOC_SEQUENCE, 8, 4, 8, false, false,
                  false },
                { "field:__data_loc cpumask_t m;\toffset:8;\tsize:4;\tsigned:0;", "m", KERNEL_LOC_SEQUENCE, 8, 4,
                  sizeof(long), false, false, false },
                { "field:__rel_loc char[] name;\toffset:8;\tsize:4;\tsigned:0;", "name", KERNEL_LOC_STRING, 8, 4, 1, false,
                  false, true },
                { "field:char buf[];\toffset:16;\tsize:0;\tsigned:0;", "buf", KERNEL_REST_STRING, 16, 0, 1, false, false, false },
                { "field:u32 buf[];\toffset:16;\tsize:0;\tsigned:0;", "buf", KERNEL_REST_SEQUENCE, 16, 0, 4, false, false,
                  false },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree struct kernel_format *format = g_new0(struct kernel_format, 1);
                g_autofree char *text = g_strdup_printf("name: e\nID: 9\n" COMMON "\t%s\n\nprint fmt: \"\"\n", cases[i].line);
                const struct kernel_field *f = &format->fields[0];

                g_assert_cmpint(parse(text, format), ==, 0);
                g_assert_cmpuint(format->n_fields, ==, 1);
                g_assert_cmpuint(format->id, ==, 9);
                g_assert_cmpuint(format->pid_at, ==, 4);
                g_assert_cmpstr(f->name, ==, cases[i].name);
                g_assert_cmpint(f->kind, ==, cases[i].kind);
                g_assert_cmpuint(f->offset, ==, cases[i].offset);
                g_assert_cmpuint(f->size, ==, cases[i].size);
                g_assert_cmpuint(f->element, ==, cases[i].element);
                g_assert_cmpint(f->is_signed, ==, cases[i].is_signed);
                g_assert_cmpint(f->is_address, ==, cases[i].is_address);
                g_assert_cmpint(f->is_relative, ==, cases[i].is_relative);
        }
}

static void test_broken(void) {
        static const char *const texts[] = {
                "",
                "name: e\nID: 9\n",
                "ID: 9\n" COMMON,
                "name: e\n" COMMON,
                "name: e\nID: 65536\n" COMMON,
                "name: e\nID: -1\n" COMMON,
                "name: e\"\nID: 9\n" COMMON,
                "name: \nID: 9\n" COMMON,
                "name: e\nID: 9\n" COMMON "\tfield:int a;\toffset:4093;\tsize:4;\tsigned:0;\n",
                "name: e\nID: 9\n" COMMON "\tfield:int a;\toffset:99999999999;\tsize:4;\tsigned:0;\n",
                "name: e\nID: 9\n" COMMON "\tfield:int a;\toffset:8;\tsize:4;\tsigned:2;\n",
                "name: e\nID: 9\n" COMMON "\tfield:int a;\toffset:8;\tsize:0;\tsigned:0;\n",
                "name: e\nID: 9\n" COMMON "\tfield:a;\toffset:8;\tsize:4;\tsigned:0;\n",
                "name: e\nID: 9\n" COMMON "\tfield:int a];\toffset:8;\tsize:4;\tsigned:0;\n",
                "name: e\nID: 9\n" COMMON "\tfield:int a\toffset:8\n",
                "name: e\nID: 9\n" COMMON "\tfield:__data_loc char[] a;\toffset:8;\tsize:8;\tsigned:0;\n",
                "name: e\nID: 9\nformat:\n\tfield:int common_type;\toffset:0;\tsize:4;\tsigned:0;\n",
                "name: e\nID: 9\nformat:\n\tfield:short common_type;\toffset:2;\tsize:2;\tsigned:0;\n",
        };
        g_autofree struct kernel_format *format = g_new0(struct kernel_format, 1);

        for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
                g_assert_cmpint(parse(texts[i], format), ==, -EBADMSG);
}

static void test_too_many(void) {
        g_autofree struct kernel_format *format = g_new0(struct kernel_format, 1);
        g_autoptr(GString) text = g_string_new("name: e\nID: 9\n" COMMON);

        for (unsigned i = 0; i < KERNEL_FIELDS_MAX; i++)
                g_string_append_printf(text, "\tfield:int f%u;\toffset:8;\tsize:4;\tsigned:0;\n", i);
        g_assert_cmpint(parse(text->str, format), ==, 0);
        g_string_append(text, "\tfield:int more;\toffset:8;\tsize:4;\tsigned:0;\n");
        g_assert_cmpint(parse(text->str, format), ==, -EBADMSG);
}

/* Each of them may be there, all together they cannot. */
static void test_overlap(void) {
        g_autofree struct kernel_format *format = g_new0(struct kernel_format, 1);
        g_autoptr(GString) text = g_string_new("name: e\nID: 9\n" COMMON);
        struct text metadata = {};
        struct kernel_class *class;

        for (unsigned i = 0; i < 20; i++)
                g_string_append_printf(text, "\tfield:u8 f%u[4000];\toffset:8;\tsize:4000;\tsigned:0;\n", i);
        g_assert_cmpint(parse(text->str, format), ==, 0);
        g_assert_cmpint(kernel_class_new("s", format, 1, 0, &metadata, &class), ==, -EBADMSG);
        g_assert_cmpuint(metadata.size, ==, 0);
}

static void test_random(void) {
        static const char good[] = "name: e\nID: 9\n" COMMON "\tfield:__data_loc char[] a;\toffset:8;\tsize:4;\tsigned:0;\n"
                                   "\tfield:char b[16];\toffset:12;\tsize:16;\tsigned:0;\n";
        g_autofree struct kernel_format *format = g_new0(struct kernel_format, 1);
        struct text metadata = {};

        for (unsigned i = 0; i < 20000; i++) {
                g_autofree char *text = g_strdup(good);
                struct kernel_class *class;

                for (int n = g_test_rand_int_range(1, 5); n > 0; n--)
                        text[g_test_rand_int_range(0, (int) strlen(good))] = (char) g_test_rand_int_range(1, 256);
                if (kernel_format_parse(text, strlen(good), format) < 0)
                        continue;
                if (kernel_class_new("s", format, 1, 0, &metadata, &class) == 0)
                        free(class);
        }
        text_done(&metadata);
}

static void test_descriptions(void) {
        static const char *const broken[] = { "x", "@ a b 5\n1234", "@ a b\n", "@ a b 1x\n1", "@ a/ b 1\n1", "@ a b 99999999999\n1" };
        static const char good[] = "@ sched sched_switch 3\nabc@ a b 0\n";
        struct kernel_descriptions d;
        struct kernel_description one;

        kernel_descriptions_init(&d, good, strlen(good));
        g_assert_cmpint(kernel_descriptions_next(&d, &one), ==, 1);
        g_assert_cmpstr(one.system, ==, "sched");
        g_assert_cmpstr(one.name, ==, "sched_switch");
        g_assert_cmpmem(one.text, one.size, "abc", 3);
        g_assert_cmpint(kernel_descriptions_next(&d, &one), ==, 1);
        g_assert_cmpuint(one.size, ==, 0);
        g_assert_cmpint(kernel_descriptions_next(&d, &one), ==, 0);
        for (size_t i = 0; i < G_N_ELEMENTS(broken); i++) {
                kernel_descriptions_init(&d, broken[i], strlen(broken[i]));
                g_assert_cmpint(kernel_descriptions_next(&d, &one), ==, -EBADMSG);
        }
}

static void test_names(void) {
        static const struct {
                const char *system, *event, *name;
        } cases[] = {
                { "syscalls", "sys_enter_openat", "syscall_entry_openat" },
                { "syscalls", "sys_exit_openat", "syscall_exit_openat" },
                { "raw_syscalls", "sys_enter", "sys_enter" },
                { "irq", "softirq_raise", "irq_softirq_raise" },
                { "irq", "irq_handler_entry", "irq_handler_entry" },
                { "irq_vectors", "reschedule_entry", "x86_irq_vectors_reschedule_entry" },
                { "timer", "hrtimer_start", "timer_hrtimer_start" },
                { "sched", "sched_switch", "sched_switch" },
        };
        char name[200];

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                kernel_profile_event(cases[i].system, cases[i].event, name, sizeof(name));
                g_assert_cmpstr(name, ==, cases[i].name);
        }
        g_assert_cmpstr(kernel_profile_field("sched", "sched_switch", "next_pid"), ==, "next_tid");
        g_assert_cmpstr(kernel_profile_field("signal", "signal_generate", "pid"), ==, "pid");
        g_assert_null(kernel_profile_field("syscalls", "sys_enter_read", "__syscall_nr"));
        g_assert_cmpint(kernel_profile_bias("sched", "sched_switch", "next_prio"), ==, 100);
        g_assert_cmpint(kernel_profile_bias("sched", "sched_switch", "next_pid"), ==, 0);
        g_assert_cmpint(kernel_profile_bias("block", "x", "prio"), ==, 0);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/kernel/format/fields", test_fields);
        g_test_add_func("/kernel/format/broken", test_broken);
        g_test_add_func("/kernel/format/too-many", test_too_many);
        g_test_add_func("/kernel/format/overlap", test_overlap);
        g_test_add_func("/kernel/format/random", test_random);
        g_test_add_func("/kernel/format/descriptions", test_descriptions);
        g_test_add_func("/kernel/format/names", test_names);
        return g_test_run();
}
