/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A recording, as its files know it. */

#include <pthread.h>
#include <stdatomic.h>

#include "service/domain/class-table.h"
#include "service/domain/recording.h"
#include "service/domain/ring-set.h"

/* The class ids of a channel in a compartment. */
struct classes {
        struct classes *next;
        uint32_t channel;
        struct compartment *compartment;
        struct class_table table;
};

struct recording {
        atomic_uint refs;
        struct user_domain *domain;
        struct recording *next;
        struct sender *sender;
        char *session;
        bool in_files; /* rings of the owner's own programs */
        uid_t owner; /* of the session: rings are charged to him, whoever writes */

        pthread_mutex_t lock;
        struct ring_set *sets;
        struct classes *classes;
};

/* With the lock held: the table of a channel and compartment, made where there is none. */
int recording_classes(struct recording *r, uint32_t channel, struct compartment *compartment,
                      struct class_table **ret);
