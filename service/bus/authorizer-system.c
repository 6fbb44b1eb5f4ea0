/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who may do what on the system bus: as polkit says. inquiry.h tells the way of a message. */

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/parse.h"
#include "service/bus/audit.h"
#include "service/bus/inquiry.h"

#define POLKIT_USEC UINT64_C(25000000)
#define PASSWORD_USEC UINT64_C(180000000)

/* Messages that polkit is asked about at the same time. */
#define INQUIRIES_MAX 512
#define INQUIRIES_PER_UID 16

/* A question that polkit has had for longer is waiting for somebody, and does not keep it busy. */
#define ASKING_USEC (100 * 1000)

/* Of what polkit is told in one detail. */
#define DETAIL_MAX 1024

struct system_authorizer {
        struct authorizer authorizer;
        sd_bus *bus;
        sd_bus *aside; /* by which questions go; it may be the same */
        struct callers *callers;
        struct audit *audit;
        sd_event_source *over; /* the dispatch of a message that was answered */
        sd_bus_slot *filter;
        struct inquiry *inquiries;
        uint64_t asked; /* questions so far */
        uint64_t polkit_usec, password_usec;
        bool details; /* polkit takes them from root alone */
};

static struct system_authorizer *of(struct authorizer *a) {
        return CONTAINER_OF(a, struct system_authorizer, authorizer);
}

static const char *action_id(enum action action, bool own) {
        static const char *const others[] = {
                [ACTION_LIST] = "org.tracectl.tracing1.list-others",
                [ACTION_TRACE] = "org.tracectl.tracing1.trace-others",
                [ACTION_CONTROL] = "org.tracectl.tracing1.control-others",
                [ACTION_READ] = "org.tracectl.tracing1.read-others",
                [ACTION_KERNEL] = "org.tracectl.tracing1.kernel-system",
                [ACTION_KERNEL_OWN] = "org.tracectl.tracing1.kernel-own",
                [ACTION_PROBE] = "org.tracectl.tracing1.kernel-probe",
                [ACTION_MEMORY] = "org.tracectl.tracing1.record-user-memory",
                [ACTION_EXCEED] = "org.tracectl.tracing1.exceed-limits",
        };

        return own ? "org.tracectl.tracing1.trace-own" : others[action];
}

static void tell(struct system_authorizer *a, sd_bus_message *m, uid_t caller, pid_t pid, const struct question *q,
                 enum audit_result result) {
        audit_write(a->audit, &(struct audit_record) {
                .question = q,
                .verb = sd_bus_message_get_member(m),
                .action = action_id(q->action, q->owner == caller),
                .caller = caller,
                .pid = pid,
                .result = result,
        });
}

static enum audit_result result_of(const struct inquiry *i) {
        switch (i->answers->polkit) {
        case POLKIT_YES:
                return AUDIT_ALLOWED;
        case POLKIT_ABSENT:
                return i->answers->question.owner == i->caller ? AUDIT_ALLOWED : AUDIT_NO_POLKIT;
        case POLKIT_CHALLENGE:
                return AUDIT_PASSWORD;
        case POLKIT_NO:
                return AUDIT_REFUSED;
        case POLKIT_FAILED:
                break;
        }
        return AUDIT_POLKIT_FAILED;
}

/* Of a tentative question, only what is no plain refusal. */
static void tell_answer(struct system_authorizer *a, const struct inquiry *i) {
        const struct question *q = &i->answers->question;
        enum audit_result result = result_of(i);

        if (!q->tentative || (result != AUDIT_REFUSED && result != AUDIT_PASSWORD))
                tell(a, i->message, i->caller, i->process.pid, q, result);
}

static void drop(struct system_authorizer *a, struct inquiry *i) {
        for (struct inquiry **p = &a->inquiries; *p; p = &(*p)->next)
                if (*p == i) {
                        *p = i->next;
                        break;
                }
        inquiry_free(i);
}

/* A message that came back is on its way: what was answered about it lasts until it has been handled. */
static struct inquiry *find(struct system_authorizer *a, sd_bus_message *m) {
        for (struct inquiry *i = a->inquiries; i; i = i->next)
                if (i->message == m) {
                        if (i->state == INQUIRY_QUEUED) {
                                i->state = INQUIRY_RUNNING;
                                (void) sd_event_source_set_enabled(a->over, SD_EVENT_ONESHOT);
                        }
                        return i;
                }
        return NULL;
}

