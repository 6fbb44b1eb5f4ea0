/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/hash.h"
#include "service/bus/caller.h"
#include "service/registry/peer.h"

/* More than a bus has connections. */
#define BUCKETS 256
#define BUCKET_MAX 16

#define USEC_PER_SEC UINT64_C(1000000)
#define ANSWER_USEC (10 * USEC_PER_SEC)

struct caller {
        struct caller *next; /* the one of its bucket that was asked about before this one */
        struct callers *callers;
        sd_bus_slot *slot; /* the bus is asked whose it is; NULL: that is known */
        uid_t uid;
        struct caller_process process;
        char name[];
};

struct callers {
        sd_bus *bus;
        sd_bus_slot *slot; /* tells of the names that end; from the first question on */
        int (*uid_of)(const char *sender, uid_t *ret, void *userdata);
        void *uid_of_userdata;
        pid_t pid; /* of all of uid_of's */
        void (*learnt)(const char *sender, bool known, void *userdata);
        void (*gone)(const char *sender, void *userdata);
        void *userdata;
        struct caller *buckets[BUCKETS];
};

static void caller_free(struct caller *c) {
        sd_bus_slot_unref(c->slot);
        free(c);
}

DEFINE_CLEANUP(struct caller *, caller_free)

static struct caller *take(struct caller **place) {
        struct caller *caller = *place;

        *place = caller->next;
        return caller;
}

static struct caller **bucket_of(struct callers *c, const char *name) {
        return &c->buckets[hash_bytes(HASH_INIT, name, strlen(name)) % BUCKETS];
}

/* It becomes its bucket's first. */
static struct caller *find(struct callers *c, const char *name) {
        struct caller **bucket = bucket_of(c, name);

        for (struct caller **p = bucket; *p; p = &(*p)->next)
                if (strcmp((*p)->name, name) == 0) {
                        struct caller *caller = take(p);

                        caller->next = *bucket;
                        *bucket = caller;
                        return caller;
                }
        return NULL;
}

static int on_gone(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(caller_freep) struct caller *caller = NULL;
        struct callers *c = userdata;
        const char *name;

        if (sd_bus_message_read(m, "s", &name) < 0 || !find(c, name))
                return 0;
        caller = take(bucket_of(c, name));
        if (c->gone)
                c->gone(caller->name, c->userdata);
        return 0;
}

/* A bus that refuses to watch names costs us the early notice only. */
static int on_match(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return 1;
}

/* Not before there is a caller: the connection has begun then. */
static int watch(struct callers *c) {
        if (c->slot)
                return 0;
        return sd_bus_add_match_async(c->bus, &c->slot,
                                      "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
                                      "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg2=''",
                                      on_gone, on_match, c);
}

/* What the bus says of a connection, as a{sv}; what there is no key for is skipped. */
static int read_credentials(sd_bus_message *reply, struct caller *caller) {
        bool has_uid = false;
        uint32_t number;
        const char *key;
        int r;

        r = sd_bus_message_enter_container(reply, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(reply, 'e', "sv")) > 0) {
                r = sd_bus_message_read(reply, "s", &key);
                if (r < 0)
                        return r;
                if (strcmp(key, "UnixUserID") != 0 && strcmp(key, "ProcessID") != 0)
                        r = sd_bus_message_skip(reply, "v");
                else if ((r = sd_bus_message_read(reply, "v", "u", &number)) >= 0) {
                        if (*key == 'U') {
                                caller->uid = number;
                                has_uid = true;
                        } else
                                caller->process.pid = (pid_t) number;
                }
                if (r >= 0)
                        r = sd_bus_message_exit_container(reply);
        }
        return r < 0 ? r : has_uid ? 0 : -ENXIO;
}

static int new_question(struct callers *c, const char *name, sd_bus_message **ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = sd_bus_message_new_method_call(c->bus, &m, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                           "org.freedesktop.DBus", "GetConnectionCredentials");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", name);
        if (r >= 0)
                *ret = TAKE_PTR(m);
        return r;
}

static int ask(struct callers *c, const char *name, struct caller *ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        int r;

        if (c->uid_of) {
                ret->process.pid = c->pid;
                return c->uid_of(name, &ret->uid, c->uid_of_userdata);
        }
        r = new_question(c, name, &m);
        if (r >= 0)
                r = sd_bus_call(c->bus, m, ANSWER_USEC, NULL, &reply);
        return r < 0 ? r : read_credentials(reply, ret);
}

