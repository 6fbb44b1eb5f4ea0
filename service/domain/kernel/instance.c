/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "service/domain/kernel/filter.h"
#include "service/domain/kernel/instance.h"
#include "service/domain/kernel/probe-lines.h"
#include "service/domain/kernel/thread.h"
#include "service/domain/kernel/tracefs.h"

#define PATH_SIZE 320
#define CALLS "syscalls"

static const struct instance_event prints = { .event = { "bpf_trace", "bpf_trace_printk" } };

/* What a thread does with an instance that records nothing yet. */
struct configuring {
        const struct instance *instance;
        struct instance_config config; /* its name is nobody's by then */
        pthread_t thread;
        bool running;
        int error;
};

static void list_done(struct instance_list *l) {
        for (size_t k = 0; k < l->n; k++) {
                free((char *) l->items[k].event.system);
                free((char *) l->items[k].event.name);
                free((char *) l->items[k].filter);
        }
        free(l->items);
        *l = (struct instance_list) { 0 };
}

void instance_close(struct instance *i) {
        (void) instance_wait(i);
        closep(&i->dir);
        i->dir = -1;
}

struct instance *instance_free(struct instance *i) {
        if (!i)
                return NULL;
        instance_close(i);
        list_done(&i->enabled);
        free(i);
        return NULL;
}
DEFINE_CLEANUP(struct instance *, instance_free)