/* Also finds those back that no method asks about any more, since their object is gone. */
static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        (void) find(userdata, m);
        return 0;
}

static int on_over(sd_event_source *source, void *userdata) {
        struct system_authorizer *a = userdata;

        for (struct inquiry *i = a->inquiries, *next; i; i = next) {
                next = i->next;
                if (i->state == INQUIRY_RUNNING)
                        drop(a, i);
        }
        return 0;
}

/* Nobody is there to receive a reply, nor on whose behalf anything could be done. */
static void on_gone(const char *sender, void *userdata) {
        struct system_authorizer *a = userdata;

        if (a->authorizer.listener)
                a->authorizer.listener->gone(sender, a->authorizer.listener->userdata);
        for (struct inquiry *i = a->inquiries, *next; i; i = next) {
                next = i->next;
                if (i->state == INQUIRY_WAITING && strcmp(sd_bus_message_get_sender(i->message), sender) == 0) {
                        tell(a, i->message, i->caller, i->process.pid, &i->answers->question, AUDIT_GONE);
                        drop(a, i);
                }
        }
}

static void on_learnt(const char *sender, bool known, void *userdata) {
        struct system_authorizer *a = userdata;

        if (a->authorizer.listener)
                a->authorizer.listener->learnt(sender, known, a->authorizer.listener->userdata);
}

static void on_answer(enum polkit_answer answer, void *userdata) {
        struct inquiry *i = userdata;
        struct system_authorizer *a = i->userdata;
        int r;

        i->check = polkit_check_free(i->check);
        i->answers->polkit = answer;
        i->state = INQUIRY_QUEUED;
        tell_answer(a, i);
        r = sd_bus_message_rewind(i->message, 1);
        if (r >= 0)
                r = sd_bus_enqueue_for_read(a->bus, i->message);
        if (r < 0) {
                (void) sd_bus_reply_method_errno(i->message, r, NULL);
                drop(a, i);
        }
}

/* The same words whether that of which they speak exists or not. */
static int judge(const struct inquiry *i, const struct answer *answer, struct failure *failure) {
        const struct question *q = &answer->question;
        bool own = q->owner == i->caller;
        const char *action = action_id(q->action, own);
        char what[64] = "tracing";

        if (q->action == ACTION_KERNEL)
                snprintf(what, sizeof(what), "the tracing of the kernel");
        else if (q->action == ACTION_KERNEL_OWN)
                snprintf(what, sizeof(what), "what the kernel does for your processes");
        else if (q->action == ACTION_PROBE)
                snprintf(what, sizeof(what), "the setting of probes");
        else if (q->action == ACTION_MEMORY)
                snprintf(what, sizeof(what), "the memory of programs");
        else if (q->action == ACTION_EXCEED)
                snprintf(what, sizeof(what), "more than the limits allow");
        else if (q->owner == OWNER_ANY)
                snprintf(what, sizeof(what), "the tracing of other users");
        else if (!own)
                snprintf(what, sizeof(what), "the tracing of user %u", (unsigned) q->owner);
        switch (answer->polkit) {
        case POLKIT_YES:
                return 1;
        case POLKIT_ABSENT:
                if (own)
                        return 1;
                return fail(failure, FAILURE_ACCESS_DENIED,
                            "Without polkit root alone has access to %s; install polkit, or call as root.", what);
        case POLKIT_CHALLENGE:
                if (sd_bus_message_get_allow_interactive_authorization(i->message) <= 0)
                        return fail(failure, FAILURE_NEEDS_PASSWORD,
                                    "Access to %s needs a password (%s); call again and allow interactive "
                                    "authorization.", what, action);
                return fail(failure, FAILURE_ACCESS_DENIED,
                            "Access to %s needs a password (%s), and nobody was there to ask for it; start an agent, "
                            "such as pkttyagent.", what, action);
        case POLKIT_NO:
                return fail(failure, FAILURE_ACCESS_DENIED,
                            "Access to %s is refused to you (%s); ask the administrator for a polkit rule.", what,
                            action);
        case POLKIT_FAILED:
                break;
        }
        return fail(failure, FAILURE_ACCESS_DENIED,
                    "polkit did not say whether you have access to %s (%s); see why with journalctl -u polkit.", what,
                    action);
}

