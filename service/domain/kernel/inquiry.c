/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "common/parse.h"
#include "protocol/kernel-own-events.h"
#include "service/domain/kernel/filter.h"
#include "service/domain/kernel/internal.h"
#include "service/domain/kernel/tracefs.h"

#define YOUNG_SEC 60 /* an instance that may be in the making */

/* What is asked of the kernel without recording anything; and what an earlier tracingd has left there. */

struct check {
        struct worker_job job;
        struct kernel_domain *domain;
        struct selector *selector;
        struct failure failure;
        bool failed;
        kernel_done_t done;
        void *userdata;
};

/* In an instance that nothing is recorded in. */
static int check_filter(struct kernel_domain *d, const struct selector *s, const struct instance_list *events,
                        struct failure *failure) {
        char name[INSTANCE_NAME_MAX], said[160];
        const struct instance_config config = {
                .name = name,
                .subbuf_size = 4096,
                .buffer_size = 4096,
                .clock = d->user->clock,
        };
        struct instance *i;
        size_t refused;
        int r;

        snprintf(name, sizeof(name), "tracectl-%s-check", d->id);
        r = instance_new(d->tracefs, &config, &i);
        if (r < 0)
                return fail(failure, FAILURE_KERNEL, "The filter cannot be tried in the kernel: %s.", strerror(-r));
        r = instance_try_filters(i, events, &refused);
        if (r < 0)
                fail(failure, FAILURE_KERNEL, "The filter cannot be tried in the kernel: %s.", strerror(-r));
        else if (refused == events->n) {
                instance_filter_error(i, said, sizeof(said));
                r = fail(failure, FAILURE_INVALID_OPTION, "The kernel refuses the filter '%.150s' of '%.100s'%s%s.",
                         events->items[0].filter, s->pattern, *said ? " " : "", said);
        }
        instance_free(i);
        (void) instance_remove(d->tracefs, name);
        return r;
}

bool kernel_event_permitted(const struct kernel_event *e, const struct selector *s) {
        return !s->target.own || kernel_own_has(e->system, e->name, s->filter);
}

static int fail_permission(const struct selector *s, struct failure *failure) {
        if (s->filter)
                return fail(failure, FAILURE_ACCESS_DENIED, "A filter of '%.100s' could tell of other users' processes; "
                            "of your own ones, only system calls, page_fault_user and signal_deliver have filters. "
                            "Leave it away, or ask the administrator for org.tracectl.tracing1.kernel-system.",
                            s->pattern);
        return fail(failure, FAILURE_ACCESS_DENIED, "'%.100s' is no event of your own processes alone; these are: "
                    KERNEL_OWN_EVENT_NAMES ". For others ask the administrator for "
                    "org.tracectl.tracing1.kernel-system.", s->pattern);
}

static int check_events(struct kernel_domain *d, const struct kernel_events *all, const struct selector *s,
                        const char *group, const char *filter, struct failure *failure) {
        struct instance_list events = { .items = calloc(all->n + 1, sizeof(*events.items)) };
        bool found = false;
        int r = 0;

        if (!events.items)
                return fail_memory(failure);
        for (size_t k = 0; k < all->n; k++)
                if (kernel_event_selected(&all->items[k], s) ||
                    (group && kernel_probe_selected(&all->items[k], group, s))) {
                        found = true;
                        if (kernel_event_permitted(&all->items[k], s))
                                events.items[events.n++] =
                                        (struct instance_event) { .event = all->items[k], .filter = filter };
                }
        if (found && events.n == 0)
                r = fail_permission(s, failure);
        else if (!found)
                r = fail(failure, FAILURE_NO_SUCH_EVENT, "The kernel has no %s '%.200s'; see: tracectl list "
                         "--kernel --events.", s->kind == SELECTOR_SYSCALL ? "system call" : "event", s->pattern);
        else if (filter)
                r = check_filter(d, s, &events, failure);
        free(events.items);
        return r;
}

int kernel_check_rule(struct kernel_domain *d, const struct selector *s, const char *group, struct failure *failure) {
        _cleanup_free_ char *filter = NULL;
        struct kernel_events all;
        int r = 0;

        if (s->filter)
                r = kernel_filter_translate(s->filter, &filter, failure);
        if (r < 0)
                return r;
        if (kernel_rule_is_known(d, s))
                return 0;
        r = kernel_events_read(d->tracefs, &all);
        if (r < 0)
                return fail(failure, FAILURE_KERNEL, "The kernel's events cannot be listed: %s.", strerror(-r));
        r = check_events(d, &all, s, group, filter, failure);
        kernel_events_done(&all);
        return r;
}

static bool run_check(struct worker_job *job) {
        struct check *c = CONTAINER_OF(job, struct check, job);

        c->failed = kernel_check_rule(c->domain, c->selector, NULL, &c->failure) < 0;
        return false;
}

static void end_check(struct worker_job *job) {
        struct check *c = CONTAINER_OF(job, struct check, job);

        c->done(c->failed ? &c->failure : NULL, c->userdata);
        selector_unref(c->selector);
        free(c);
}

int kernel_domain_check(struct kernel_domain *d, struct selector *selector, kernel_done_t done, void *userdata) {
        struct check *c = calloc(1, sizeof(*c));

        if (!c)
                return -ENOMEM;
        *c = (struct check) {
                .job = { .run = run_check, .done = end_check },
                .domain = d,
                .selector = selector_ref(selector),
                .done = done,
                .userdata = userdata,
        };
        worker_submit(d->worker, &c->job);
        return 0;
}

struct listing_job {
        struct worker_job job;
        struct kernel_domain *domain;
        struct kernel_listed *items;
        size_t n;
        int error;
        kernel_listed_t done;
        void *userdata;
        char glob[];
};

