/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/parse.h"
#include "service/bus/bus.h"
#include "service/bus/errors.h"
#include "service/bus/kernel-bus.h"
#include "service/bus/options.h"
#include "service/bus/target-bus.h"
#include "service/model/operation.h"
#include "service/model/profile.h"
#include "service/model/session-kernel.h"

struct apply_options {
        const char *name;
        int dry_run, start, persistent; /* -1: not given */
};

/* What is in tracingd's own user's files is for that user, and for root. */
static int check_own(uid_t caller, const char *what, struct failure *failure) {
        if (caller == 0 || caller == getuid())
                return 0;
        return fail(failure, FAILURE_ACCESS_DENIED, "%s is for the administrator; pass the text of a profile of yours "
                    "instead.", what);
}

static int parse(const char *name, const char *text, struct profile **ret, struct failure *failure) {
        _cleanup_(profile_freep) struct profile *p = NULL;
        char source[sizeof("Profile ''") + MODEL_NAME_MAX] = "The profile";
        int r;

        if (*name && !name_is_valid(name))
                return fail(failure, FAILURE_INVALID_NAME,
                            "'%.100s' is no name for a profile: use 1 to 64 letters, digits, '_', '.' and '-', the "
                            "first no '.' and no '-'.", name);
        if (*name)
                snprintf(source, sizeof(source), "Profile '%s'", name);
        if (profile_new(name, &p) < 0)
                return fail_memory(failure);
        r = profile_parse(p, text, source, failure);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(p);
        return 0;
}

static int get_profile(struct bus *b, uid_t caller, const char *text, const struct apply_options *o,
                       struct profile **ret, struct failure *failure) {
        _cleanup_(profile_freep) struct profile *p = NULL;
        int r;

        if (*text)
                r = parse(o->name, text, &p, failure);
        else if (*o->name) {
                r = check_own(caller, "A profile of the system", failure);
                if (r >= 0)
                        r = profile_load(&b->manager->profile_places, o->name, &p, failure);
        } else
                r = fail(failure, FAILURE_INVALID_OPTION,
                         "There is no profile to apply; pass its text, or its name as option name.");
        if (r >= 0 && o->persistent >= 0)
                r = check_own(caller, "Option persistent", failure);
        if (r >= 0)
                r = profile_check(p, failure);
        if (r < 0)
                return r;
        if (o->start >= 0)
                p->start = o->start;
        *ret = TAKE_PTR(p);
        return 0;
}

static int append_value(sd_bus_message *m, const char *key, const char *value, const struct strings *list) {
        int r;

        if (!value && !list)
                return 0;
        if (value)
                return sd_bus_message_append(m, "{sv}", key, "s", value);
        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", key);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "s");
        for (size_t i = 0; i < list->n && r >= 0; i++)
                r = sd_bus_message_append(m, "s", list->items[i]);
        for (int i = 0; i < 3 && r >= 0; i++)
                r = sd_bus_message_close_container(m);
        return r;
}

