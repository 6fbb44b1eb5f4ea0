/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <malloc.h>
#include <string.h>
#include <time.h>

#include "service/bus/share.h"

/* Of each window a user has that much of the loop before others come first. */
#define WINDOW_USEC (100 * 1000)
#define BUDGET_NSEC (10 * 1000 * 1000)

/* What an answer of polkit's costs others, who wait for theirs. Whoever was refused calls just now has one a window. */
#define POLKIT_NSEC (5 * 1000 * 1000)

/* Calls that wait for polkit before others of the same user are held back. */
#define ASKING_MAX 4

/* So long after that many were held the budget is all that he has, and polkit is asked one thing at a time. */
#define MANY 32
#define FLOOD_USEC (1000 * 1000)

/* Calls that are held back of one user; the bus passes on 128 of a connection. */
#define HELD_MAX 256

/* Of a sender who is not known: programs ask for much at once when they begin. Fewer where there are many such calls. */
#define UNKNOWN_MAX 64
#define UNKNOWN_MANY 256
#define UNKNOWN_MAX_OF_MANY 4
#define UNKNOWN_ALL_MAX 1024

/* sd-bus does not say how large a message is: beyond a few, all together may take so much of the memory. */
#define FEW 4
#define MEMORY_MAX (UINT64_C(32) * 1024 * 1024)

/*
 * A refusal is late: the bus passes on 128 calls of a connection that are not answered and refuses the next ones
 * itself, so whoever calls without a pause fills nobody's queue. Those of a user beyond a few are so late that his
 * calls wait here rather than in the bus, which has one queue for us, of everybody's calls, and is slow to empty it
 * when it has much to do; but sooner than callers stop to wait, which is after 25 seconds. So many wait at once.
 */
#define LATE_USEC (1000 * 1000)
#define LATER_USEC (20 * 1000 * 1000)
#define LATE_FEW 256
#define LATE_MAX 40000

/* Of callers who are not known. */
#define NOBODY ((uid_t) -1)

/* What is read between two calls that are done; what is there to be read comes first. */
#define READ_MAX 64
#define LATER_TURNS 4 /* the same, of share_begin() */
#define PRIORITY_LATE (SD_EVENT_PRIORITY_NORMAL + 10)
#define PRIORITY_NOW (SD_EVENT_PRIORITY_NORMAL - 10)

/* polkit may be answering, or not: its answers bring us back sooner. */
#define BLOCKED_USEC (20 * 1000)

struct held {
        struct held *next;
        sd_bus_message *message;
        uint64_t usec; /* of a refusal: when it is sent */
        uid_t uid;     /* the same: whose it is */
};

struct queue {
        struct held *first, *last;
        size_t n;
};

struct share_user {
        struct share_user *next;
        uid_t uid;
        struct queue queue;
        uint64_t used_nsec;    /* in this window */
        uint64_t flooded_usec; /* when MANY were held the last time; 0: never */
        size_t n_refused;      /* refusals that are not sent yet */
};

struct share {
        struct bus *bus;
        struct authorizer_listener listener;
        sd_bus_slot *filter;
        sd_event_source *turn, *blocked, *late;
        struct queue unknown;     /* of all senders whom the bus is asked about */
        struct queue late_ones, later_ones; /* refusals that are not sent yet */
        struct share_user *users; /* in the order of their turns */
        struct share_user *running;
        sd_bus_message *passing; /* has its turn, and is on its way */
        uint64_t window_usec, began_nsec, memory;
        size_t n; /* calls in all queues */
        size_t n_read;
};

static uint64_t cpu_nsec(void) {
        struct timespec t;

        return clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) < 0 ? 0
                                                              : (uint64_t) t.tv_sec * 1000000000 + (uint64_t) t.tv_nsec;
}

static uint64_t memory_in_use(void) {
        struct mallinfo2 info = mallinfo2();

        return info.uordblks + info.hblkhd;
}

static uint64_t now(const struct share *s) {
        uint64_t usec = 0;

        (void) sd_event_now(s->bus->shared->event, CLOCK_MONOTONIC, &usec);
        return usec;
}

static bool is_of_calls(const struct share *s, const struct queue *q) {
        return q != &s->late_ones && q != &s->later_ones;
}

static int push(struct share *s, struct queue *q, sd_bus_message *m) {
        struct held *held = malloc(sizeof(*held));

        if (!held)
                return -ENOMEM;
        *held = (struct held) { .message = sd_bus_message_ref(m) };
        if (q->last)
                q->last->next = held;
        else
                q->first = held;
        q->last = held;
        q->n++;
        s->n += is_of_calls(s, q);
        return 0;
}

