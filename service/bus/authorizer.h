/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Who may do what, on one connection. Every method asks before it changes or
 * shows anything. Main loop only.
 *
 * What belongs to the caller's own uid is one question, what belongs to others
 * another; the answer may have to be fetched (polkit), then the method is called
 * again with it. Whoever may not know of something learns nothing about it, not
 * even whether it exists.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "common/cleanup.h"
#include "service/model/failure.h"

enum action {
        ACTION_LIST,    /* see that something exists */
        ACTION_TRACE,   /* make sessions, reach applications */
        ACTION_CONTROL, /* change a session */
        ACTION_READ,    /* see what was recorded */
        ACTION_KERNEL,  /* trace the whole kernel; the owner is OWNER_ANY, as of those that follow */
        ACTION_KERNEL_OWN, /* trace what the kernel does for one's own processes, and nothing else of it */
        ACTION_PROBE,   /* set probes, in programs and in the kernel */
        ACTION_MEMORY,  /* record what programs have in their memory */
        ACTION_EXCEED,  /* have more than the limits allow */
};

/* What somebody wants to do. Strings may be NULL; administrators' rules see them. */
struct question {
        enum action action;
        uid_t owner; /* of what it is done to */
        const char *session, *domain, *pattern, *target_unit;
        bool quiet; /* nobody is asked for a password, whatever the message allows */
        bool tentative; /* who is refused it is asked another question: that is no refusal for the journal */
};

#define OWNER_ANY ((uid_t) -1) /* a question about what belongs to everybody */

/* Told of names on the bus. */
struct authorizer_listener {
        void (*learnt)(const char *name, bool known, void *userdata); /* the bus has answered, perhaps nothing of use */
        void (*gone)(const char *name, void *userdata);
        void *userdata;
};

struct authorizer {
        bool may_exceed; /* somebody can be asked whether limits may be exceeded; else they hold */
        /* 1: allowed. 0: asked; the method is called again with the answer. -errno: denied. */
        int (*check)(struct authorizer *a, sd_bus_message *m, const struct question *question,
                     struct failure *failure);
        /* The uid on whose behalf a message was sent, as the kernel or the bus says it. */
        int (*caller)(struct authorizer *a, sd_bus_message *m, uid_t *ret, struct failure *failure);
        /*
         * Whether the sender may know of what belongs to owner: its own, or what check()
         * has said yes to for this message. m NULL: nobody's message, such as a signal
         * that is being composed; whoever sends it chooses who receives it, so yes.
         */
        bool (*shows)(struct authorizer *a, sd_bus_message *m, uid_t owner);
        struct authorizer *(*free)(struct authorizer *a);

        /* For share.h, of the system's authorizer alone; NULL elsewhere. */
        /* 1: caller() answers at once. 0: the listener will be told when it does. -errno: caller() has to ask. */
        int (*knows)(struct authorizer *a, sd_bus_message *m);
        /* Whether m comes again since polkit has answered. */
        bool (*is_back)(struct authorizer *a, sd_bus_message *m);
        /* How many of uid's calls polkit was asked about just now and has not answered. */
        unsigned (*n_asking)(struct authorizer *a, uid_t uid);
        const struct authorizer_listener *listener; /* set by who listens */
};

static inline struct authorizer *authorizer_free(struct authorizer *a) {
        return a ? a->free(a) : NULL;
}
DEFINE_CLEANUP(struct authorizer *, authorizer_free)

/*
 * The process at the other end of the connected socket may do everything to what
 * belongs to its uid, which must be ours (-EACCES where it is not). That uid may
 * do everything to others, too, where it is root's, and the audit is told. audit
 * outlives the authorizer; NULL: nobody is told.
 */
struct audit;
int authorizer_new_peer(int socket, struct audit *audit, struct authorizer **ret);

struct authorizer_config {
        struct audit *audit; /* outlives the authorizer; NULL: nothing is written */
        /*
         * Another connection to the same bus, by which polkit is asked, and the bus about callers: on the one that
         * has the calls, the answers would come behind all that callers have sent. NULL: there is only that one.
         */
        sd_bus *aside;

        /* For tests: in production all of these are zero. */
        /* Whose a unique name is. NULL: the bus is asked. */
        int (*uid_of)(const char *sender, uid_t *ret, void *userdata);
        pid_t pid; /* the process of all those; 0: not known */
        void *userdata;
        bool details;           /* tell polkit the details, although we are not root */
        uint64_t polkit_usec;   /* that polkit has to answer; 0: the default */
        uint64_t password_usec; /* the same where somebody may be asked for a password */
};

/*
 * On the system bus: the caller is whom the bus says, and polkit is asked what he
 * may do. bus is attached to event; the authorizer keeps it.
 */
int authorizer_new_system(sd_event *event, sd_bus *bus, const struct authorizer_config *config,
                          struct authorizer **ret);

/* On a user's bus: our own uid, and root on its behalf, may do everything. */
int authorizer_new_user(sd_bus *bus, const struct authorizer_config *config, struct authorizer **ret);
