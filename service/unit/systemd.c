/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>
#include <sys/queue.h>

#include "common/clock.h"
#include "service/log.h"
#include "service/unit/systemd.h"

#define SERVICE "org.freedesktop.systemd1"
#define MANAGER_PATH "/org/freedesktop/systemd1"
#define MANAGER SERVICE ".Manager"

#define CALL_USEC (10 * 1000 * 1000)
#define JOB_CALLS 3 /* a job may take as long as so many calls */
#define LAST_WORDS_USEC (1000 * 1000)

struct systemd {
        sd_event *event;
        bool user;
        uint64_t usec;
        char *address;
        sd_bus *bus;
        bool peer_to_peer, answered, lost; /* of this connection */
        bool bus_is_silent;                /* the message bus let us connect, but nobody answered */
        LIST_HEAD(, systemd_job) jobs;
};

/*
 * Where the job's removal is announced before the reply to the call, path is
 * not known yet. Units have random names, so a job for this one is ours; which
 * of ours, the path tells afterwards.
 */
struct systemd_job {
        LIST_ENTRY(systemd_job) entries;
        struct systemd *systemd;
        char *unit, *path;
        char *removed, *result; /* announced */
        sd_bus_slot *slot;
        sd_event_source *timer;
        systemd_done_t done;
        void *userdata;
};

static int connect_message_bus(struct systemd *s, sd_bus **ret) {
        _cleanup_(sd_bus_unrefp) sd_bus *bus = NULL;
        int r;

        if (!s->address)
                return s->user ? sd_bus_open_user_with_description(ret, "systemd")
                               : sd_bus_open_system_with_description(ret, "systemd");
        r = sd_bus_new(&bus);
        if (r < 0)
                return r;
        r = sd_bus_set_address(bus, s->address);
        if (r < 0)
                return r;
        r = sd_bus_set_bus_client(bus, 1);
        if (r < 0)
                return r;
        r = sd_bus_start(bus);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(bus);
        return 0;
}

static int connect_manager(struct systemd *s, sd_bus **ret) {
        _cleanup_(sd_bus_unrefp) sd_bus *bus = NULL;
        _cleanup_free_ char *address = NULL;
        const char *run = s->user ? secure_getenv("XDG_RUNTIME_DIR") : "/run";
        int r;

        if (!run)
                return -ENOENT;
        if (asprintf(&address, "unix:path=%s/systemd/private", run) < 0)
                return -ENOMEM;
        r = sd_bus_new(&bus);
        if (r < 0)
                return r;
        r = sd_bus_set_address(bus, address);
        if (r < 0)
                return r;
        r = sd_bus_set_bus_client(bus, 0);
        if (r < 0)
                return r;
        r = sd_bus_start(bus);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(bus);
        return 0;
}

struct systemd_job *systemd_job_free(struct systemd_job *j) {
        if (!j)
                return NULL;
        LIST_REMOVE(j, entries);
        sd_bus_slot_unref(j->slot);
        sd_event_source_disable_unref(j->timer);
        free(j->unit);
        free(j->path);
        free(j->removed);
        free(j->result);
        free(j);
        return NULL;
}

static void job_finish(struct systemd_job *j, const char *error, const char *text) {
        const systemd_done_t done = j->done;
        void *userdata = j->userdata;

        systemd_job_free(j);
        done(error, text, userdata);
}

static void job_check(struct systemd_job *j) {
        _cleanup_free_ char *result = NULL;
        char text[128];

        if (!j->path || !j->removed || strcmp(j->path, j->removed) != 0)
                return;
        result = TAKE_PTR(j->result);
        snprintf(text, sizeof(text), "systemd's job for it ended with the result '%.32s'", result);
        if (strcmp(result, "done") == 0)
                job_finish(j, NULL, NULL);
        else
                job_finish(j, result, text);
}

static int replace(char **p, const char *s) {
        char *copy = strdup(s);

        if (!copy)
                return -ENOMEM;
        free(*p);
        *p = copy;
        return 0;
}

