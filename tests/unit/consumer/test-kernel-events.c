/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * This kernel's events, as many as there are: each has a description that
 * babeltrace2 accepts, and the values of a broad sample are those that the
 * kernel itself prints, field by field. The rings are overwrite rings, so the
 * kernel's text can be read before the consumer empties them.
 */

#undef NDEBUG
#include <glib.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "consumer/kernel-profile.h"
#include "play-kernel.h"

static const char *const sample[] = {
        "sched", "syscalls", "raw_syscalls", "irq", "timer", "block", "net", "ext4", "kmem", "writeback", "task",
        "signal", "skb", "tcp", "sock", "workqueue", "filemap", "jbd2", "rcu", "ipi", "exceptions", "mmap", NULL,
};

/* Both kinds are needed at once: what the kernel calls the event, and its format. */
struct known {
        char *system;
        struct kernel_format format;
};

static void known_free(gpointer data) {
        struct known *k = data;

        g_free(k->system);
        g_free(k);
}

static bool can_enable(const struct play_kernel *k, const char *event) {
        g_autofree char *path = g_strdup_printf("%s/events/%s/enable", k->instance, event);

        return g_file_test(path, G_FILE_TEST_EXISTS);
}

/* All events of a system, "system/name". */
static void add_system(const struct play_kernel *k, const char *system, GPtrArray *events) {
        g_autofree char *path = g_build_filename(k->instance, "events", system, NULL);
        GDir *dir = g_dir_open(path, 0, NULL);
        const char *name;

        while (dir && (name = g_dir_read_name(dir))) {
                g_autofree char *event = g_strdup_printf("%s/%s", system, name);

                if (can_enable(k, event))
                        g_ptr_array_add(events, g_steal_pointer(&event));
        }
        if (dir)
                g_dir_close(dir);
}

static GPtrArray *find_events(const struct play_kernel *k, const char *const *systems) {
        GPtrArray *events = g_ptr_array_new_with_free_func(g_free);

        if (systems) {
                for (; *systems; systems++)
                        add_system(k, *systems, events);
        } else {
                g_autofree char *path = g_build_filename(k->instance, "events", NULL);
                GDir *dir = g_dir_open(path, 0, NULL);
                const char *name;

                while ((name = g_dir_read_name(dir)))
                        add_system(k, name, events);
                g_dir_close(dir);
        }
        g_ptr_array_add(events, NULL);
        return events;
}

static GHashTable *learn(const struct play_kernel *k, char **events) {
        GHashTable *table = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, known_free);

        for (; *events; events++) {
                g_autofree char *path = g_strdup_printf("events/%s/format", *events), *text = play_kernel_read(k, path);
                g_auto(GStrv) parts = g_strsplit(*events, "/", 2);
                struct known *known = g_new0(struct known, 1);

                known->system = g_strdup(parts[0]);
                g_assert_cmpint(kernel_format_parse(text, strlen(text), &known->format), ==, 0);
                g_hash_table_replace(table, known->format.name, known);
        }
        return table;
}

