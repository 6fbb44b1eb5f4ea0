/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/parse.h"
#include "service/log.h"
#include "service/unit/pair.h"

#define SOCKET "socket"
#define SERVICE "service"

/* One that dies at its start runs for a few milliseconds and is then gone for 100. */
#define ASK_AGAIN_USEC (20 * 1000)
#define ASKED_MAX 25

struct pair {
        LIST_ENTRY(pair) entries;
        struct unit_starter *starter;
        struct consumer_spec spec; /* strings are our own */
        char stem[64];
        char path[sizeof(((struct sockaddr_un *) NULL)->sun_path)];
        bool second; /* the first name was taken */
        bool stopping;
        struct systemd_job *job;
        sd_bus_slot *question;
        unsigned asked; /* how often, because its process was just running */
        sd_event_source *turn, *again;
        pair_ready_t ready;
        pair_result_t result;
        pair_stopped_t stopped;
        void *userdata;
};

static struct pair *pair_free(struct pair *p) {
        if (!p)
                return NULL;
        LIST_REMOVE(p, entries);
        systemd_job_free(p->job);
        sd_bus_slot_unref(p->question);
        sd_event_source_disable_unref(p->turn);
        sd_event_source_disable_unref(p->again);
        free((char *) p->spec.session);
        free((char *) p->spec.directory);
        free(p);
        return NULL;
}

DEFINE_CLEANUP(struct pair *, pair_free)

static void unit_name(const struct pair *p, const char *suffix, char name[static 80]) {
        snprintf(name, 80, "%s.%s", p->stem, suffix);
}

static void pair_ready(struct pair *p, const char *reason) {
        pair_ready_t ready = TAKE_PTR(p->ready);

        if (ready)
                ready(reason, p->userdata);
}

static int set_name(struct pair *p, uint64_t id) {
        int n;

        snprintf(p->stem, sizeof(p->stem), "tracectl-consumer-%u-%016llx", (unsigned) p->spec.owner,
                 (unsigned long long) id);
        n = snprintf(p->path, sizeof(p->path), "%s/consumer/%016llx", p->starter->run, (unsigned long long) id);
        return n < (int) sizeof(p->path) ? 0 : -ENAMETOOLONG;
}

static int choose_name(struct pair *p) {
        uint64_t id;

        if (getrandom(&id, sizeof(id), 0) != sizeof(id))
                return -errno;
        return set_name(p, id);
}

static int begin(struct pair *p);

static void on_started(const char *error, const char *text, void *userdata) {
        struct pair *p = userdata;
        char reason[384];

        p->job = NULL;
        if (!error) {
                pair_ready(p, NULL);
                return;
        }
        if (strcmp(error, "org.freedesktop.systemd1.UnitExists") == 0 && !p->second) {
                p->second = true;
                if (begin(p) >= 0)
                        return;
        }
        snprintf(reason, sizeof(reason), "its consumer's unit '%s' cannot be started: %.160s", p->stem, text);
        log_debug("%s", reason);
        pair_ready(p, reason);
}

static int begin(struct pair *p) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        const struct pair_description description = {
                .user = p->starter->user,
                .stem = p->stem,
                .path = p->path,
                .program = p->starter->program,
                .spec = p->spec,
        };
        char name[80];
        int r;

        r = choose_name(p);
        if (r < 0)
                return r;
        r = systemd_manager_call(p->starter->systemd, "StartTransientUnit", &m);
        if (r < 0)
                return r;
        r = pair_append_units(m, &description);
        if (r < 0)
                return r;
        unit_name(p, SOCKET, name);
        return systemd_job_new(p->starter->systemd, m, name, on_started, p, &p->job);
}

static int copy(const char *s, const char **ret) {
        if (s && !(*ret = strdup(s)))
                return -ENOMEM;
        return 0;
}

static int make(struct unit_starter *u, const struct consumer_spec *spec, struct pair **ret) {
        _cleanup_(pair_freep) struct pair *p = NULL;
        int r;

        p = malloc(sizeof(*p));
        if (!p)
                return -ENOMEM;
        *p = (struct pair) {
                .starter = u,
                .spec = { .owner = spec->owner, .kind = spec->kind },
        };
        LIST_INSERT_HEAD(&u->pairs, p, entries);
        r = copy(spec->session, &p->spec.session);
        if (r < 0)
                return r;
        r = copy(spec->directory, &p->spec.directory);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(p);
        return 0;
}

