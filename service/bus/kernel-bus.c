/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "service/bus/applied.h"
#include "service/bus/errors.h"
#include "service/bus/kernel-bus.h"
#include "service/domain/kernel/kernel.h"
#include "service/model/session-kernel.h"

/* An EnableEvent while the kernel is asked. */
struct enabling {
        struct manager *manager;
        sd_bus_message *message;
        uint64_t session; /* its key */
        struct selector *selector;
        char channel[];
};

static void enabling_free(struct enabling *e) {
        selector_unref(e->selector);
        sd_bus_message_unref(e->message);
        free(e);
}

/* The sessions of a manager that is going are gone before their callers hear of it. */
static struct session *find_session(const struct enabling *e) {
        for (struct session *s = e->manager->sessions; s; s = s->next)
                if (s->key == e->session)
                        return s;
        return NULL;
}

static void refuse(struct enabling *e, const struct failure *failure) {
        struct bus *b = bus_of(e->manager, e->message);

        if (b)
                bus_reply_failure(b, sd_bus_message_ref(e->message), failure);
        enabling_free(e);
}

/* The session has another owner, or none, or the like: all as if it were asked now. */
static int enable(struct enabling *e, struct failure *failure) {
        _cleanup_free_ char *path = NULL;
        struct session *s = find_session(e);
        struct rule *rule;
        int r;

        if (!s)
                return fail(failure, FAILURE_NO_SUCH_SESSION, "The session is gone.");
        r = session_enable_event(s, e->channel, e->selector, &rule, failure);
        if (r < 0)
                return r;
        if (event_path(rule, &path) < 0 || bus_reply_when_applied(e->message, s, path, true) < 0)
                return fail_memory(failure);
        enabling_free(e);
        return 0;
}

static void on_checked(const struct failure *refusal, void *userdata) {
        struct enabling *e = userdata;
        struct failure failure;

        if (refusal)
                refuse(e, refusal);
        else if (enable(e, &failure) < 0)
                refuse(e, &failure);
}

int kernel_authorize(struct bus *b, sd_bus_message *m, const struct session *s, const char *pattern, bool may_own,
                     bool *ret_own, sd_bus_error *error) {
        struct question question = {
                .action = ACTION_KERNEL,
                .owner = OWNER_ANY,
                .session = s->name,
                .domain = "kernel",
                .pattern = pattern,
        };
        int r;

        *ret_own = false;
        r = bus_require_kernel(b, error);
        if (r < 0)
                return r;
        /* To root nobody is another user. */
        if (!may_own || s->owner == 0)
                return bus_authorize(b, m, &question, error);
        question.quiet = question.tentative = true;
        r = bus_authorize(b, m, &question, error);
        if (r >= 0)
                return r;
        sd_bus_error_free(error);
        question.action = ACTION_KERNEL_OWN;
        question.quiet = question.tentative = false;
        *ret_own = true;
        return bus_authorize(b, m, &question, error);
}

/* The rule says a path; what it means to the sender, and whether he may read it, only his own open file shows. */
static int check_file(struct bus *b, sd_bus_message *m, const struct selector *selector, int file,
                      sd_bus_error *error) {
        struct failure failure;
        uid_t uid;
        int r;

        if (!selector->probe.path) {
                if (file < 0)
                        return 1;
                fail(&failure, FAILURE_INVALID_OPTION, "'%.200s' is in the kernel; leave 'file' away.",
                     selector->probe.text);
                return error_set(error, &failure);
        }
        if (file >= 0)
                return 1;
        r = bus_caller(b, m, &uid, error);
        if (r < 0 || uid == 0)
                return r < 0 ? r : 1;
        fail(&failure, FAILURE_INVALID_OPTION, "The service opens no programs on your behalf: pass '%.200s', open for "
             "reading, as option 'file' (h); tracectl enable-event does so.", selector->probe.path);
        return error_set(error, &failure);
}

int kernel_authorize_rule(struct bus *b, sd_bus_message *m, const char *session, const char *pattern,
                          sd_bus_error *error) {
        int r = bus_require_kernel(b, error);

        return r < 0 ? r : bus_authorize(b, m, &(struct question) { .action = ACTION_KERNEL, .owner = OWNER_ANY,
                                                                    .session = session, .domain = "kernel",
                                                                    .pattern = pattern }, error);
}

int kernel_probe_authorize(struct bus *b, sd_bus_message *m, const struct session *s, const struct selector *selector,
                           int file, sd_bus_error *error) {
        struct question question = {
                .action = ACTION_PROBE,
                .owner = OWNER_ANY,
                .session = s->name,
                .domain = "kernel",
                .pattern = selector->probe.text,
        };
        int r;

        r = bus_require_kernel(b, error);
        if (r < 0)
                return r;
        r = bus_authorize(b, m, &question, error);
        question.action = ACTION_MEMORY;
        if (r > 0 && selector->probe.strings)
                r = bus_authorize(b, m, &question, error);
        return r > 0 ? check_file(b, m, selector, file, error) : r;
}