/* The one behind previous, or the first; the caller has its reference. */
static sd_bus_message *pull(struct share *s, struct queue *q, struct held *previous) {
        struct held *held = previous ? previous->next : q->first;
        sd_bus_message *m = held->message;

        if (previous)
                previous->next = held->next;
        else
                q->first = held->next;
        if (q->last == held)
                q->last = previous;
        q->n--;
        s->n -= is_of_calls(s, q);
        free(held);
        return m;
}

/* Of everybody who has used some; who has nothing else here is forgotten. */
static void begin_window(struct share *s) {
        uint64_t usec = now(s);

        if (usec < s->window_usec + WINDOW_USEC)
                return;
        s->window_usec = usec;
        for (struct share_user **p = &s->users; *p;) {
                struct share_user *u = *p;

                u->used_nsec = 0;
                if (u->queue.n > 0 || u->n_refused > 0 || u == s->running || usec < u->flooded_usec + FLOOD_USEC) {
                        p = &u->next;
                        continue;
                }
                *p = u->next;
                free(u);
        }
}

static struct share_user *user_of(struct share *s, uid_t uid) {
        struct share_user **p = &s->users, *u;

        for (; *p; p = &(*p)->next)
                if ((*p)->uid == uid)
                        return *p;
        u = malloc(sizeof(*u));
        if (u)
                *u = (struct share_user) { .uid = uid };
        return *p = u;
}

/* When the next call comes, whatever else the loop has done since: what is charged too much is gone with the window. */
static void charge(struct share *s) {
        if (s->running)
                s->running->used_nsec += cpu_nsec() - s->began_nsec;
        s->running = NULL;
}

static void run(struct share *s, struct share_user *u) {
        s->running = u;
        s->began_nsec = cpu_nsec();
}

static bool floods(const struct share *s, const struct share_user *u) {
        return u->flooded_usec > 0 && now(s) < u->flooded_usec + FLOOD_USEC;
}

/* polkit answers one after the other, and others' questions come behind. */
static bool is_asking(struct share *s, const struct share_user *u) {
        return s->bus->authorizer->n_asking(s->bus->authorizer, u->uid) >= (floods(s, u) ? 1 : ASKING_MAX);
}

static bool may_go_on(struct share *s, const struct share_user *u) {
        return u->queue.n > 0 && !is_asking(s, u) && (!floods(s, u) || u->used_nsec < BUDGET_NSEC);
}

/* Arranges for the next call that is held to have its turn. */
static void go_on(struct share *s) {
        if (s->passing || s->n == s->unknown.n)
                return;
        (void) sd_event_source_set_priority(s->turn, s->n_read < READ_MAX ? PRIORITY_LATE : PRIORITY_NOW);
        (void) sd_event_source_set_enabled(s->turn, SD_EVENT_ONESHOT);
}

/* Whoever has a turn is the last of all then. */
static struct share_user *next_user(struct share *s) {
        struct share_user **p = &s->users, *u;

        while (*p && !may_go_on(s, *p))
                p = &(*p)->next;
        u = *p;
        if (!u)
                return NULL;
        *p = u->next;
        u->next = NULL;
        for (p = &s->users; *p; p = &(*p)->next)
                ;
        return *p = u;
}

static int on_turn(sd_event_source *source, void *userdata) {
        struct share *s = userdata;
        struct share_user *u;
        sd_bus_message *m;

        charge(s);
        begin_window(s);
        s->n_read = 0;
        u = next_user(s);
        if (!u) {
                (void) sd_event_source_set_time_relative(s->blocked, BLOCKED_USEC);
                return sd_event_source_set_enabled(s->blocked, SD_EVENT_ONESHOT);
        }
        m = pull(s, &u->queue, NULL);
        s->passing = m;
        if (sd_bus_enqueue_for_read(s->bus->bus, m) < 0) {
                s->passing = NULL;
                (void) sd_bus_reply_method_errno(m, ENOMEM, NULL);
                go_on(s);
        }
        sd_bus_message_unref(m);
        return 0;
}

static int on_blocked(sd_event_source *source, uint64_t usec, void *userdata) {
        go_on(userdata);
        return 0;
}

static void wait_for_refusals(struct share *s) {
        const struct held *a = s->late_ones.first, *b = s->later_ones.first;

        if (!a && !b)
                return;
        (void) sd_event_source_set_time(s->late, !a || (b && b->usec < a->usec) ? b->usec : a->usec);
        (void) sd_event_source_set_enabled(s->late, SD_EVENT_ONESHOT);
}

