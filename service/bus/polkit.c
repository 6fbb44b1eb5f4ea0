/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "service/bus/polkit.h"

#define POLKIT "org.freedesktop.PolicyKit1", "/org/freedesktop/PolicyKit1/Authority", \
                "org.freedesktop.PolicyKit1.Authority"

#define POLKIT_ALLOW_USER_INTERACTION 1u

struct polkit_check {
        sd_bus *bus;
        sd_bus_slot *slot; /* NULL: there is nothing to cancel */
        sd_bus_message *by_name; /* the question of another form, where it was not asked */
        uint64_t usec;
        polkit_answered_t answered;
        void *userdata;
        char cancellation[32];
};

static void message_unrefp(sd_bus_message **m) {
        sd_bus_message_unref(*m);
}

/* Closes the dialog that polkit may have opened. Whether that worked makes no difference to us. */
static void cancel(struct polkit_check *c) {
        _cleanup_(message_unrefp) sd_bus_message *m = NULL;

        if (sd_bus_message_new_method_call(c->bus, &m, POLKIT, "CancelCheckAuthorization") >= 0 &&
            sd_bus_message_append(m, "s", c->cancellation) >= 0 && sd_bus_message_set_expect_reply(m, 0) >= 0 &&
            sd_bus_message_set_auto_start(m, 0) >= 0)
                (void) sd_bus_send(c->bus, m, NULL);
}

static enum polkit_answer read_answer(sd_bus_message *reply) {
        int authorized, challenge;

        /* With any other error polkit is there and fails; dbus-broker says NameHasNoOwner where it could not start. */
        if (sd_bus_message_is_method_error(reply, SD_BUS_ERROR_SERVICE_UNKNOWN))
                return POLKIT_ABSENT;
        if (sd_bus_message_is_method_error(reply, NULL))
                return POLKIT_FAILED;
        if (sd_bus_message_enter_container(reply, 'r', "bba{ss}") <= 0 ||
            sd_bus_message_read(reply, "bb", &authorized, &challenge) <= 0 || (authorized && challenge))
                return POLKIT_FAILED;
        if (authorized)
                return POLKIT_YES;
        return challenge ? POLKIT_CHALLENGE : POLKIT_NO;
}

static int on_reply(sd_bus_message *reply, void *userdata, sd_bus_error *error);

static int send(struct polkit_check *c, sd_bus_message *m) {
        return sd_bus_call_async(c->bus, &c->slot, m, on_reply, c, c->usec);
}

/* polkit's words for what it could not find out; of a file in /proc that is not there GLib makes up the name. */
static bool does_not_see(sd_bus_message *reply) {
        static const char unmapped[] = "org.gtk.GDBus.UnmappedGError.";
        const sd_bus_error *e = sd_bus_message_get_error(reply);

        return e && e->name && (strcmp(e->name, "org.freedesktop.PolicyKit1.Error.Failed") == 0 ||
                                strncmp(e->name, unmapped, strlen(unmapped)) == 0);
}

static bool ask_by_name(struct polkit_check *c, sd_bus_message *reply) {
        _cleanup_(message_unrefp) sd_bus_message *m = TAKE_PTR(c->by_name);

        return m && does_not_see(reply) && send(c, m) >= 0;
}

static int on_reply(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        struct polkit_check *c = userdata;

        /* sd-bus's own words for a time that has passed: polkit may be asking still. */
        if (sd_bus_message_get_errno(reply) == ETIMEDOUT)
                cancel(c);
        c->slot = sd_bus_slot_unref(c->slot);
        if (!ask_by_name(c, reply))
                c->answered(read_answer(reply), c->userdata);
        return 1;
}

static int append_details(sd_bus_message *m, const char *const *details) {
        int r;

        r = sd_bus_message_open_container(m, 'a', "{ss}");
        for (; *details && r >= 0; details += 2)
                r = sd_bus_message_append(m, "{ss}", details[0], details[1]);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

/* Its uid is a signed number there, -1 for none. */
static int append_subject(sd_bus_message *m, const struct polkit_question *q, bool by_name) {
        if (by_name)
                return sd_bus_message_append(m, "(sa{sv})", "system-bus-name", 1, "name", "s", q->sender);
        return sd_bus_message_append(m, "(sa{sv})", "unix-process", 3, "pid", "u", (uint32_t) q->process.pid,
                                     "start-time", "t", q->process.start_time, "uid", "i", (int32_t) q->uid);
}

static int make(struct polkit_check *c, const struct polkit_question *q, bool by_name, sd_bus_message **ret) {
        _cleanup_(message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = sd_bus_message_new_method_call(c->bus, &m, POLKIT, "CheckAuthorization");
        if (r >= 0)
                r = append_subject(m, q, by_name);
        if (r >= 0)
                r = sd_bus_message_append(m, "s", q->action);
        if (r >= 0)
                r = append_details(m, q->details);
        if (r >= 0)
                r = sd_bus_message_append(m, "us", q->interactive ? POLKIT_ALLOW_USER_INTERACTION : 0,
                                          c->cancellation);
        if (r >= 0)
                *ret = TAKE_PTR(m);
        return r;
}

int polkit_ask(sd_bus *bus, const struct polkit_question *question, polkit_answered_t answered, void *userdata,
               struct polkit_check **ret) {
        _cleanup_(polkit_check_freep) struct polkit_check *c = NULL;
        _cleanup_(message_unrefp) sd_bus_message *m = NULL;
        bool by_name;
        int r;

        c = malloc(sizeof(*c));
        if (!c)
                return -ENOMEM;
        *c = (struct polkit_check) { .bus = bus, .answered = answered, .userdata = userdata, .usec = question->usec };
        snprintf(c->cancellation, sizeof(c->cancellation), "tracectl-%llu", (unsigned long long) question->id);
        by_name = question->process.pid <= 0 || question->process.start_time == 0 || question->uid > INT32_MAX;
        r = make(c, question, by_name, &m);
        if (r >= 0 && !by_name)
                r = make(c, question, true, &c->by_name);
        if (r >= 0)
                r = send(c, m);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

struct polkit_check *polkit_check_free(struct polkit_check *c) {
        if (!c)
                return NULL;
        if (c->slot) {
                sd_bus_slot_unref(c->slot);
                cancel(c);
        }
        sd_bus_message_unref(c->by_name);
        free(c);
        return NULL;
}