static int on_job_removed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *path, *unit, *result;
        struct systemd *s = userdata;
        struct systemd_job *j;
        uint32_t id;

        if (sd_bus_message_read(m, "uoss", &id, &path, &unit, &result) < 0)
                return 0;
        LIST_FOREACH(j, &s->jobs, entries) {
                if (strcmp(j->unit, unit) != 0)
                        continue;
                if (replace(&j->removed, path) < 0 || replace(&j->result, result) < 0)
                        job_finish(j, "no-memory", "there is not enough memory");
                else
                        job_check(j);
                return 0;
        }
        return 0;
}

/* One whose call was not answered hears of it by that. */
static struct systemd_job *find_answered(struct systemd *s) {
        struct systemd_job *j;

        LIST_FOREACH(j, &s->jobs, entries)
                if (!j->slot)
                        return j;
        return NULL;
}

static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct systemd *s = userdata;
        struct systemd_job *j;

        s->lost = true;
        if (!s->answered && !s->peer_to_peer && !s->address)
                s->bus_is_silent = true;
        /* The end of one may begin another, over the next connection. */
        while ((j = find_answered(s)))
                job_finish(j, "disconnected", "the connection to systemd was lost");
        return 0;
}

static int on_subscribed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct systemd *s = userdata;

        if (!sd_bus_message_is_method_error(m, NULL))
                s->answered = true;
        else if (!s->answered && !s->peer_to_peer && !s->address)
                s->bus_is_silent = s->lost = true;
        return 0;
}

static const char *destination(const struct systemd *s) {
        return s->peer_to_peer ? NULL : SERVICE;
}