static void send_refusals(struct share *s, struct queue *q, uint64_t usec) {
        while (q->first && q->first->usec <= usec) {
                struct share_user *u = user_of(s, q->first->uid);
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = pull(s, q, NULL);

                if (u)
                        u->n_refused--;
                (void) sd_bus_send(s->bus->bus, reply, NULL);
        }
}

static int on_late(sd_event_source *source, uint64_t usec, void *userdata) {
        struct share *s = userdata;

        send_refusals(s, &s->late_ones, usec);
        send_refusals(s, &s->later_ones, usec);
        wait_for_refusals(s);
        return 0;
}

/* Of a user whose calls are refused anyway: he has an entry for as long as one of these waits. */
static int send_late(struct share *s, uid_t uid, sd_bus_message *reply) {
        struct share_user *u = user_of(s, uid);
        bool few = u && u->n_refused < LATE_FEW;
        struct queue *q = few ? &s->late_ones : &s->later_ones;
        int r;

        if (!u || s->late_ones.n + s->later_ones.n >= LATE_MAX)
                return -ENOBUFS;
        r = push(s, q, reply);
        if (r < 0)
                return r;
        u->n_refused++;
        q->last->uid = uid;
        q->last->usec = now(s) + (few ? LATE_USEC : LATER_USEC);
        if (q->n == 1)
                wait_for_refusals(s);
        return 0;
}

static void refuse(struct share *s, uid_t uid, sd_bus_message *m, size_t n) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;

        if (sd_bus_message_get_expect_reply(m) > 0 &&
            sd_bus_message_new_method_errorf(m, &reply, SD_BUS_ERROR_LIMITS_EXCEEDED,
                                             "%zu of your calls are waiting already; wait for their replies and call "
                                             "again.", n) >= 0 &&
            send_late(s, uid, reply) < 0)
                (void) sd_bus_send(s->bus->bus, reply, NULL);
}

/* Takes the message out of those that go on. n are waiting of those with which it shares a limit. */
static void hold(struct share *s, struct queue *q, uid_t uid, size_t n, size_t max, sd_bus_message *m) {
        uint64_t memory = n < FEW && s->n > 0 ? 0 : memory_in_use();

        if (s->n == 0)
                s->memory = memory;
        if (n >= max || (n >= FEW && memory > s->memory + MEMORY_MAX)) {
                refuse(s, uid, m, n);
                return;
        }
        if (push(s, q, m) < 0)
                (void) sd_bus_reply_method_errno(m, ENOMEM, NULL);
}

static size_t unknown_max(size_t n) {
        if (n >= UNKNOWN_ALL_MAX)
                return 0;
        return n < UNKNOWN_MANY ? UNKNOWN_MAX : UNKNOWN_MAX_OF_MANY;
}

static void hold_unknown(struct share *s, sd_bus_message *m) {
        const char *sender = sd_bus_message_get_sender(m);
        size_t n = 0;

        for (const struct held *h = s->unknown.first; h; h = h->next)
                n += strcmp(sd_bus_message_get_sender(h->message), sender) == 0;
        hold(s, &s->unknown, NOBODY, n, unknown_max(s->unknown.n), m);
}

static void hold_known(struct share *s, struct share_user *u, sd_bus_message *m) {
        hold(s, &u->queue, u->uid, u->queue.n, HELD_MAX, m);
        if (u->queue.n >= MANY)
                u->flooded_usec = now(s);
        go_on(s);
}

/* 1: held or refused; 0: passes. */
static int admit(struct share *s, uid_t uid, sd_bus_message *m) {
        struct share_user *u;

        begin_window(s);
        u = user_of(s, uid);
        if (!u)
                return -ENOMEM;
        if (u->queue.n == 0 && u->used_nsec < BUDGET_NSEC && !is_asking(s, u)) {
                run(s, u);
                return 0;
        }
        hold_known(s, u, m);
        return 1;
}

/* It has waited already. */
static int resume(struct share *s, sd_bus_message *m, bool is_back) {
        struct authorizer *a = s->bus->authorizer;
        struct share_user *u = NULL;
        struct failure failure;
        uid_t uid;

        if (a->caller(a, m, &uid, &failure) >= 0)
                u = user_of(s, uid);
        if (!u)
                return 0;
        if (is_back)
                u->used_nsec += u->n_refused > 0 ? BUDGET_NSEC : POLKIT_NSEC;
        run(s, u);
        return 0;
}

