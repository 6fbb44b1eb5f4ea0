/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "common/parse.h"
#include "service/domain/kernel/internal.h"
#include "service/domain/kernel/probe.h"
#include "service/domain/kernel/sign.h"
#include "service/domain/kernel/tracefs.h"

/* Probes of rules are set, and removed when their sessions have gone. */

#define WAIT_TRIES 1500 /* half a minute, for the instances */
#define GONE_TRIES 250  /* 5 seconds, for a service that is started again */
#define GONE_MAX 64     /* more are the next one's */

struct probing {
        struct worker_job job;
        struct kernel_domain *domain;
        struct selector *selector;
        char group[PROBE_WORD_MAX];
        int file; /* -1: none was passed */
        struct failure failure;
        bool failed;
        kernel_done_t done;
        void *userdata;
};

static int get_file(struct probing *p) {
        if (!p->selector->probe.path)
                return 0;
        if (p->file < 0)
                p->file = kernel_probe_open(p->selector);
        if (p->file < 0)
                return fail(&p->failure, FAILURE_INVALID_OPTION, "The service cannot open '%.200s': %s; pass the open file "
                            "as option 'file', as tracectl does.", p->selector->probe.path, strerror(-p->file));
        return kernel_probe_check_file(p->selector, p->file, &p->failure);
}

static bool run_probing(struct worker_job *job) {
        struct probing *p = CONTAINER_OF(job, struct probing, job);
        int r;

        r = get_file(p);
        if (r >= 0)
                r = kernel_probes_set(p->domain->tracefs, p->group, p->selector, p->file, &p->failure);
        if (r >= 0 && p->selector->filter)
                r = kernel_check_rule(p->domain, p->selector, p->group, &p->failure);
        p->failed = r < 0;
        return false;
}

static void end_probing(struct worker_job *job) {
        struct probing *p = CONTAINER_OF(job, struct probing, job);

        p->done(p->failed ? &p->failure : NULL, p->userdata);
        selector_unref(p->selector);
        closep(&p->file);
        free(p);
}

int kernel_domain_probe(struct kernel_domain *d, const struct kernel_probe_owner *owner, struct selector *selector,
                        int file, kernel_done_t done, void *userdata) {
        struct probing *p = calloc(1, sizeof(*p));

        if (!p)
                return -ENOMEM;
        *p = (struct probing) {
                .job = { .run = run_probing, .done = end_probing },
                .domain = d,
                .selector = selector_ref(selector),
                .file = file < 0 ? -1 : fcntl(file, F_DUPFD_CLOEXEC, 3),
                .done = done,
                .userdata = userdata,
        };
        kernel_probe_group(d->id, owner->uid, owner->session, p->group);
        worker_submit(d->worker, &p->job);
        return 0;
}

struct removal {
        struct worker_job job;
        struct kernel_domain *domain;
        char group[PROBE_WORD_MAX];
        struct kernel_probe_owner owner;
};

static bool has_instance(const struct removal *removal) {
        char name[INSTANCE_NAME_MAX], path[INSTANCE_NAME_MAX + 16];

        for (uint32_t channel = 1; channel < KERNEL_CHANNELS_OF_SESSION; channel++) {
                kernel_instance_name(removal->domain, removal->owner.uid, removal->owner.session, channel, name);
                snprintf(path, sizeof(path), "instances/%s", name);
                if (faccessat(removal->domain->tracefs, path, F_OK, 0) >= 0)
                        return true;
        }
        return false;
}

static bool is_group(const char *group, void *userdata) {
        return strcmp(group, userdata) == 0;
}

/* What is left after all tries goes when the next tracingd starts. */
static bool run_removal(struct worker_job *job) {
        struct removal *removal = CONTAINER_OF(job, struct removal, job);
        bool more = job->tries < WAIT_TRIES;

        if (more && has_instance(removal))
                return true;
        return kernel_probes_remove(removal->domain->tracefs, is_group, removal->group) == -EBUSY && more;
}

static void end_removal(struct worker_job *job) {
        free(CONTAINER_OF(job, struct removal, job));
}

void kernel_domain_remove_probes(struct kernel_domain *d, const struct kernel_probe_owner *owner) {
        struct removal *removal = d->worker ? calloc(1, sizeof(*removal)) : NULL;

        if (!removal)
                return;
        *removal = (struct removal) {
                .job = { .run = run_removal, .done = end_removal },
                .domain = d,
                .owner = *owner,
        };
        kernel_probe_group(d->id, owner->uid, owner->session, removal->group);
        worker_submit(d->worker, &removal->job);
}