/* Of a full bucket the one that has not called for the longest time goes, unless it is being asked about. */
static int make_room(struct caller **bucket) {
        struct caller **last = NULL;
        size_t n = 0;

        for (struct caller **p = bucket; *p; p = &(*p)->next, n++)
                if (!(*p)->slot)
                        last = p;
        if (n < BUCKET_MAX)
                return 0;
        if (!last)
                return -EBUSY;
        caller_free(take(last));
        return 0;
}

/* Watched first and asked about then: one that ends in between is found out by one of the two. */
static int prepare(struct callers *c, const char *name, struct caller **ret) {
        struct caller *caller;
        int r;

        r = watch(c);
        if (r >= 0)
                r = make_room(bucket_of(c, name));
        if (r < 0)
                return r;
        caller = calloc(1, sizeof(*caller) + strlen(name) + 1);
        if (!caller)
                return -ENOMEM;
        caller->callers = c;
        strcpy(caller->name, name);
        *ret = caller;
        return 0;
}

/* Without a pidfd it is the time of its start. */
static void read_start_time(struct caller_process *process) {
        if (process->pid <= 0 || process_identity(process->pid, -1, &process->start_time) < 0)
                process->start_time = 0;
}

static struct caller *insert(struct caller *caller) {
        struct caller **bucket = bucket_of(caller->callers, caller->name);

        caller->next = *bucket;
        return *bucket = caller;
}

static int add(struct callers *c, const char *name, struct caller **ret) {
        _cleanup_(caller_freep) struct caller *caller = NULL;
        int r;

        r = prepare(c, name, &caller);
        if (r >= 0)
                r = ask(c, name, caller);
        if (r < 0)
                return r;
        read_start_time(&caller->process);
        *ret = insert(TAKE_PTR(caller));
        return 0;
}

/* Who cannot be learnt about is forgotten, which its next message finds out. */
static int on_credentials(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        struct caller *caller = userdata;
        struct callers *c = caller->callers;
        _cleanup_free_ char *name = strdup(caller->name);
        bool known = !sd_bus_message_is_method_error(reply, NULL) && read_credentials(reply, caller) >= 0;

        caller->slot = sd_bus_slot_unref(caller->slot);
        if (!known) {
                (void) find(c, caller->name);
                caller_free(take(bucket_of(c, caller->name)));
        } else
                read_start_time(&caller->process);
        if (name)
                c->learnt(name, known, c->userdata);
        return 1;
}

static int ask_later(struct callers *c, const char *name) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_(caller_freep) struct caller *caller = NULL;
        int r;

        r = prepare(c, name, &caller);
        if (r >= 0)
                r = new_question(c, name, &m);
        if (r >= 0)
                r = sd_bus_call_async(c->bus, &caller->slot, m, on_credentials, caller, ANSWER_USEC);
        if (r >= 0)
                (void) insert(TAKE_PTR(caller));
        return r;
}

int callers_learn(struct callers *c, const char *name) {
        const struct caller *caller;
        int r;

        if (c->uid_of)
                return 1;
        caller = find(c, name);
        if (caller)
                return !caller->slot;
        r = ask_later(c, name);
        return r < 0 ? r : 0;
}

int callers_uid(struct callers *c, sd_bus_message *m, uid_t *ret, struct caller_process *ret_process,
                struct failure *failure) {
        const char *name = sd_bus_message_get_sender(m);
        struct caller *caller;
        int r = name ? 0 : -ENXIO;

        caller = name ? find(c, name) : NULL;
        if (caller && caller->slot)
                r = -EBUSY; /* its first message is still held back */
        else if (name && !caller)
                r = add(c, name, &caller);
        if (r == -ENOMEM)
                return fail_memory(failure);
        if (r < 0)
                return fail(failure, FAILURE_ACCESS_DENIED,
                            "The bus does not say whose connection '%.64s' is (%s); connect again and repeat the call.",
                            name ? name : "", strerror(-r));
        *ret = caller->uid;
        if (ret_process)
                *ret_process = caller->process;
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
                .pid = config->authorizer->pid,
                .learnt = config->learnt,
                .gone = config->gone,
                .userdata = config->userdata,
        };
        *ret = c;
        return 0;
}

struct callers *callers_free(struct callers *c) {
        if (!c)
                return NULL;
        for (size_t i = 0; i < BUCKETS; i++)
                while (c->buckets[i])
                        caller_free(take(&c->buckets[i]));
        sd_bus_slot_unref(c->slot);
        sd_bus_unref(c->bus);
        free(c);
        return NULL;
}