static void owner_text(uid_t owner, char ret[16]) {
        if (owner == OWNER_ANY)
                strcpy(ret, "all");
        else
                snprintf(ret, 16, "%u", (unsigned) owner);
}

static int ask(struct system_authorizer *a, struct inquiry *i, const struct question *q) {
        const char *details[15] = { NULL };
        struct polkit_question question = {
                .sender = sd_bus_message_get_sender(i->message),
                .uid = i->caller,
                .process = i->process,
                .action = action_id(q->action, q->owner == i->caller),
                .details = details,
                .interactive = !q->quiet && sd_bus_message_get_allow_interactive_authorization(i->message) > 0,
                .id = a->asked++,
        };
        char owner[16];
        size_t n = 0;

        owner_text(q->owner, owner);
        const struct {
                const char *key, *value;
        } known[] = {
                { "verb", sd_bus_message_get_member(i->message) },
                /* No other session can exist, and an agent may show this one. */
                { "session", q->session && name_is_valid(q->session) ? q->session : NULL },
                { "owner", owner },
                { "domain", q->domain },
                { "pattern", q->pattern },
                { "target-uid", q->action == ACTION_TRACE ? owner : NULL },
                { "target-unit", q->target_unit },
        };
        for (size_t k = 0; k < ARRAY_SIZE(known) && a->details; k++)
                if (known[k].value) {
                        details[n++] = known[k].key;
                        details[n++] = known[k].value;
                }
        question.usec = question.interactive ? a->password_usec : a->polkit_usec;
        (void) sd_event_now(sd_bus_get_event(a->bus), CLOCK_MONOTONIC, &i->asked_usec);
        return polkit_ask(a->aside, &question, on_answer, i, &i->check);
}

/* Whether there is room for one more message to wait. */
static int count(struct system_authorizer *a, uid_t caller, struct failure *failure) {
        unsigned n = 0, n_own = 0;

        for (const struct inquiry *i = a->inquiries; i; i = i->next, n++)
                n_own += i->caller == caller;
        if (n < INQUIRIES_MAX && n_own < INQUIRIES_PER_UID)
                return 0;
        return fail(failure, FAILURE_LIMIT, "%u calls wait for polkit already; wait for their replies and call again.",
                    n_own < INQUIRIES_PER_UID ? n : n_own);
}

static bool is_short(const char *text) {
        return !text || strlen(text) <= DETAIL_MAX;
}

/* The first question about this message, or one more. */
static int begin(struct system_authorizer *a, sd_bus_message *m, uid_t caller, const struct caller_process *process,
                 struct inquiry *i, const struct question *question, struct failure *failure) {
        pid_t pid = process->pid;
        int r;

        if (!is_short(question->domain) || !is_short(question->pattern)) {
                tell(a, m, caller, pid, &(struct question) { question->action, question->owner, question->session },
                     AUDIT_TOO_MANY);
                return fail(failure, FAILURE_LIMIT, "An argument has more than %i bytes; shorten it.", DETAIL_MAX);
        }
        if (!i) {
                r = count(a, caller, failure);
                if (r < 0) {
                        tell(a, m, caller, pid, question, AUDIT_TOO_MANY);
                        return r;
                }
                r = inquiry_new(m, caller, process, a, &i);
                if (r < 0)
                        return fail_memory(failure);
                i->next = a->inquiries;
                a->inquiries = i;
        }
        r = inquiry_add(i, question);
        if (r >= 0)
                r = ask(a, i, question);
        if (r < 0) {
                drop(a, i);
                tell(a, m, caller, pid, question, AUDIT_POLKIT_FAILED);
                return fail(failure, FAILURE_ACCESS_DENIED, "polkit cannot be asked whether you are allowed that: %s.",
                            strerror(-r));
        }
        i->state = INQUIRY_WAITING;
        return 0;
}

static int knows(struct authorizer *authorizer, sd_bus_message *m) {
        return callers_learn(of(authorizer)->callers, sd_bus_message_get_sender(m));
}

static bool is_back(struct authorizer *authorizer, sd_bus_message *m) {
        return find(of(authorizer), m);
}