static int append_side(sd_bus_message *m, const struct profile_change *changes, bool before) {
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        for (const struct profile_change *c = changes; c && r >= 0; c = c->next)
                r = append_value(m, c->key, before ? c->before : c->after, before ? c->before_list : c->after_list);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int new_reply(sd_bus_message *m, const struct profile_change *changes, sd_bus_message **ret) {
        int r;

        r = sd_bus_message_new_method_return(m, ret);
        if (r >= 0)
                r = sd_bus_message_append(*ret, "b", (int) !!changes);
        if (r >= 0)
                r = append_side(*ret, changes, true);
        return r < 0 ? r : append_side(*ret, changes, false);
}

/* An ApplyProfile whose session is being started, or whose rules are on their way to applications. */
struct applying {
        struct manager *manager;
        sd_bus_message *message;
        struct profile_change *changes;
        struct session *session; /* while the kernel is told; it does not go before */
};

static struct applying *applying_free(struct applying *a) {
        if (!a)
                return NULL;
        sd_bus_message_unref(a->message);
        profile_changes_free(a->changes);
        free(a);
        return NULL;
}
DEFINE_CLEANUP(struct applying *, applying_free)

static void finish(struct applying *applying, const struct failure *failure) {
        _cleanup_(applying_freep) struct applying *a = applying;
        struct bus *b = bus_of(a->manager, a->message);
        sd_bus_message *reply = NULL;

        /* The bus may be gone, and with it whoever has asked. */
        if (b && failure)
                bus_reply_failure(b, sd_bus_message_ref(a->message), failure);
        else if (b && new_reply(a->message, a->changes, &reply) >= 0)
                bus_reply(b, sd_bus_message_ref(a->message), reply);
        sd_bus_message_unref(reply);
}

static void on_started(const struct operation_result *result, void *userdata) {
        finish(userdata, result->failure);
}

static void on_applied(uint32_t pending, void *userdata) {
        finish(userdata, NULL);
}

static int await_applications(struct session *s, struct applying *a, struct failure *failure) {
        struct manager *manager = a->manager;
        struct waiter *waiter;

        return waiter_new(manager, session_scope(s), manager_generation(manager), OPERATION_APPLIED_USEC, on_applied, a,
                          &waiter) < 0 ? fail_memory(failure) : 0;
}

static void on_kernel_applied(const struct failure *refusal, void *userdata) {
        struct applying *a = userdata;
        struct failure failure;

        if (refusal)
                finish(a, refusal);
        else if (await_applications(a->session, a, &failure) < 0)
                finish(a, &failure);
}

static void on_kernel_gone(void *userdata) {
        struct failure failure;

        fail(&failure, FAILURE_NO_SUCH_SESSION, "The session is gone.");
        finish(userdata, &failure);
}

static int await_change(struct session *s, struct applying *a, struct failure *failure) {
        if (!session_has_kernel(s))
                return await_applications(s, a, failure);
        a->session = s;
        return session_kernel_apply(s, true, on_kernel_applied, on_kernel_gone, a) < 0 ? fail_memory(failure) : 0;
}

/* Takes the result's changes. Nothing of it is left to the caller but a failure. */
static int reply_when_done(struct bus *b, sd_bus_message *m, struct profile_result *result, struct failure *failure) {
        struct session *s = result->session;
        struct applying *a;
        int r;

        a = malloc(sizeof(*a));
        if (!a) {
                profile_changes_free(result->changes);
                return fail_memory(failure);
        }
        *a = (struct applying) { b->manager, sd_bus_message_ref(m), TAKE_PTR(result->changes), NULL };
        if (result->start)
                r = session_start(s, on_started, a, failure);
        else if (a->changes && s && s->state == SESSION_ACTIVE)
                r = await_change(s, a, failure);
        else {
                finish(a, NULL);
                return 0;
        }
        if (r < 0)
                applying_free(a);
        return r;
}

/* All targets that its events have: 1, or as bus_authorize(). */
static int authorize_targets(struct bus *b, sd_bus_message *m, const struct profile *p, uid_t owner,
                             sd_bus_error *error) {
        int r = 1;

        for (const struct profile_channel *c = p->channels; c; c = c->next)
                for (size_t i = 0; i < c->events.n + c->disabled.n && r > 0; i++) {
                        const struct selector *s = i < c->events.n ? c->events.items[i]
                                                                   : c->disabled.items[i - c->events.n];

                        r = s->kernel ? kernel_authorize_rule(b, m, profile_session_name(p), s->pattern, error)
                                      : target_authorize(b, m, &s->target, owner, profile_session_name(p), error);
                }
        return r;
}

struct applied_profile {
        struct manager *manager;
        struct profile_request request;
        struct profile_result result;
};

static int act_apply(void *userdata, struct failure *failure) {
        struct applied_profile *a = userdata;

        return profile_apply(a->manager, &a->request, &a->result, failure);
}

/* As bus_authorize(). */
static int apply(struct bus *b, sd_bus_message *m, uid_t caller, struct profile *p, const struct apply_options *o,
                 sd_bus_error *error) {
        const bool persistent = o->persistent > 0;
        struct applied_profile a = {
                .manager = b->manager,
                .request = {
                        .profile = p,
                        .owner = caller,
                        .dry_run = o->dry_run > 0,
                        .persistent = o->persistent >= 0 ? &persistent : NULL,
                },
        };
        struct failure failure;
        int r;

        r = bus_act(b, m, caller, profile_session_name(p), act_apply, &a, error);
        if (r <= 0)
                return r;
        /* A dry run has nobody to wait for. */
        if (a.request.dry_run)
                a.result.session = NULL;
        r = reply_when_done(b, m, &a.result, &failure);
        return r < 0 ? error_set(error, &failure) : 1;
}

/* An ApplyProfile while the kernel is asked about its rules, one after the other. */
struct checking {
        struct manager *manager;
        sd_bus_message *message;
        struct profile *profile;
        struct apply_options options;
        uid_t caller;
        size_t n; /* rules that were asked about */
};

static struct checking *checking_free(struct checking *c) {
        if (!c)
                return NULL;
        sd_bus_message_unref(c->message);
        profile_free(c->profile);
        free(c);
        return NULL;
}
DEFINE_CLEANUP(struct checking *, checking_free)

static struct selector *kernel_rule(const struct profile *p, size_t n) {
        for (const struct profile_channel *c = p->channels; c; c = c->next)
                for (size_t i = 0; i < c->events.n + c->disabled.n && c->kernel; i++)
                        if (n-- == 0)
                                return i < c->events.n ? c->events.items[i] : c->disabled.items[i - c->events.n];
        return NULL;
}

/* Whoever has asked may be gone, or have no right any more to go beyond his limits: that is asked for at once alone. */
static void apply_checked(struct checking *checking) {
        _cleanup_(checking_freep) struct checking *c = checking;
        const bool persistent = c->options.persistent > 0;
        const struct profile_request request = {
                .profile = c->profile,
                .owner = c->caller,
                .dry_run = c->options.dry_run > 0,
                .persistent = c->options.persistent >= 0 ? &persistent : NULL,
        };
        struct bus *b = bus_of(c->manager, c->message);
        struct profile_result result = { 0 };
        struct failure failure;
        int r;

        if (!b)
                return;
        r = profile_apply(c->manager, &request, &result, &failure);
        if (request.dry_run)
                result.session = NULL;
        if (r >= 0)
                r = reply_when_done(b, c->message, &result, &failure);
        if (r < 0)
                bus_reply_failure(b, sd_bus_message_ref(c->message), &failure);
}

static void on_checked(const struct failure *refusal, void *userdata) {
        struct checking *c = userdata;
        struct selector *rule = refusal ? NULL : kernel_rule(c->profile, c->n++);
        struct bus *b = bus_of(c->manager, c->message);
        struct failure failure;

        if (rule && kernel_domain_check(c->manager->kernel, rule, on_checked, c) >= 0)
                return;
        if (!rule && !refusal) {
                apply_checked(c);
                return;
        }
        if (rule)
                fail_memory(&failure);
        if (b)
                bus_reply_failure(b, sd_bus_message_ref(c->message), refusal ?: &failure);
        checking_free(c);
}

/* Takes the profile. */
static int check_kernel(struct bus *b, sd_bus_message *m, uid_t caller, struct profile **p,
                        const struct apply_options *o) {
        struct checking *c = malloc(sizeof(*c));

        if (!c)
                return -ENOMEM;
        *c = (struct checking) { b->manager, sd_bus_message_ref(m), TAKE_PTR(*p), *o, caller, 0 };
        c->options.name = NULL; /* the message's */
        on_checked(NULL, c);
        return 1;
}

int manager_method_apply_profile(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct apply_options o = { .name = "", .dry_run = -1, .start = -1, .persistent = -1 };
        const struct option options[] = {
                { "name", 's', &o.name },
                { "dry-run", 'b', &o.dry_run },
                { "start", 'b', &o.start },
                { "persistent", 'b', &o.persistent },
        };
        _cleanup_(profile_freep) struct profile *p = NULL;
        struct bus *b = userdata;
        struct failure failure;
        const char *text;
        uid_t caller;
        int r;

        r = sd_bus_message_read(m, "s", &text);
        if (r < 0)
                return r;
        r = bus_read_options(m, options, ARRAY_SIZE(options), error);
        if (r < 0)
                return r;
        r = bus_caller(b, m, &caller, error);
        if (r < 0)
                return r;
        r = get_profile(b, caller, text, &o, &p, &failure);
        if (r < 0)
                return error_set(error, &failure);
        r = bus_authorize(b, m, &(struct question) { ACTION_TRACE, caller, .session = profile_session_name(p) }, error);
        if (r > 0)
                r = authorize_targets(b, m, p, caller, error);
        if (r > 0)
                r = kernel_rule(p, 0) ? check_kernel(b, m, caller, &p, &o) : apply(b, m, caller, p, &o, error);
        return r < 0 ? r : 1;
}

int session_method_dump(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(profile_freep) struct profile *p = NULL;
        _cleanup_free_ char *text = NULL;
        struct session *s = userdata;
        struct failure failure;
        int r;

        r = bus_authorize(bus_of(s->manager, m), m, &(struct question) { ACTION_LIST, s->owner, .session = s->name },
                          error);
        if (r <= 0)
                return r < 0 ? r : 1;
        r = profile_of_session(s, &p, &failure);
        if (r >= 0)
                r = profile_format(p, &text, &failure);
        return r < 0 ? error_set(error, &failure) : sd_bus_reply_method_return(m, "s", text);
}