struct sweep {
        struct worker_job job;
        struct kernel_domain *domain;
        uint64_t *sessions;
        size_t n_sessions;
        char gone[GONE_MAX][17]; /* ids of services that give no sign of life */
        size_t n_gone;
};

/* Ours, and of no session that there is: "tracectl_ID_UID_SESSION". */
static bool is_orphan(const char *group, void *userdata) {
        const struct sweep *s = userdata;
        char prefix[PROBE_WORD_MAX];
        const char *number = strrchr(group, '_');
        uint64_t session;

        snprintf(prefix, sizeof(prefix), PROBE_GROUP_PREFIX "%s_", s->domain->id);
        if (strncmp(group, prefix, strlen(prefix)) != 0 || parse_u64(number + 1, &session) < 0)
                return false;
        for (size_t k = 0; k < s->n_sessions; k++)
                if (s->sessions[k] == session)
                        return false;
        return true;
}

/* Copies the id. */
static bool is_of_a_service(const char *group, char ret[static 17]) {
        size_t n = strlen(PROBE_GROUP_PREFIX);

        if (strncmp(group, PROBE_GROUP_PREFIX, n) != 0 || strspn(group + n, "0123456789abcdef") != 16)
                return false;
        memcpy(ret, group + n, 16);
        ret[16] = '\0';
        group += n + 16;
        for (int i = 0; i < 2; i++) {
                n = *group == '_' ? strspn(group + 1, "0123456789") : 0;
                if (n == 0)
                        return false;
                group += 1 + n;
        }
        return *group == '\0';
}

static bool is_gone(const struct sweep *s, const char *id) {
        for (size_t k = 0; k < s->n_gone; k++)
                if (strcmp(s->gone[k], id) == 0)
                        return true;
        return false;
}

/* Nothing is removed by it. */
static bool note_gone(const char *group, void *userdata) {
        struct sweep *s = userdata;
        char id[17];

        if (s->n_gone < GONE_MAX && is_of_a_service(group, id) && strcmp(id, s->domain->id) != 0 && !is_gone(s, id) &&
            !sign_is_alive(s->domain->sign, id))
                memcpy(s->gone[s->n_gone++], id, sizeof(id));
        return false;
}

static bool is_abandoned(const char *group, void *userdata) {
        char id[17];

        return is_of_a_service(group, id) && is_gone(userdata, id);
}

static void forget_living(struct sweep *s) {
        for (size_t k = s->n_gone; k-- > 0;)
                if (sign_is_alive(s->domain->sign, s->gone[k]))
                        memmove(s->gone[k], s->gone[--s->n_gone], sizeof(s->gone[k]));
}

/* Another service's go when it has given no sign of life for as long as one takes that is started again. */
static bool run_sweep(struct worker_job *job) {
        struct sweep *s = CONTAINER_OF(job, struct sweep, job);
        int tracefs = s->domain->tracefs;

        if (job->tries == 0) {
                (void) kernel_probes_remove(tracefs, is_orphan, s);
                if (s->domain->sign >= 0)
                        (void) kernel_probes_remove(tracefs, note_gone, s);
        }
        forget_living(s);
        if (s->n_gone == 0)
                return false;
        if (job->tries < GONE_TRIES)
                return true;
        (void) kernel_probes_remove(tracefs, is_abandoned, s);
        return false;
}

static void end_sweep(struct worker_job *job) {
        struct sweep *s = CONTAINER_OF(job, struct sweep, job);

        free(s->sessions);
        free(s);
}

int kernel_domain_sweep_probes(struct kernel_domain *d, const uint64_t *sessions, size_t n) {
        struct sweep *s = d->worker ? calloc(1, sizeof(*s)) : NULL;

        if (!s)
                return d->worker ? -ENOMEM : 0;
        *s = (struct sweep) {
                .job = { .run = run_sweep, .done = end_sweep },
                .domain = d,
                .sessions = malloc((n + 1) * sizeof(*sessions)),
                .n_sessions = n,
        };
        if (!s->sessions) {
                free(s);
                return -ENOMEM;
        }
        memcpy(s->sessions, sessions, n * sizeof(*sessions));
        worker_submit(d->worker, &s->job);
        return 0;
}
