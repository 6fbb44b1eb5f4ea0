/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>

#include "service/bus/applied.h"
#include "service/bus/bus.h"
#include "service/bus/errors.h"
#include "service/bus/kernel-bus.h"
#include "service/bus/options.h"
#include "service/bus/target-bus.h"

/* What an EnableEvent says. */
struct request {
        const char *domain, *channel;
        struct selector_options selection;
        struct target_request target;
        char **exclude;
        int file; /* the message's; -1: none */
        bool own; /* events of the kernel for the session's owner's processes alone */
};

static void request_done(struct request *q) {
        strings_free(q->exclude);
}

static int read_request(sd_bus_message *m, struct request *q, sd_bus_error *error) {
        const struct option options[] = {
                { "exclude", 'a', &q->exclude },
                { "file", 'h', &q->file },
                { "filter", 's', &q->selection.filter },
                { "kind", 's', &q->selection.kind },
                { "loglevel", 's', &q->selection.loglevel },
                { "loglevel-only", 's', &q->selection.loglevel_only },
                { "probe", 's', &q->selection.probe },
                { "strings", 's', &q->selection.strings },
                TARGET_BUS_OPTIONS(q->target),
        };
        int r;

        r = sd_bus_message_read(m, "sss", &q->domain, &q->channel, &q->selection.pattern);
        if (r >= 0)
                r = bus_read_options(m, options, ARRAY_SIZE(options), error);
        q->selection.exclude = q->exclude;
        return r < 0 ? r : bus_read_domain(q->domain, &q->selection.kernel, error);
}

static int check_file(const struct request *q, sd_bus_error *error) {
        struct failure failure;

        if (q->file < 0 || q->selection.probe)
                return 0;
        fail(&failure, FAILURE_INVALID_OPTION, "'%.200s' sets no probe; leave 'file' away, or say by 'probe' where.",
             q->selection.pattern);
        return error_set(error, &failure);
}

struct rule_request {
        struct session *session;
        const char *channel;
        struct selector *selector;
        struct rule *rule;
};

static int enable_event(void *userdata, struct failure *failure) {
        struct rule_request *q = userdata;

        return session_enable_event(q->session, q->channel, q->selector, &q->rule, failure);
}

/* 1, or as bus_authorize(). */
static int make_selector(struct bus *b, sd_bus_message *m, const struct session *s, struct request *q,
                         struct selector **ret, sd_bus_error *error) {
        _cleanup_(selector_unrefp) struct selector *selector = NULL;
        struct failure failure;
        int r;

        r = target_resolve(&q->target, s->owner, &q->selection.target, &failure);
        q->selection.target.own = q->own;
        if (r >= 0 && q->own && q->selection.target.uid != TARGET_ANY_UID)
                r = fail(&failure, FAILURE_ACCESS_DENIED, "Process %u is not a process of user %u, and the right to "
                         "one's own processes is all that you have (org.tracectl.tracing1.kernel-own); ask the "
                         "administrator for org.tracectl.tracing1.kernel-system.", q->target.pid, (unsigned) s->owner);
        if (r >= 0)
                r = selector_new(&q->selection, &selector, &failure);
        if (r < 0)
                return error_set(error, &failure);
        r = target_authorize(b, m, &selector->target, s->owner, s->name, error);
        if (r > 0)
                *ret = TAKE_PTR(selector);
        return r;
}

int session_method_enable_event(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(request_done) struct request q = { .target = TARGET_REQUEST_NONE, .file = -1 };
        _cleanup_(selector_unrefp) struct selector *selector = NULL;
        _cleanup_free_ char *path = NULL;
        struct session *s = userdata;
        struct question question = { ACTION_CONTROL, s->owner, .session = s->name };
        struct bus *b = bus_of(s->manager, m);
        struct rule_request wanted = { .session = s };
        int r;

        r = read_request(m, &q, error);
        if (r < 0)
                return r;
        question.domain = q.domain;
        question.pattern = q.selection.pattern;
        r = check_file(&q, error);
        if (r >= 0)
                r = bus_authorize(b, m, &question, error);
        if (r > 0 && q.selection.kernel && !q.selection.probe)
                r = kernel_authorize(b, m, s, q.selection.pattern, q.target.pid != 0, &q.own, error);
        if (r > 0)
                r = make_selector(b, m, s, &q, &selector, error);
        if (r > 0 && selector->probe.kind != PROBE_NONE)
                r = kernel_probe_authorize(b, m, s, selector, q.file, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        if (selector->kernel)
                return kernel_event_enable(m, s, q.channel, selector, q.file, error);
        wanted.channel = q.channel;
        wanted.selector = selector;
        r = bus_act(b, m, s->owner, s->name, enable_event, &wanted, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        r = event_path(wanted.rule, &path);
        if (r < 0)
                return r;
        return bus_reply_when_applied(m, s, path, false);
}

/* What DisableEvent and RemoveEvent have in common. */
static int change_event(sd_bus_message *m, struct session *s,
                        int (*change)(struct session *s, struct rule *rule, struct failure *failure),
                        sd_bus_error *error) {
        struct bus *b = bus_of(s->manager, m);
        void *rule = NULL;
        struct failure failure;
        const char *path;
        bool kernel;
        int r;

        r = sd_bus_message_read(m, "o", &path);
        if (r < 0)
                return r;
        r = bus_read_options(m, NULL, 0, error);
        if (r < 0)
                return r;
        r = bus_authorize(b, m, &(struct question) { ACTION_CONTROL, s->owner, .session = s->name }, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        r = event_find(b->bus, path, BUS_INTERFACE("Event"), b, &rule, error);
        if (r < 0)
                return r;
        if (r == 0 || ((struct rule *) rule)->session != s) {
                fail(&failure, FAILURE_NO_SUCH_EVENT,
                     "Session '%s' has no event rule '%.200s'; pass a path that EnableEvent has returned.", s->name,
                     path);
                return error_set(error, &failure);
        }
        kernel = ((struct rule *) rule)->selector->kernel; /* which may be gone after this */
        r = change(s, rule, &failure);
        return r < 0 ? error_set(error, &failure) : bus_reply_when_applied(m, s, NULL, kernel);
}

int session_method_disable_event(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return change_event(m, userdata, session_disable_event, error);
}

int session_method_remove_event(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return change_event(m, userdata, session_remove_event, error);
}