static int instance_open(int tracefs, const char *name, struct instance **ret) {
        char path[INSTANCE_NAME_MAX + 16];
        struct instance *i;

        i = calloc(1, sizeof(*i));
        if (!i)
                return -ENOMEM;
        i->calls = -1;
        snprintf(i->name, sizeof(i->name), "%s", name);
        snprintf(path, sizeof(path), "instances/%s", name);
        i->dir = openat(tracefs, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (i->dir < 0) {
                int r = -errno;

                free(i);
                return r;
        }
        *ret = i;
        return 0;
}

int instance_remove(int tracefs, const char *name) {
        char path[INSTANCE_NAME_MAX + 16];

        snprintf(path, sizeof(path), "instances/%s", name);
        return unlinkat(tracefs, path, AT_REMOVEDIR) < 0 ? -errno : 0;
}

/* Older kernels have pages and nothing else. */
static int read_subbuf_size(struct instance *i) {
        uint64_t kb;
        int r;

        r = tracefs_read_u64(i->dir, "buffer_subbuf_size_kb", &kb);
        if (r >= 0 && (kb < 4 || kb > 1024))
                return -EBADMSG;
        i->subbuf_size = r < 0 ? (uint32_t) getpagesize() : (uint32_t) kb << 10;
        return r == -ENOENT ? 0 : r;
}

/* Each of size and clock takes as long as the kernel waits for its readers, several times. */
static int configure_rest(const struct instance *i, const struct instance_config *config) {
        int r;

        r = tracefs_write(i->dir, "trace_clock", config->clock == TRACE_CLOCK_TSC ? "x86-tsc" : "mono");
        return r < 0 ? r : tracefs_write_u64(i->dir, "buffer_size_kb", config->buffer_size >> 10);
}

static void *run_configuring(void *userdata) {
        struct configuring *c = userdata;

        c->error = configure_rest(c->instance, &c->config);
        return NULL;
}

/* For later. */
static int keep_rest(struct instance *i, const struct instance_config *config) {
        struct configuring *c = malloc(sizeof(*c));

        if (!c)
                return -ENOMEM;
        *c = (struct configuring) { .instance = i, .config = *config };
        i->configuring = c;
        return 0;
}

int instance_configure(struct instance *i) {
        struct configuring *c = i->configuring;
        int r = 0;

        if (i->off && i->calls < 0)
                i->calls = openat(i->dir, "events/" CALLS "/enable", O_WRONLY | O_CLOEXEC);
        if (c && !c->running) {
                r = thread_start(&c->thread, run_configuring, c);
                c->running = r >= 0;
        }
        return r;
}

int instance_wait(struct instance *i) {
        struct configuring *c = TAKE_PTR(i->configuring);

        if (c && c->running) {
                pthread_join(c->thread, NULL);
                i->error = c->error;
        }
        free(c);
        closep(&i->calls);
        i->calls = -1;
        return i->error;
}

/* The size last: what comes before changes every page that there is. */
static int configure(struct instance *i, const struct instance_config *config) {
        int r;

        i->made = *config;
        i->made.name = NULL;
        i->off = config->off;
        r = tracefs_write(i->dir, "tracing_on", config->off ? "0" : "1");
        if (r < 0)
                return r;
        r = tracefs_write_u64(i->dir, "buffer_subbuf_size_kb", config->subbuf_size >> 10);
        if (r < 0 && r != -ENOENT && r != -EINVAL)
                return r;
        r = read_subbuf_size(i);
        if (r >= 0)
                r = tracefs_write(i->dir, "options/overwrite", config->overwrite ? "1" : "0");
        if (r < 0)
                return r;
        return config->off ? keep_rest(i, config) : configure_rest(i, config);
}

int instance_switch_on(struct instance *i) {
        int r = i->off ? tracefs_write(i->dir, "tracing_on", "1") : 0;

        if (r >= 0)
                i->off = false;
        closep(&i->calls);
        i->calls = -1;
        return r;
}

int instance_try_calls(struct instance *i) {
        if (i->calls < 0)
                return 0;
        return write(i->calls, "1", 1) == 1 && write(i->calls, "0", 1) == 1 ? 0 : -errno;
}

int instance_new(int tracefs, const struct instance_config *config, struct instance **ret) {
        _cleanup_(instance_freep) struct instance *i = NULL;
        char path[INSTANCE_NAME_MAX + 16];
        int r;

        snprintf(path, sizeof(path), "instances/%s", config->name);
        if (mkdirat(tracefs, path, 0700) < 0)
                return -errno;
        r = instance_open(tracefs, config->name, &i);
        if (r >= 0)
                r = configure(i, config);
        if (r < 0) {
                i = instance_free(i);
                (void) instance_remove(tracefs, config->name);
                return r;
        }
        *ret = TAKE_PTR(i);
        return 0;
}

static int append(struct instance_list *l, const struct instance_event *e, bool copy) {
        struct instance_event item = *e, *items;

        items = realloc(l->items, (l->n + 1) * sizeof(*items));
        if (!items)
                return -ENOMEM;
        l->items = items;
        if (copy) {
                item.probe = NULL;
                item.event.system = strdup(e->event.system);
                item.event.name = strdup(e->event.name);
                item.filter = e->filter ? strdup(e->filter) : NULL;
        }
        items[l->n++] = item;
        if (copy && (!item.event.system || !item.event.name || (e->filter && !item.filter)))
                return -ENOMEM;
        return 0;
}

/* NULL in *ret where it has none. */
static int read_filter(const struct instance *i, const struct kernel_event *e, char **ret) {
        char path[PATH_SIZE], *text;
        size_t size;
        int r;

        snprintf(path, sizeof(path), "events/%s/%s/filter", e->system, e->name);
        r = tracefs_read(i->dir, path, &text, &size);
        if (r < 0)
                return r;
        text[strcspn(text, "\n")] = '\0';
        if (strcmp(text, "none") == 0) {
                free(text);
                text = NULL;
        }
        *ret = text;
        return 0;
}

static int read_enabled(struct instance *i) {
        struct kernel_events events;
        char *text;
        size_t size;
        int r;

        r = tracefs_read(i->dir, "set_event", &text, &size);
        if (r >= 0)
                r = kernel_events_parse(text, &events);
        if (r < 0)
                return r;
        for (size_t k = 0; k < events.n && r >= 0; k++) {
                _cleanup_free_ char *filter = NULL;

                r = read_filter(i, &events.items[k], &filter);
                if (r >= 0)
                        r = append(&i->enabled, &(struct instance_event) { .event = events.items[k], .filter = filter }, true);
        }
        kernel_events_done(&events);
        return r;
}

int instance_adopt(int tracefs, const char *name, struct instance **ret) {
        _cleanup_(instance_freep) struct instance *i = NULL;
        uint64_t on;
        int r;

        r = instance_open(tracefs, name, &i);
        if (r >= 0)
                r = read_subbuf_size(i);
        if (r >= 0)
                r = read_enabled(i);
        if (r >= 0)
                r = tracefs_read_u64(i->dir, "tracing_on", &on);
        if (r < 0)
                return r;
        i->off = on == 0;
        i->adopted = i->enabled.n > 0;
        *ret = TAKE_PTR(i);
        return 0;
}

/* What set_event_pid has is kept when it is written to, unless it is cut off before. */
static int follow_nobody(const struct instance *i) {
        _cleanup_close_ int fd = openat(i->dir, "set_event_pid", O_WRONLY | O_TRUNC | O_CLOEXEC);

        return fd < 0 ? -errno : 0;
}

/* A thread that has ended meanwhile does no harm there: the kernel forgets numbers of threads that end from then on. */
static int follow_tids(const struct instance *i, const struct tree *tree, size_t first) {
        char tid[16];
        int r = 0;

        for (size_t k = first; k < tree->n && r >= 0; k++) {
                snprintf(tid, sizeof(tid), "%" PRId32, tree->threads[k].tid);
                r = tracefs_write(i->dir, "set_event_pid", tid);
        }
        return r;
}

/* Whoever was made by a thread that was not followed yet is found the next time; by one that was, the kernel follows it. */
int instance_follow(struct instance *i, struct tree *tree) {
        size_t first;
        int r;

        r = follow_nobody(i);
        if (r >= 0)
                r = tracefs_write(i->dir, "options/event-fork", tree ? "1" : "0");
        while (tree && r >= 0) {
                r = tree_grow(tree, &first);
                if (r < 0 || first == tree->n)
                        break;
                r = follow_tids(i, tree, first);
        }
        if (r >= 0 && tree && tree->n == 0)
                return -ESRCH;
        return r;
}

static int write_event(const struct instance *i, const struct kernel_event *e, const char *file, const char *text) {
        char path[PATH_SIZE];

        snprintf(path, sizeof(path), "events/%s/%s/%s", e->system, e->name, file);
        return tracefs_write(i->dir, path, text);
}

static const struct instance_event *find(const struct instance_list *l, const struct kernel_event *e) {
        for (size_t k = 0; k < l->n; k++)
                if (strcmp(l->items[k].event.name, e->name) == 0 && strcmp(l->items[k].event.system, e->system) == 0)
                        return &l->items[k];
        return NULL;
}

static bool same_filter(const char *a, const char *b) {
        return a && b ? strcmp(a, b) == 0 : a == b;
}

static void forget(struct instance_list *l, size_t k) {
        free((char *) l->items[k].event.system);
        free((char *) l->items[k].event.name);
        free((char *) l->items[k].filter);
        l->items[k] = l->items[--l->n];
}

/* An event that is not enabled has no filter, so that those that get none need not be asked: 720 of them take 7 ms. */
static int clear_filter(const struct instance *i, const struct instance_event *e) {
        int r = e->filter ? write_event(i, &e->event, "filter", "0") : 0;

        return r == -ENOENT ? 0 : r;
}

static int disable_all(struct instance *i) {
        int r;

        r = tracefs_write(i->dir, "events/enable", "0");
        for (size_t k = 0; k < i->enabled.n && r >= 0; k++)
                r = clear_filter(i, &i->enabled.items[k]);
        list_done(&i->enabled);
        return r;
}

int instance_disable(struct instance *i, const struct instance_list *wanted, struct instance_list *added) {
        int r = 0;

        if (wanted->n == 0)
                return disable_all(i);
        added->n_calls = wanted->n_calls;
        for (size_t k = i->enabled.n; k-- > 0;) {
                const struct instance_event *e = find(wanted, &i->enabled.items[k].event);

                if (e && same_filter(e->filter, i->enabled.items[k].filter))
                        continue;
                /* One that has gone with its module is off, too. */
                if (!e && (r = write_event(i, &i->enabled.items[k].event, "enable", "0")) < 0 && r != -ENOENT)
                        return r;
                /* One that gets another has the old one until then: nothing comes unfiltered. */
                if (!e || !e->filter)
                        r = clear_filter(i, &i->enabled.items[k]);
                if (r < 0 && r != -ENOENT)
                        return r;
                forget(&i->enabled, k);
        }
        r = 0;
        for (size_t k = 0; k < wanted->n && r >= 0; k++)
                if (!find(&i->enabled, &wanted->items[k].event))
                        r = append(added, &wanted->items[k], false);
        return r;
}

static int enable_event(struct instance *i, const struct instance_event *e, size_t *refused) {
        int r = e->filter ? write_event(i, &e->event, "filter", e->filter) : 0;

        if (r == -EINVAL) {
                (*refused)++;
                r = write_event(i, &e->event, "enable", "0");
                return r < 0 ? r : clear_filter(i, e);
        }
        if (r < 0)
                return r;
        r = write_event(i, &e->event, "enable", "1");
        if (r < 0)
                (void) clear_filter(i, e);
        return r < 0 ? r : append(&i->enabled, e, true);
}

static bool is_call(const struct instance_event *e) {
        return strcmp(e->event.system, CALLS) == 0;
}

int instance_try_prints(struct instance *i) {
        int r = write_event(i, &prints.event, "enable", "1");

        i->prints = r >= 0;
        return r;
}

/* From now on it is on if it is in the list. */
static int settle_prints(struct instance *i) {
        bool wanted = find(&i->enabled, &prints.event);

        i->had_prints |= wanted;
        if (!i->prints)
                return 0;
        i->prints = false;
        return wanted ? 0 : write_event(i, &prints.event, "enable", "0");
}

/* Whether they all are to be added, as they are. */
static bool are_all_calls(const struct instance_list *added) {
        size_t n = 0;

        for (size_t k = 0; k < added->n; k++)
                n += is_call(&added->items[k]) && !added->items[k].filter;
        return n > 0 && n == added->n_calls;
}

int instance_enable(struct instance *i, const struct instance_list *added, size_t *ret_refused) {
        bool at_once = i->off && i->calls >= 0 && are_all_calls(added);
        int r = 0;

        *ret_refused = 0;
        if (at_once && write(i->calls, "1", 1) != 1)
                return -errno;
        i->had_calls |= at_once;
        for (size_t k = 0; k < added->n && r >= 0; k++)
                r = at_once && is_call(&added->items[k]) ? append(&i->enabled, &added->items[k], true)
                                                         : enable_event(i, &added->items[k], ret_refused);
        return r < 0 ? r : settle_prints(i);
}

int instance_try_filters(struct instance *i, const struct instance_list *events, size_t *ret_refused) {
        int r;

        *ret_refused = 0;
        for (size_t k = 0; k < events->n; k++) {
                r = write_event(i, &events->items[k].event, "filter", events->items[k].filter);
                if (r == -EINVAL)
                        (*ret_refused)++;
                else if (r < 0)
                        return r;
        }
        return 0;
}

int instance_discard(int tracefs, const char *name) {
        char path[INSTANCE_NAME_MAX + 32];

        snprintf(path, sizeof(path), "instances/%s/events/enable", name);
        (void) tracefs_write(tracefs, path, "0");
        return instance_remove(tracefs, name);
}

void instance_filter_error(const struct instance *i, char *ret, size_t size) {
        _cleanup_free_ char *text = NULL;
        size_t n;

        *ret = '\0';
        if (tracefs_read(i->dir, "error_log", &text, &n) >= 0)
                kernel_filter_error(text, ret, size);
}

/* The name is the first line. */
static int rename_event(const struct instance_event *e, char **text, size_t *size) {
        char label[PROBE_NAME_MAX + 16];
        char *end = strchr(*text, '\n'), *renamed;
        int r;

        if (!end || strncmp(*text, "name:", 5) != 0)
                return -EBADMSG;
        kernel_probe_label(&e->event, e->probe, label, sizeof(label));
        r = asprintf(&renamed, "name: %s%s", label, end);
        if (r < 0)
                return -ENOMEM;
        free(*text);
        *text = renamed;
        *size = (size_t) r;
        return 0;
}

static void write_description(const struct instance_event *e, const char *text, size_t size, FILE *f) {
        fprintf(f, "@ %s %s %zu\n", e->event.system, e->event.name, size);
        fwrite(text, size, 1, f);
}

int instance_describe(const struct instance *i, struct formats *formats, const struct instance_event *e, FILE *f) {
        const char *system = e->event.system, *name = e->event.name;
        const struct format *known = e->probe ? NULL : formats_find(formats, system, name);
        _cleanup_free_ char *text = NULL;
        char path[PATH_SIZE];
        size_t size;
        int r;

        if (known) {
                write_description(e, known->text, known->size, f);
                return 0;
        }
        if (strcmp(system, "events") == 0)
                snprintf(path, sizeof(path), "events/%s", name);
        else
                snprintf(path, sizeof(path), "events/%s/%s/format", system, name);
        r = tracefs_read(i->dir, path, &text, &size);
        if (r >= 0 && e->probe)
                r = rename_event(e, &text, &size);
        if (r < 0)
                return r;
        write_description(e, text, size, f);
        return 0;
}
