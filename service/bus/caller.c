/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "service/bus/caller.h"

/* Each has a match on the bus, which allows 512 of them to a connection. */
#define CALLERS_MAX 128

struct caller {
        struct caller *next; /* the one that was asked about before this one */
        struct callers *callers;
        sd_bus_slot *slot; /* says when it is gone */
        uid_t uid;
        pid_t pid; /* 0: the bus does not say it */
        char name[];
};

struct callers {
        sd_bus *bus;
        int (*uid_of)(const char *sender, uid_t *ret, void *userdata);
        void *uid_of_userdata;
        void (*gone)(const char *sender, void *userdata);
        void *userdata;
        struct caller *first;
        size_t n;
};

static void caller_free(struct caller *c) {
        sd_bus_slot_unref(c->slot);
        free(c);
}

DEFINE_CLEANUP(struct caller *, caller_free)

static struct caller *take(struct callers *c, struct caller **place) {
        struct caller *caller = *place;

        *place = caller->next;
        c->n--;
        return caller;
}

static int on_gone(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(caller_freep) struct caller *caller = userdata;
        struct callers *c = caller->callers;

        for (struct caller **p = &c->first; *p; p = &(*p)->next)
                if (*p == caller) {
                        take(c, p);
                        break;
                }
        if (c->gone)
                c->gone(caller->name, c->userdata);
        return 0;
}

/* A bus that refuses to watch the name costs us the early notice only. */
static int on_match(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return 1;
}

static int watch(struct callers *c, struct caller *caller) {
        char match[512];
        int n;

        n = snprintf(match, sizeof(match),
                     "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
                     "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='%s',arg2=''",
                     caller->name);
        if (n < 0 || (size_t) n >= sizeof(match))
                return -ENAMETOOLONG;
        return sd_bus_add_match_async(c->bus, &caller->slot, match, on_gone, on_match, caller);
}

static int ask(struct callers *c, sd_bus_message *m, const char *name, struct caller *ret) {
        sd_bus_creds *creds = NULL;
        int r;

        if (c->uid_of)
                return c->uid_of(name, &ret->uid, c->uid_of_userdata);
        r = sd_bus_query_sender_creds(m, SD_BUS_CREDS_EUID | SD_BUS_CREDS_PID, &creds);
        /* What was read from /proc may be of another process by now. */
        if (r >= 0 && (sd_bus_creds_get_augmented_mask(creds) & SD_BUS_CREDS_EUID))
                r = -EPERM;
        if (r >= 0)
                r = sd_bus_creds_get_euid(creds, &ret->uid);
        if (r >= 0 && sd_bus_creds_get_pid(creds, &ret->pid) < 0)
                ret->pid = 0;
        sd_bus_creds_unref(creds);
        return r;
}

static struct caller *find(struct callers *c, const char *name) {
        for (struct caller **p = &c->first; *p; p = &(*p)->next)
                if (strcmp((*p)->name, name) == 0) {
                        struct caller *caller = take(c, p);

                        caller->next = c->first;
                        c->first = caller;
                        c->n++;
                        return caller;
                }
        return NULL;
}

/* Watched first and asked about then: one that ends in between is found out by one of the two. */
static int add(struct callers *c, sd_bus_message *m, const char *name, struct caller **ret) {
        _cleanup_(caller_freep) struct caller *caller = NULL;
        int r;

        caller = calloc(1, sizeof(*caller) + strlen(name) + 1);
        if (!caller)
                return -ENOMEM;
        caller->callers = c;
        strcpy(caller->name, name);
        r = watch(c, caller);
        if (r < 0)
                return r;
        r = ask(c, m, name, caller);
        if (r < 0)
                return r;
        if (c->n >= CALLERS_MAX) {
                _cleanup_(caller_freep) struct caller *oldest = NULL;
                struct caller **last = &c->first;

                while ((*last)->next)
                        last = &(*last)->next;
                oldest = take(c, last);
        }
        caller->next = c->first;
        c->n++;
        *ret = c->first = TAKE_PTR(caller);
        return 0;
}

int callers_uid(struct callers *c, sd_bus_message *m, uid_t *ret, pid_t *ret_pid, struct failure *failure) {
        const char *name = sd_bus_message_get_sender(m);
        struct caller *caller;
        int r = name ? 0 : -ENXIO;

        caller = name ? find(c, name) : NULL;
        if (name && !caller)
                r = add(c, m, name, &caller);
        if (r == -ENOMEM)
                return fail_memory(failure);
        if (r < 0)
                return fail(failure, FAILURE_ACCESS_DENIED,
                            "The bus does not say whose connection '%.64s' is (%s); connect again and repeat the call.",
                            name ? name : "", strerror(-r));
        *ret = caller->uid;
        if (ret_pid)
                *ret_pid = caller->pid;
        return 0;
}

int callers_new(const struct callers_config *config, struct callers **ret) {
        struct callers *c;

        c = malloc(sizeof(*c));
        if (!c)
                return -ENOMEM;
        *c = (struct callers) {
                .bus = sd_bus_ref(config->bus),
                .uid_of = config->authorizer->uid_of,
                .uid_of_userdata = config->authorizer->userdata,
                .gone = config->gone,
                .userdata = config->userdata,
        };
        *ret = c;
        return 0;
}

struct callers *callers_free(struct callers *c) {
        if (!c)
                return NULL;
        while (c->first)
                caller_free(take(c, &c->first));
        sd_bus_unref(c->bus);
        free(c);
        return NULL;
}