static unsigned n_asking(struct authorizer *authorizer, uid_t uid) {
        struct system_authorizer *a = of(authorizer);
        uint64_t now = 0;
        unsigned n = 0;

        (void) sd_event_now(sd_bus_get_event(a->bus), CLOCK_MONOTONIC, &now);
        for (const struct inquiry *i = a->inquiries; i; i = i->next)
                n += i->caller == uid && i->state == INQUIRY_WAITING && now < i->asked_usec + ASKING_USEC;
        return n;
}

static int caller(struct authorizer *authorizer, sd_bus_message *m, uid_t *ret, struct failure *failure) {
        return callers_uid(of(authorizer)->callers, m, ret, NULL, failure);
}

static int check(struct authorizer *authorizer, sd_bus_message *m, const struct question *question,
                 struct failure *failure) {
        struct system_authorizer *a = of(authorizer);
        const struct answer *answer;
        struct caller_process process;
        struct inquiry *i;
        uid_t uid;
        int r;

        r = callers_uid(a->callers, m, &uid, &process, failure);
        if (r < 0)
                return r;
        /* polkit never refuses anything to root; so root is not shut out by a polkit that fails. */
        if (uid == 0) {
                if (question->owner != 0 && question->action != ACTION_LIST)
                        tell(a, m, uid, process.pid, question, AUDIT_ALLOWED);
                return 1;
        }
        i = find(a, m);
        answer = i ? inquiry_find(i, question) : NULL;
        return answer ? judge(i, answer, failure) : begin(a, m, uid, &process, i, question, failure);
}

/* Who may trace the kernel, set probes or exceed a limit has not been told that he may know of other users. */
static bool is_about_others(enum action action) {
        return action != ACTION_KERNEL && action != ACTION_KERNEL_OWN && action != ACTION_PROBE &&
               action != ACTION_MEMORY && action != ACTION_EXCEED;
}

static bool shows(struct authorizer *authorizer, sd_bus_message *m, uid_t owner) {
        struct failure failure;
        const struct inquiry *i;
        uid_t uid;

        if (!m)
                return true;
        if (caller(authorizer, m, &uid, &failure) < 0)
                return false;
        if (uid == owner || uid == 0)
                return true;
        i = find(of(authorizer), m);
        for (const struct answer *answer = i ? i->answers : NULL; answer; answer = answer->next)
                if (is_about_others(answer->question.action) &&
                    (answer->question.owner == owner || answer->question.owner == OWNER_ANY) &&
                    judge(i, answer, &failure) > 0)
                        return true;
        return false;
}

static struct authorizer *system_free(struct authorizer *authorizer) {
        struct system_authorizer *a = of(authorizer);

        sd_bus_slot_unref(a->filter);
        sd_event_source_disable_unref(a->over);
        while (a->inquiries)
                drop(a, a->inquiries);
        callers_free(a->callers);
        sd_bus_unref(a->aside);
        sd_bus_unref(a->bus);
        free(a);
        return NULL;
}

int authorizer_new_system(sd_event *event, sd_bus *bus, const struct authorizer_config *config,
                          struct authorizer **ret) {
        _cleanup_(authorizer_freep) struct authorizer *authorizer = NULL;
        struct system_authorizer *a;
        int r;

        a = malloc(sizeof(*a));
        if (!a)
                return -ENOMEM;
        *a = (struct system_authorizer) {
                .authorizer = {
                        .check = check, .caller = caller, .shows = shows, .free = system_free, .may_exceed = true,
                        .knows = knows, .is_back = is_back, .n_asking = n_asking,
                },
                .bus = sd_bus_ref(bus),
                .aside = sd_bus_ref(config->aside ? config->aside : bus),
                .audit = config->audit,
                .polkit_usec = config->polkit_usec ? config->polkit_usec : POLKIT_USEC,
                .password_usec = config->password_usec ? config->password_usec : PASSWORD_USEC,
                .details = config->details || geteuid() == 0,
        };
        authorizer = &a->authorizer;
        r = callers_new(&(struct callers_config) { a->aside, config, on_learnt, on_gone, a }, &a->callers);
        if (r >= 0)
                r = sd_event_add_defer(event, &a->over, on_over, a);
        if (r >= 0)
                r = sd_event_source_set_enabled(a->over, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_bus_add_filter(bus, &a->filter, on_message, a);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(authorizer);
        return 0;
}