static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct share *s = userdata;
        struct authorizer *a = s->bus->authorizer;
        struct failure failure;
        bool is_back;
        uid_t uid;
        int r;

        charge(s);
        if (!sd_bus_message_is_method_call(m, NULL, NULL) || !sd_bus_message_get_sender(m))
                return 0;
        is_back = a->is_back(a, m);
        if (m == s->passing || is_back) {
                if (m == s->passing)
                        s->passing = NULL;
                go_on(s);
                return resume(s, m, is_back);
        }
        s->n_read++;
        r = a->knows(a, m);
        if (r == 0) {
                hold_unknown(s, m);
                return 1;
        }
        /* Who cannot be asked about is refused by whoever needs to know. */
        if (r < 0 || a->caller(a, m, &uid, &failure) < 0 || uid == 0)
                return 0;
        return admit(s, uid, m);
}

/* Nobody waits for a reply to these. */
static void drop_held(struct share *s, struct queue *q, const char *name) {
        for (struct held *h = q->first, *previous = NULL; h;) {
                bool gone = strcmp(sd_bus_message_get_sender(h->message), name) == 0;

                if (!gone)
                        previous = h;
                h = h->next;
                if (gone)
                        sd_bus_message_unref(pull(s, q, previous));
        }
}

/* The bus has said whose it is, or nothing of use. */
static void admit_known(struct share *s, sd_bus_message *m, bool known) {
        struct authorizer *a = s->bus->authorizer;
        struct share_user *u = NULL;
        struct failure failure;
        uid_t uid;

        if (known && a->caller(a, m, &uid, &failure) >= 0)
                u = user_of(s, uid);
        if (u)
                hold_known(s, u, m);
        else
                (void) sd_bus_reply_method_errorf(m, SD_BUS_ERROR_ACCESS_DENIED,
                                                  "The bus does not say whose connection '%.64s' is; connect again and "
                                                  "repeat the call.", sd_bus_message_get_sender(m));
}

static void on_gone(const char *name, void *userdata) {
        struct share *s = userdata;

        for (struct share_user *u = s->users; u; u = u->next)
                drop_held(s, &u->queue, name);
        drop_held(s, &s->unknown, name);
}

static void on_learnt(const char *name, bool known, void *userdata) {
        struct share *s = userdata;

        for (struct held *h = s->unknown.first, *previous = NULL; h;) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;

                if (strcmp(sd_bus_message_get_sender(h->message), name) != 0) {
                        previous = h;
                        h = h->next;
                        continue;
                }
                h = h->next;
                m = pull(s, &s->unknown, previous);
                admit_known(s, m, known);
        }
}

int share_new(struct bus *b, struct share **ret) {
        _cleanup_(share_freep) struct share *s = NULL;
        sd_event *event = b->shared->event;
        int r;

        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        s->bus = b;
        r = sd_event_add_defer(event, &s->turn, on_turn, s);
        if (r >= 0)
                r = sd_event_source_set_enabled(s->turn, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_time_relative(event, &s->blocked, CLOCK_MONOTONIC, 0, 0, on_blocked, s);
        if (r >= 0)
                r = sd_event_source_set_enabled(s->blocked, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_time_relative(event, &s->late, CLOCK_MONOTONIC, 0, 0, on_late, s);
        if (r >= 0)
                r = sd_event_source_set_enabled(s->late, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_bus_add_filter(b->bus, &s->filter, on_message, s);
        if (r < 0)
                return r;
        s->listener = (struct authorizer_listener) { .learnt = on_learnt, .gone = on_gone, .userdata = s };
        b->authorizer->listener = &s->listener;
        b->share = s;
        *ret = TAKE_PTR(s);
        return 0;
}

static void clear(struct share *s, struct queue *q) {
        while (q->first)
                sd_bus_message_unref(pull(s, q, NULL));
}

struct share *share_free(struct share *s) {
        if (!s)
                return NULL;
        s->bus->authorizer->listener = NULL;
        s->bus->share = NULL;
        sd_bus_slot_unref(s->filter);
        sd_event_source_disable_unref(s->turn);
        sd_event_source_disable_unref(s->blocked);
        sd_event_source_disable_unref(s->late);
        clear(s, &s->unknown);
        clear(s, &s->late_ones);
        clear(s, &s->later_ones);
        while (s->users) {
                struct share_user *u = s->users;

                s->users = u->next;
                clear(s, &u->queue);
                free(u);
        }
        free(s);
        return NULL;
}

void share_begin(struct share *s, uid_t uid) {
        struct share_user *u;

        charge(s);
        begin_window(s);
        u = uid == 0 ? NULL : user_of(s, uid);
        if (u)
                run(s, u);
}

/* As often as that calls have a turn, too: others are held back meanwhile. */
void share_end(struct share *s) {
        charge(s);
        s->n_read += READ_MAX / LATER_TURNS;
        go_on(s);
}

size_t share_count(const struct share *s) {
        return s->n;
}