int pair_new(struct unit_starter *u, const struct consumer_spec *spec, pair_ready_t ready, pair_stopped_t stopped,
             void *userdata, struct pair **ret) {
        _cleanup_(pair_freep) struct pair *p = NULL;
        int r;

        r = make(u, spec, &p);
        if (r < 0)
                return r;
        p->ready = ready;
        p->stopped = stopped;
        p->userdata = userdata;
        r = begin(p);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(p);
        return 0;
}

int pair_restore(struct unit_starter *u, const struct consumer_spec *spec, const char *stem, pair_stopped_t stopped,
                 void *userdata, struct pair **ret) {
        _cleanup_(pair_freep) struct pair *p = NULL;
        const char *dash = strrchr(stem, '-');
        uint64_t id;
        int r;

        if (!dash || strlen(dash + 1) != 16 || parse_hex64(dash + 1, &id) < 0)
                return -EBADMSG;
        r = make(u, spec, &p);
        if (r < 0)
                return r;
        p->stopped = stopped;
        p->userdata = userdata;
        r = set_name(p, id);
        if (r >= 0 && strcmp(p->stem, stem) != 0)
                r = -EBADMSG;
        if (r < 0)
                return r;
        *ret = TAKE_PTR(p);
        return 0;
}

void pair_hand_over(struct pair *p, pair_stopped_t stopped, void *userdata) {
        p->stopped = stopped;
        p->userdata = userdata;
}

int pair_connect(struct pair *p, int *ret_fd) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_close_ int fd = -1;

        strcpy(address.sun_path, p->path);
        fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0 || connect(fd, (const struct sockaddr *) &address, sizeof(address)) < 0)
                return -errno;
        *ret_fd = TAKE_FD(fd);
        return 0;
}

struct outcome {
        const char *result;
        int32_t code, status;
        uint32_t n_restarts;
};

static int read_outcome(sd_bus_message *m, struct outcome *ret) {
        struct outcome o = { .result = "" };
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                const char *name;

                r = sd_bus_message_read(m, "s", &name);
                if (r < 0)
                        return r;
                if (strcmp(name, "Result") == 0)
                        r = sd_bus_message_read(m, "v", "s", &o.result);
                else if (strcmp(name, "ExecMainCode") == 0)
                        r = sd_bus_message_read(m, "v", "i", &o.code);
                else if (strcmp(name, "ExecMainStatus") == 0)
                        r = sd_bus_message_read(m, "v", "i", &o.status);
                else if (strcmp(name, "NRestarts") == 0)
                        r = sd_bus_message_read(m, "v", "u", &o.n_restarts);
                else
                        r = sd_bus_message_skip(m, "v");
                if (r < 0)
                        return r;
                r = sd_bus_message_exit_container(m);
        }
        if (r < 0)
                return r;
        *ret = o;
        return 0;
}

static int ask(struct pair *p);

static int on_again(sd_event_source *source, uint64_t usec, void *userdata) {
        struct pair *p = userdata;

        p->again = sd_event_source_disable_unref(p->again);
        if (ask(p) < 0)
                TAKE_PTR(p->result)("ended, and systemd cannot be asked why", 0, p->userdata);
        return 0;
}

/* Its next process runs already, and systemd tells nothing of the one before. */
static bool ask_again(struct pair *p, const struct outcome *o) {
        return o->code == 0 && strcmp(o->result, "success") == 0 && ++p->asked < ASKED_MAX &&
               sd_event_add_time_relative(p->starter->event, &p->again, CLOCK_MONOTONIC, ASK_AGAIN_USEC, 0, on_again,
                                          p) >= 0;
}

static int on_outcome(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const sd_bus_error *e = sd_bus_message_get_error(m);
        struct outcome o = { 0 };
        struct pair *p = userdata;
        pair_result_t result;
        char text[160];

        p->question = sd_bus_slot_unref(p->question);
        if (e)
                snprintf(text, sizeof(text), "ended, and systemd does not say why: %.100s", e->message ?: e->name);
        else if (read_outcome(m, &o) < 0)
                snprintf(text, sizeof(text), "ended, and what systemd says of it is not understood");
        else if (o.code == CLD_KILLED || o.code == CLD_DUMPED)
                snprintf(text, sizeof(text), "was killed by signal %i (%s, result '%.32s')", o.status,
                         strsignal(o.status), o.result);
        else if (o.code == CLD_EXITED)
                snprintf(text, sizeof(text), "ended with status %i (result '%.32s')", o.status, o.result);
        else if (ask_again(p, &o))
                return 0;
        else
                snprintf(text, sizeof(text), "did not run (result '%.32s')", o.result);
        result = TAKE_PTR(p->result);
        result(text, o.n_restarts, p->userdata);
        return 0;
}