static int list_event(struct listing_job *l, const struct kernel_event *e) {
        struct kernel_listed *item = &l->items[l->n];
        char path[320];
        size_t size;
        int r;

        snprintf(path, sizeof(path), "events/%s/%s/format", e->system, e->name);
        r = tracefs_read(l->domain->tracefs, path, &item->format, &size);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        if (asprintf(&item->name, "%s:%s", e->system, e->name) < 0) {
                free(item->format);
                return -ENOMEM;
        }
        l->n++;
        return 0;
}

static bool run_list(struct worker_job *job) {
        struct listing_job *l = CONTAINER_OF(job, struct listing_job, job);
        struct kernel_events all;

        l->error = kernel_events_read(l->domain->tracefs, &all);
        if (l->error < 0)
                return false;
        l->items = calloc(all.n + 1, sizeof(*l->items));
        if (!l->items)
                l->error = -ENOMEM;
        for (size_t k = 0; k < all.n && l->error >= 0; k++)
                if (kernel_event_matches(&all.items[k], l->glob) && !kernel_probe_is_event(&all.items[k]))
                        l->error = list_event(l, &all.items[k]);
        kernel_events_done(&all);
        return false;
}

static void end_list(struct worker_job *job) {
        struct listing_job *l = CONTAINER_OF(job, struct listing_job, job);

        l->done(l->items, l->n, l->error, l->userdata);
        for (size_t k = 0; k < l->n; k++) {
                free(l->items[k].name);
                free(l->items[k].format);
        }
        free(l->items);
        free(l);
}

int kernel_domain_list(struct kernel_domain *d, const char *glob, kernel_listed_t done, void *userdata) {
        struct listing_job *l = calloc(1, sizeof(*l) + strlen(glob) + 1);

        if (!l)
                return -ENOMEM;
        l->job = (struct worker_job) { .run = run_list, .done = end_list };
        l->domain = d;
        l->done = done;
        l->userdata = userdata;
        strcpy(l->glob, glob);
        worker_submit(d->worker, &l->job);
        return 0;
}

/* Sessions that have been taken up again, as the owner and number of their instances begin. */
struct clean {
        struct worker_job job;
        struct kernel_domain *domain;
        uint64_t *keys;
        size_t n_keys;
};

static bool is_claimed(const struct clean *c, const char *name) {
        const char *number = strrchr(name, '-');
        uint64_t n;

        if (!number || parse_u64(number + 1, &n) < 0)
                return false;
        for (size_t k = 0; k < c->n_keys; k++)
                if (n / KERNEL_CHANNELS_OF_SESSION == c->keys[k])
                        return true;
        return false;
}

/* tracectl-ID-UID-NUMBER */
static bool is_of_a_service(const char *name) {
        size_t n = strlen("tracectl-");

        if (strncmp(name, "tracectl-", n) != 0 || strspn(name + n, "0123456789abcdef") != 16)
                return false;
        name += n + 16;
        for (int i = 0; i < 2; i++) {
                n = *name == '-' ? strspn(name + 1, "0123456789") : 0;
                if (n == 0)
                        return false;
                name += 1 + n;
        }
        return *name == '\0';
}

/*
 * Another service's, such as that of a container which is gone with its id. The kernel removes none of which somebody
 * has a file open, and of a living session its consumer has, or its systemd: but for the moment after it was made.
 */
static void remove_abandoned(int tracefs, int instances, const char *name) {
        struct timespec now;
        struct stat st;

        if (is_of_a_service(name) && clock_gettime(CLOCK_REALTIME, &now) >= 0 &&
            fstatat(instances, name, &st, AT_SYMLINK_NOFOLLOW) >= 0 && llabs(now.tv_sec - st.st_mtim.tv_sec) > YOUNG_SEC)
                (void) instance_remove(tracefs, name);
}

static bool run_clean(struct worker_job *job) {
        struct clean *c = CONTAINER_OF(job, struct clean, job);
        int fd = openat(c->domain->tracefs, "instances", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        char prefix[32];
        struct dirent *entry;
        bool busy = false;
        DIR *dir;

        dir = fd < 0 ? NULL : fdopendir(fd);
        if (!dir)
                return false;
        snprintf(prefix, sizeof(prefix), "tracectl-%s-", c->domain->id);
        while ((entry = readdir(dir)))
                if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
                        remove_abandoned(c->domain->tracefs, dirfd(dir), entry->d_name);
                else if (!is_claimed(c, entry->d_name))
                        busy |= instance_discard(c->domain->tracefs, entry->d_name) == -EBUSY;
        closedir(dir);
        return busy && job->tries < 1500;
}

static void end_clean(struct worker_job *job) {
        struct clean *c = CONTAINER_OF(job, struct clean, job);

        free(c->keys);
        free(c);
}

int kernel_domain_clean(struct kernel_domain *d) {
        struct clean *c;
        size_t n = 0;

        if (!d->worker)
                return 0;
        for (const struct kernel_recording *r = d->recordings; r; r = r->next)
                n++;
        c = calloc(1, sizeof(*c));
        if (!c)
                return -ENOMEM;
        *c = (struct clean) {
                .job = { .run = run_clean, .done = end_clean },
                .domain = d,
                .keys = calloc(n + 1, sizeof(*c->keys)),
        };
        if (!c->keys) {
                free(c);
                return -ENOMEM;
        }
        for (const struct kernel_recording *r = d->recordings; r; r = r->next)
                c->keys[c->n_keys++] = r->config.key;
        worker_submit(d->worker, &c->job);
        return 0;
}
