/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "common/parse.h"
#include "service/bus/audit.h"
#include "service/journal.h"

/* units/tracectl.catalog explains them. They never change. */
#define ID_OWN "da9aab5c034345f092fb75fe5250ee3f"
#define ID_OTHERS "6855291d743049248863bbeb9782e359"
#define ID_REFUSED "9e00ee21e0bb48b4a73797f0bb7b355c"
#define ID_SUPPRESSED "3d80321c61184df0807348ac2a0eda1f"

#define WINDOW_USEC UINT64_C(30000000)
#define BURST 100

/* Users that are counted by themselves at a time; all others share the last place. */
#define USERS_MAX 64

enum kind { KIND_OWN, KIND_OTHERS, KIND_REFUSED, _KIND_MAX };

static const struct {
        const char *id, *word;
        int priority;
} kinds[_KIND_MAX] = {
        [KIND_OWN] = { ID_OWN, "own", LOG_DEBUG },
        [KIND_OTHERS] = { ID_OTHERS, "others", LOG_NOTICE },
        [KIND_REFUSED] = { ID_REFUSED, "refused", LOG_NOTICE },
};

struct user {
        uid_t uid;
        bool taken;
        unsigned written[_KIND_MAX];
        uint64_t suppressed[_KIND_MAX];
};

struct audit {
        struct journal journal;
        sd_event_source *timer; /* runs while anything is counted */
        uint64_t window_usec;
        unsigned burst;
        bool running;
        struct user users[USERS_MAX];
};

static const char *result_word(enum audit_result result) {
        static const char *const words[] = {
                [AUDIT_ALLOWED] = "allowed",
                [AUDIT_REFUSED] = "refused",
                [AUDIT_PASSWORD] = "needs-password",
                [AUDIT_NO_POLKIT] = "no-polkit",
                [AUDIT_POLKIT_FAILED] = "polkit-failed",
                [AUDIT_TOO_MANY] = "too-many",
                [AUDIT_GONE] = "caller-gone",
        };

        return words[result];
}

static void uid_text(uid_t uid, char ret[16]) {
        if (uid == OWNER_ANY)
                strcpy(ret, "all");
        else
                snprintf(ret, 16, "%u", (unsigned) uid);
}

static struct user *find_user(struct audit *a, uid_t uid) {
        struct user *last = &a->users[USERS_MAX - 1];

        for (struct user *u = a->users; u < last; u++) {
                if (!u->taken)
                        *u = (struct user) { .uid = uid, .taken = true };
                if (u->uid == uid)
                        return u;
        }
        last->taken = true;
        last->uid = OWNER_ANY;
        return last;
}

static void write_suppressed(struct audit *a, uid_t uid, enum kind kind, uint64_t n) {
        char caller[16], count[24], text[160];

        uid_text(uid, caller);
        snprintf(count, sizeof(count), "%llu", (unsigned long long) n);
        snprintf(text, sizeof(text), "%s more records (%s) of user %s were not written: there were too many.", count,
                 kinds[kind].word, uid == OWNER_ANY ? "others" : caller);
        const struct journal_field fields[] = {
                { "MESSAGE", text },
                { "MESSAGE_ID", ID_SUPPRESSED },
                { "PRIORITY", "4" },
                { "SYSLOG_IDENTIFIER", "tracingd" },
                { "TRACECTL_CALLER_UID", caller },
                { "TRACECTL_KIND", kinds[kind].word },
                { "TRACECTL_SUPPRESSED", count },
        };

        (void) journal_send(&a->journal, fields, ARRAY_SIZE(fields));
}

/* The window is over: what was counted is written, and everybody begins anew. */
static void end_window(struct audit *a) {
        for (size_t i = 0; i < USERS_MAX; i++)
                for (int kind = 0; a->users[i].taken && kind < _KIND_MAX; kind++)
                        if (a->users[i].suppressed[kind] > 0)
                                write_suppressed(a, a->users[i].uid, (enum kind) kind, a->users[i].suppressed[kind]);
        memset(a->users, 0, sizeof(a->users));
        a->running = false;
}