static int ask(struct pair *p) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        char name[80];
        int r;

        unit_name(p, SERVICE, name);
        r = systemd_properties_call(p->starter->systemd, name, "Service", &m);
        return r < 0 ? r : systemd_call(p->starter->systemd, m, on_outcome, p, &p->question);
}

void pair_ask_result(struct pair *p, pair_result_t result) {
        pair_forget_question(p);
        p->result = result;
        p->asked = 0;
        if (ask(p) < 0) {
                p->result = NULL;
                result("ended, and systemd cannot be asked why", 0, p->userdata);
        }
}

void pair_forget_question(struct pair *p) {
        p->result = NULL;
        p->again = sd_event_source_disable_unref(p->again);
        p->question = sd_bus_slot_unref(p->question);
}

void pair_kill(struct pair *p) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        char name[80];

        unit_name(p, SERVICE, name);
        if (systemd_manager_call(p->starter->systemd, "KillUnit", &m) >= 0 &&
            sd_bus_message_append(m, "ssi", name, "all", (int32_t) SIGKILL) >= 0)
                systemd_send(p->starter->systemd, m);
}

static void reset_failed(struct pair *p, const char *suffix) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        char name[80];

        unit_name(p, suffix, name);
        if (systemd_manager_call(p->starter->systemd, "ResetFailedUnit", &m) >= 0 &&
            sd_bus_message_append(m, "s", name) >= 0)
                systemd_send(p->starter->systemd, m);
}

static int stop_call(struct pair *p, const char *suffix, sd_bus_message **ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        char name[80];
        int r;

        unit_name(p, suffix, name);
        r = systemd_manager_call(p->starter->systemd, "StopUnit", &m);
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "ss", name, "replace");
        if (r < 0)
                return r;
        *ret = TAKE_PTR(m);
        return 0;
}

static int stop(struct pair *p, const char *suffix, systemd_done_t done) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        char name[80];
        int r;

        r = stop_call(p, suffix, &m);
        if (r < 0)
                return r;
        unit_name(p, suffix, name);
        return systemd_job_new(p->starter->systemd, m, name, done, p, &p->job);
}

static void pair_finish(struct pair *p) {
        pair_stopped_t stopped = p->stopped;
        void *userdata = p->userdata;

        pair_free(p);
        if (stopped)
                stopped(userdata);
}

/* Where a unit is gone already, that is an error, and all right. */
static void on_service_stopped(const char *error, const char *text, void *userdata) {
        struct pair *p = userdata;

        p->job = NULL;
        if (error)
                log_debug("%s.service: %s", p->stem, text);
        reset_failed(p, SOCKET);
        reset_failed(p, SERVICE);
        pair_finish(p);
}

/* While the socket listens, it can start the service. */
static void on_socket_stopped(const char *error, const char *text, void *userdata) {
        struct pair *p = userdata;

        p->job = NULL;
        if (error)
                log_debug("%s.socket: %s", p->stem, text);
        if (stop(p, SERVICE, on_service_stopped) < 0)
                pair_finish(p);
}

static int on_turn(sd_event_source *source, uint64_t usec, void *userdata) {
        struct pair *p = userdata;

        p->turn = sd_event_source_disable_unref(p->turn);
        if (stop(p, SOCKET, on_socket_stopped) < 0)
                pair_finish(p);
        return 0;
}

/* From a later turn of the main loop, so that even without a manager nobody is called at once. */
void pair_stop(struct pair *p) {
        if (p->stopping)
                return;
        p->stopping = true;
        p->ready = NULL;
        pair_forget_question(p);
        p->job = systemd_job_free(p->job);
        if (sd_event_add_time_relative(p->starter->event, &p->turn, CLOCK_MONOTONIC, 0, 0, on_turn, p) < 0)
                pair_leave(p);
}

void pair_abandon(struct pair *p) {
        p->stopped = NULL;
        if (p->starter->leaving) {
                pair_free(p);
                return;
        }
        pair_stop(p);
}

void pair_leave(struct pair *p) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;

        /* One that is on its way out goes on its way out: the next tracingd finds it as a leftover. */
        if (!p->starter->leaving && stop_call(p, SOCKET, &m) >= 0)
                systemd_send(p->starter->systemd, m);
        pair_finish(p);
}

const char *pair_stem(const struct pair *p) {
        return p->stem;
}

struct pair *pairs_find(struct unit_starter *u, const char *stem, size_t size) {
        struct pair *p;

        LIST_FOREACH(p, &u->pairs, entries)
                if (strlen(p->stem) == size && memcmp(p->stem, stem, size) == 0)
                        return p;
        return NULL;
}