int kernel_event_enable(sd_bus_message *m, struct session *s, const char *channel, struct selector *selector, int file,
                        sd_bus_error *error) {
        const struct kernel_probe_owner owner = { s->owner, s->key };
        struct enabling *e = calloc(1, sizeof(*e) + strlen(channel) + 1);
        int r;

        if (!e)
                return -ENOMEM;
        e->manager = s->manager;
        e->message = sd_bus_message_ref(m);
        e->session = s->key;
        e->selector = selector_ref(selector);
        strcpy(e->channel, channel);
        if (selector->probe.kind != PROBE_NONE)
                r = kernel_domain_probe(s->manager->kernel, &owner, selector, file, on_checked, e);
        else
                r = kernel_domain_check(s->manager->kernel, selector, on_checked, e);
        if (r < 0)
                enabling_free(e);
        return r < 0 ? r : 1;
}

struct listing_kernel {
        struct manager *manager;
        sd_bus_message *message;
};

/* "field:char next_comm[16];" up to the semicolon: the name, and the type with what follows the name. */
static int append_field(sd_bus_message *reply, const char *text, size_t n) {
        char type[128], name[128];
        size_t end = n, begin;

        if (n >= sizeof(type))
                return 0;
        while (end > 0 && text[end - 1] != '[' && memchr(text, '[', n))
                end--;
        end = end < n && end > 0 ? end - 1 : n;
        for (begin = end; begin > 0 && text[begin - 1] != ' '; begin--)
                ;
        if (begin == 0 || strncmp(text + begin, "common_", 7) == 0)
                return 0;
        snprintf(name, sizeof(name), "%.*s", (int) (end - begin), text + begin);
        snprintf(type, sizeof(type), "%.*s%.*s", (int) (begin - 1), text, (int) (n - end), text + end);
        return sd_bus_message_append(reply, "(ss)", name, type);
}

static int append_fields(sd_bus_message *reply, const char *format) {
        int r = 0;

        while (r >= 0 && (format = strstr(format, "\tfield:"))) {
                size_t n;

                format += strlen("\tfield:");
                n = strcspn(format, ";\n");
                r = append_field(reply, format, n);
                format += n;
        }
        return r;
}

static int append_event(sd_bus_message *reply, const struct kernel_listed *event) {
        int r;

        r = sd_bus_message_open_container(reply, 'r', "sssa{sv}");
        if (r >= 0)
                r = sd_bus_message_append(reply, "sss", "kernel", event->name, "");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", "fields");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', "a(ss)");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(ss)");
        if (r >= 0)
                r = append_fields(reply, event->format);
        for (int i = 0; i < 5 && r >= 0; i++)
                r = sd_bus_message_close_container(reply);
        return r;
}

static int append_events(sd_bus_message *reply, const struct kernel_listed *events, size_t n) {
        int r;

        r = sd_bus_message_open_container(reply, 'a', "(sssa{sv})");
        for (size_t i = 0; i < n && r >= 0; i++)
                r = append_event(reply, &events[i]);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static void on_listed(const struct kernel_listed *events, size_t n, int error, void *userdata) {
        struct listing_kernel *l = userdata;
        struct bus *b = bus_of(l->manager, l->message);
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r = error;

        if (r >= 0)
                r = sd_bus_message_new_method_return(l->message, &reply);
        if (r >= 0)
                r = append_events(reply, events, n);
        if (b && r >= 0)
                bus_reply(b, l->message, reply);
        else {
                if (b)
                        (void) sd_bus_reply_method_errno(l->message, r, NULL);
                sd_bus_message_unref(l->message);
        }
        free(l);
}

int kernel_events_list(struct bus *b, sd_bus_message *m, const char *glob, sd_bus_error *error) {
        struct listing_kernel *l;
        struct failure failure;
        int r;

        r = b->manager->kernel ? kernel_domain_require(b->manager->kernel, &failure)
                               : fail(&failure, FAILURE_KERNEL, "This tracingd does not trace the kernel.");
        if (r < 0)
                return error_set(error, &failure);
        l = malloc(sizeof(*l));
        if (!l)
                return -ENOMEM;
        *l = (struct listing_kernel) { b->manager, sd_bus_message_ref(m) };
        r = kernel_domain_list(b->manager->kernel, *glob ? glob : "*", on_listed, l);
        if (r < 0) {
                sd_bus_message_unref(m);
                free(l);
        }
        return r < 0 ? r : 1;
}