static int on_window(sd_event_source *source, uint64_t usec, void *userdata) {
        end_window(userdata);
        return 0;
}

static void begin_window(struct audit *a) {
        if (a->running)
                return;
        if (sd_event_source_set_time_relative(a->timer, a->window_usec) >= 0 &&
            sd_event_source_set_enabled(a->timer, SD_EVENT_ONESHOT) >= 0)
                a->running = true;
}

static enum kind kind_of(const struct audit_record *record) {
        if (record->result != AUDIT_ALLOWED)
                return KIND_REFUSED;
        return record->question->owner == record->caller ? KIND_OWN : KIND_OTHERS;
}

/* "Refused (needs-password): Stop of session 'one' of user 1001, by user 1002 (process 17): org.tracectl..." */
static void describe(const struct audit_record *record, const char *owner, char *ret, size_t size) {
        const struct question *q = record->question;
        bool session = q->session && name_is_valid(q->session);

        snprintf(ret, size, "%s (%s): %s%s%s%s of user %s, by user %u (process %i): %s",
                 record->result == AUDIT_ALLOWED ? "Allowed" : "Refused", result_word(record->result),
                 record->verb, session ? " in session '" : "", session ? q->session : "", session ? "'" : "", owner,
                 (unsigned) record->caller, (int) record->pid, record->action);
}

static int send_record(struct audit *a, const struct audit_record *record, enum kind kind) {
        const struct question *q = record->question;
        char owner[16], caller[16], pid[16], priority[4], text[512];

        uid_text(q->owner, owner);
        uid_text(record->caller, caller);
        snprintf(pid, sizeof(pid), "%i", (int) record->pid);
        snprintf(priority, sizeof(priority), "%i", kinds[kind].priority);
        describe(record, owner, text, sizeof(text));
        const struct journal_field fields[] = {
                { "MESSAGE", text },
                { "MESSAGE_ID", kinds[kind].id },
                { "PRIORITY", priority },
                { "SYSLOG_FACILITY", "10" }, /* authpriv */
                { "SYSLOG_IDENTIFIER", "tracingd" },
                { "TRACECTL_ACTION", record->action },
                { "TRACECTL_VERB", record->verb },
                { "TRACECTL_SESSION", q->session && name_is_valid(q->session) ? q->session : NULL },
                { "TRACECTL_OWNER_UID", owner },
                { "TRACECTL_CALLER_UID", caller },
                { "TRACECTL_CALLER_PID", record->pid > 0 ? pid : NULL },
                { "TRACECTL_RESULT", result_word(record->result) },
                { "TRACECTL_DOMAIN", q->domain },
                { "TRACECTL_PATTERN", q->pattern },
                { "TRACECTL_TARGET_UNIT", q->target_unit },
        };

        return journal_send(&a->journal, fields, ARRAY_SIZE(fields));
}

void audit_write(struct audit *a, const struct audit_record *record) {
        enum kind kind;
        struct user *u;

        if (!a)
                return;
        kind = kind_of(record);
        u = find_user(a, record->caller);
        begin_window(a);
        if (u->written[kind] >= a->burst || send_record(a, record, kind) < 0)
                u->suppressed[kind]++;
        else
                u->written[kind]++;
}

int audit_new(sd_event *event, const struct audit_config *config, struct audit **ret) {
        _cleanup_(audit_freep) struct audit *a = NULL;
        int r;

        a = calloc(1, sizeof(*a));
        if (!a)
                return -ENOMEM;
        a->window_usec = config->window_usec ? config->window_usec : WINDOW_USEC;
        a->burst = config->burst ? config->burst : BURST;
        r = journal_open(&a->journal, config->socket);
        if (r >= 0)
                r = sd_event_add_time(event, &a->timer, CLOCK_MONOTONIC, UINT64_MAX, 0, on_window, a);
        if (r >= 0)
                r = sd_event_source_set_enabled(a->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(a);
        return 0;
}

struct audit *audit_free(struct audit *a) {
        if (!a)
                return NULL;
        end_window(a);
        sd_event_source_disable_unref(a->timer);
        journal_close(&a->journal);
        free(a);
        return NULL;
}