static int set_up(struct systemd *s, sd_bus *bus) {
        int r;

        r = sd_bus_set_method_call_timeout(bus, s->usec);
        if (r < 0)
                return r;
        r = sd_bus_attach_event(bus, s->event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                return r;
        r = sd_bus_match_signal_async(bus, NULL, NULL, "/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local",
                                      "Disconnected", on_disconnected, NULL, s);
        if (r < 0)
                return r;
        r = sd_bus_match_signal_async(bus, NULL, destination(s), MANAGER_PATH, MANAGER, "JobRemoved", on_job_removed,
                                      NULL, s);
        if (r < 0)
                return r;
        /* Without it there are no signals for us. */
        return sd_bus_call_method_async(bus, NULL, destination(s), MANAGER_PATH, MANAGER, "Subscribe", on_subscribed, s,
                                        NULL);
}

static int ensure_connection(struct systemd *s) {
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        int r = -ENOTCONN;

        if (s->bus && !s->lost && sd_bus_is_open(s->bus) > 0)
                return 0;
        if (s->bus) {
                sd_bus_detach_event(s->bus);
                s->bus = sd_bus_close_unref(s->bus);
        }
        s->lost = s->answered = s->peer_to_peer = false;
        if (!s->bus_is_silent)
                r = connect_message_bus(s, &bus);
        s->bus_is_silent = false;
        if (r < 0 && !s->address) {
                s->peer_to_peer = true;
                r = connect_manager(s, &bus);
        }
        if (r < 0)
                return r;
        r = set_up(s, bus);
        if (r < 0)
                return r;
        s->bus = TAKE_PTR(bus);
        return 0;
}

int systemd_new(sd_event *event, bool user, const char *address, uint64_t usec, struct systemd **ret) {
        _cleanup_(systemd_freep) struct systemd *s = NULL;

        s = malloc(sizeof(*s));
        if (!s)
                return -ENOMEM;
        *s = (struct systemd) { .event = sd_event_ref(event), .user = user, .usec = usec ?: CALL_USEC };
        LIST_INIT(&s->jobs);
        if (address) {
                s->address = strdup(address);
                if (!s->address)
                        return -ENOMEM;
        }
        *ret = TAKE_PTR(s);
        return 0;
}

static uint64_t now_usec(void) {
        return trace_clock_read_monotonic(0) / 1000;
}

static void send_last_words(sd_bus *bus) {
        uint64_t end = now_usec() + LAST_WORDS_USEC, n = 0;

        while (sd_bus_get_n_queued_write(bus, &n) >= 0 && n > 0 && now_usec() < end) {
                int r = sd_bus_process(bus, NULL);

                if (r < 0 || (r == 0 && sd_bus_wait(bus, LAST_WORDS_USEC / 10) < 0))
                        return;
        }
}

struct systemd *systemd_free(struct systemd *s) {
        if (!s)
                return NULL;
        if (s->bus) {
                sd_bus_detach_event(s->bus);
                send_last_words(s->bus);
                sd_bus_close_unref(s->bus);
        }
        sd_event_unref(s->event);
        free(s->address);
        free(s);
        return NULL;
}

int systemd_manager_call(struct systemd *s, const char *member, sd_bus_message **ret) {
        int r;

        r = ensure_connection(s);
        if (r < 0)
                return r;
        return sd_bus_message_new_method_call(s->bus, ret, destination(s), MANAGER_PATH, MANAGER, member);
}

int systemd_properties_call(struct systemd *s, const char *unit, const char *interface, sd_bus_message **ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_free_ char *path = NULL;
        char name[128];
        int r;

        r = ensure_connection(s);
        if (r < 0)
                return r;
        r = sd_bus_path_encode(MANAGER_PATH "/unit", unit, &path);
        if (r < 0)
                return r;
        r = sd_bus_message_new_method_call(s->bus, &m, destination(s), path, "org.freedesktop.DBus.Properties", "GetAll");
        if (r < 0)
                return r;
        snprintf(name, sizeof(name), SERVICE ".%s", interface);
        r = sd_bus_message_append(m, "s", name);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(m);
        return 0;
}

int systemd_call(struct systemd *s, sd_bus_message *m, sd_bus_message_handler_t callback, void *userdata,
                 sd_bus_slot **ret_slot) {
        return sd_bus_call_async(sd_bus_message_get_bus(m), ret_slot, m, callback, userdata, s->usec);
}

void systemd_send(struct systemd *s, sd_bus_message *m) {
        (void) sd_bus_message_set_expect_reply(m, 0);
        (void) sd_bus_send(sd_bus_message_get_bus(m), m, NULL);
}

static int on_reply(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const sd_bus_error *e = sd_bus_message_get_error(m);
        struct systemd_job *j = userdata;
        const char *path;

        j->slot = sd_bus_slot_unref(j->slot);
        if (e) {
                job_finish(j, e->name, e->message ?: e->name);
                return 0;
        }
        j->systemd->answered = true;
        if (sd_bus_message_read(m, "o", &path) < 0 || replace(&j->path, path) < 0) {
                job_finish(j, "bad-reply", "systemd's answer is not understood");
                return 0;
        }
        job_check(j);
        return 0;
}

static int on_job_late(sd_event_source *source, uint64_t usec, void *userdata) {
        job_finish(userdata, "timeout", "systemd's job for it did not end in time");
        return 0;
}

int systemd_job_new(struct systemd *s, sd_bus_message *m, const char *unit, systemd_done_t done, void *userdata,
                    struct systemd_job **ret) {
        struct systemd_job *j;
        int r;

        j = malloc(sizeof(*j));
        if (!j)
                return -ENOMEM;
        *j = (struct systemd_job) { .systemd = s, .done = done, .userdata = userdata, .unit = strdup(unit) };
        LIST_INSERT_HEAD(&s->jobs, j, entries);
        r = j->unit ? 0 : -ENOMEM;
        if (r >= 0)
                r = sd_event_add_time_relative(s->event, &j->timer, CLOCK_MONOTONIC, JOB_CALLS * s->usec, 0, on_job_late,
                                               j);
        if (r >= 0)
                r = systemd_call(s, m, on_reply, j, &j->slot);
        if (r < 0) {
                systemd_job_free(j);
                return r;
        }
        *ret = j;
        return 0;
}