static void work(void) {
        const char *argv[] = { "sh", "-c",
                               "ls /usr/lib >/dev/null; f=$(mktemp); echo text >$f; sync $f; rm $f; sleep 0.01; kill -0 $$; "
                               "(: </dev/tcp/127.0.0.1/1) 2>/dev/null; cat /proc/self/status | sort >/dev/null",
                               NULL };

        g_spawn_sync(NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
}

/* Lines of the kernel's text and of the trace, those of one processor. */
static GPtrArray *lines_of_cpu(char **lines, const char *mark) {
        GPtrArray *found = g_ptr_array_new();

        for (; *lines; lines++)
                if (strstr(*lines, mark))
                        g_ptr_array_add(found, *lines);
        return found;
}

/* Whether both are one number, as far as it has bits: the kernel prints them all as unsigned ones of their size. */
static bool is_equal(uint64_t a, uint64_t b) {
        return a == b || (uint32_t) a == b || (uint16_t) a == b || (uint8_t) a == b;
}

static uint64_t parse_value(const char *text) {
        return text[0] == '-' ? (uint64_t) g_ascii_strtoll(text, NULL, 0) : g_ascii_strtoull(text, NULL, 0);
}

/* "name = VALUE" in a line of babeltrace2's. */
static const char *find_field(const char *line, const char *name) {
        g_autofree char *first = g_strdup_printf("{ %s = ", name), *other = g_strdup_printf(", %s = ", name);
        const char *fields = strrchr(line, '{'), *at;

        g_assert_nonnull(fields);
        at = strstr(fields, first);
        if (!at)
                at = strstr(fields, other);
        return at ? at + strlen(first) : NULL;
}

static void compare_string(const char *line, const char *value, const char *kernel) {
        size_t n = strlen(kernel);

        /* What is not printable is printed in different ways. */
        for (const char *p = kernel; *p; p++)
                if (*p < ' ' || *p > '~' || *p == '"' || *p == '\\' || *p == '.')
                        return;
        g_assert_cmpint(value[0], ==, '"');
        if (strncmp(value + 1, kernel, n) != 0 || value[n + 1] != '"')
                g_error("the kernel has '%s' in %s", kernel, line);
}

static bool compare_field(const struct known *known, const struct kernel_field *field, const char *line,
                          const char *kernel) {
        const char *name = kernel_profile_field(known->system, known->format.name, field->name), *value, *number;
        int32_t bias = kernel_profile_bias(known->system, known->format.name, field->name);

        if (!name || kernel[0] == '<' || field->kind == KERNEL_ARRAY || field->kind >= KERNEL_LOC_SEQUENCE)
                return false;
        value = find_field(line, name);
        if (!value)
                g_error("no %s in %s", name, line);
        if (field->kind != KERNEL_INTEGER) {
                compare_string(line, value, kernel);
                return true;
        }
        /* Of a pointer to characters the kernel prints where in its ring the pointer is. */
        if (kernel[0] == '(')
                return false;
        number = kernel;
        if (!g_str_has_prefix(number, "0x")) {
                /* The place of a symbol, of which 32 bits follow. */
                number = strrchr(kernel, '(');
                if (!number)
                        return false;
                if (!is_equal((uint32_t) parse_value(value), (uint32_t) parse_value(number + 1)))
                        g_error("the kernel has %s=%s in %s", field->name, kernel, line);
                return true;
        }
        if (!is_equal(parse_value(value) + (uint64_t) (int64_t) bias, parse_value(number)))
                g_error("the kernel has %s=%s in %s", field->name, kernel, line);
        return true;
}

/* The values of "a=1 b=x c=2", whose names are known, since values may have anything in them. Returns how many were compared. */
static unsigned compare_fields(const struct known *known, const char *line, char *text) {
        const struct kernel_format *format = &known->format;
        unsigned n = 0;

        for (uint32_t i = 0; i < format->n_fields; i++) {
                g_autofree char *begin = g_strdup_printf(" %s=", format->fields[i].name), *end = NULL;
                char *value = strstr(text, begin), *stop = NULL;

                g_assert_nonnull(value);
                value += strlen(begin);
                if (i + 1 < format->n_fields) {
                        end = g_strdup_printf(" %s=", format->fields[i + 1].name);
                        stop = strstr(value, end);
                        g_assert_nonnull(stop);
                        *stop = '\0';
                }
                n += compare_field(known, &format->fields[i], line, value);
                text = stop;
                if (stop)
                        *stop = ' ';
        }
        return n;
}

/* "  task-12  [001] d..1. 12.345678: name: fields" */
static unsigned compare_event(GHashTable *table, const char *line, char *kernel) {
        char *time = strstr(kernel, "] "), *name, *fields, expected[256];
        const struct known *known;

        g_assert_nonnull(time);
        name = strstr(time, ": ");
        g_assert_nonnull(name);
        name += 2;
        fields = strchr(name, ':');
        g_assert_nonnull(fields);
        *fields = '\0';
        known = g_hash_table_lookup(table, name);
        g_assert_nonnull(known);
        expected[0] = ' ';
        kernel_profile_event(known->system, name, expected + 1, sizeof(expected) - 3);
        g_strlcat(expected, ": ", sizeof(expected));
        if (!strstr(line, expected))
                g_error("the kernel has a %s where the trace has %s", name, line);
        return compare_fields(known, line, fields + 1);
}

static unsigned compare_cpu(GHashTable *table, char **kernel, char **trace, unsigned cpu) {
        g_autofree char *kernel_mark = g_strdup_printf(" [%03u] ", cpu);
        g_autofree char *trace_mark = g_strdup_printf("{ cpu_id = %u }", cpu);
        g_autoptr(GPtrArray) a = lines_of_cpu(kernel, kernel_mark), b = lines_of_cpu(trace, trace_mark);
        unsigned n = 0;

        g_assert_cmpuint(a->len, ==, b->len);
        for (unsigned i = 0; i < a->len; i++)
                n += compare_event(table, b->pdata[i], a->pdata[i]);
        g_test_message("cpu %u: %u events, %u values", cpu, a->len, n);
        return n;
}

static void begin(struct play *p, struct play_kernel *k, unsigned buffer_kb, const char *const *systems,
                  GPtrArray **ret_events) {
        play_start(p, NULL);
        play_kernel_new(k, &(struct play_kernel_options) { .buffer_kb = buffer_kb, .overwrite = true });
        *ret_events = find_events(k, systems);
        g_assert_cmpint(play_kernel_send(p, k, 0, "k", (const char *const *) (*ret_events)->pdata), ==, 0);
}

static void end(struct play *p, struct play_kernel *k) {
        play_done(p);
        play_kernel_done(k);
}

static void test_values(void) {
        g_autoptr(GPtrArray) events = NULL;
        g_autoptr(GHashTable) table = NULL;
        g_autofree char *text = NULL, *errors = NULL;
        struct play_kernel k;
        struct play p;
        unsigned n = 0;

        if (!play_kernel_works())
                return;
        begin(&p, &k, 1024, sample, &events);
        if (!play_kernel_try(&k, "options/fields", "1")) {
                g_test_skip("this kernel does not print fields");
                end(&p, &k);
                return;
        }
        table = learn(&k, (char **) events->pdata);
        for (const char *const *system = sample; *system; system++) {
                g_autofree char *path = g_strdup_printf("events/%s/enable", *system);

                (void) play_kernel_try(&k, path, "1");
        }
        work();
        play_kernel_write(&k, "tracing_on", "0");
        play_kernel_write(&k, "events/enable", "0");
        text = play_kernel_read(&k, "trace");
        g_assert_cmpint(play_snapshot(&p, ""), ==, 0);
        g_auto(GStrv) kernel = g_strsplit(text, "\n", -1);
        g_auto(GStrv) trace = play_read(p.directory, &errors);

        for (unsigned cpu = 0; cpu < k.n_cpus; cpu++)
                n += compare_cpu(table, kernel, trace, cpu);
        g_assert_cmpuint(n, >, 1000);
        g_assert_cmpuint(p.status->lost_garbage, ==, 0);
        end(&p, &k);
}

/* In turn, each with what a few system calls make of it. */
static void enable_in_turn(const struct play_kernel *k, char **events, unsigned step) {
        for (unsigned i = 0, n = g_strv_length(events); i < n; i += step) {
                g_autofree char *path = g_strdup_printf("events/%s/enable", events[i]);

                /* Some can be enabled where there is what they are about alone. */
                if (!play_kernel_try(k, path, "1"))
                        continue;
                for (unsigned j = 0; j < 10; j++)
                        syscall(SYS_getppid);
                g_usleep(10);
                play_kernel_write(k, path, "0");
        }
}

static void test_all(void) {
        bool is_long = g_strcmp0(g_getenv("TRACECTL_TORTURE"), "1") == 0;
        g_autofree char *pid = g_strdup_printf("%i", getpid()), *path = NULL, *metadata = NULL, *errors = NULL;
        g_autoptr(GPtrArray) events = NULL;
        struct play_kernel k;
        struct play p;
        unsigned n = 0;

        if (!play_kernel_works())
                return;
        begin(&p, &k, 4096, NULL, &events);
        play_kernel_write(&k, "set_event_pid", pid);
        play_kernel_write(&k, "events/enable", "1");
        for (unsigned i = 0; i < 100; i++)
                syscall(SYS_getppid);
        play_kernel_write(&k, "events/enable", "0");
        enable_in_turn(&k, (char **) events->pdata, is_long ? 1 : 50);
        play_kernel_write(&k, "tracing_on", "0");
        g_assert_cmpint(play_snapshot(&p, ""), ==, 0);
        path = g_build_filename(p.directory, "kernel", "metadata", NULL);
        g_assert_true(g_file_get_contents(path, &metadata, NULL, NULL));
        for (const char *at = metadata; (at = strstr(at, "\nevent {")); at++)
                n++;
        g_assert_cmpuint(n, ==, events->len - 1 + 3);
        g_auto(GStrv) lines = play_read(p.directory, &errors);
        g_test_message("%u classes, %u events", n, g_strv_length(lines));
        g_assert_cmpuint(g_strv_length(lines), >=, 200);
        g_assert_cmpuint(g_strv_length(lines), ==, p.status->events);
        g_assert_cmpuint(p.status->lost_garbage, ==, 0);
        end(&p, &k);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/kernel/events/values", test_values);
        g_test_add_func("/kernel/events/all", test_all);
        return g_test_run();
}
