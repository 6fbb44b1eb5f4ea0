/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The data side of a session: its ring sets, its class ids, its consumer. Made
 * when the session is first started; counted, since published models and session
 * views still point to it when the session is gone.
 *
 * Ring sets are made lazily by the worker that first needs one, under the
 * recording's lock. The lock also orders what the consumer is told: RINGS,
 * CLASSES, and only then does any view show the class (see view.h).
 * Locks: definitions, then domain, then recording, then sender.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/cleanup.h"
#include "service/domain/compartment.h"
#include "service/domain/stream.h"
#include "service/model/view.h"
#include "service/registry/definitions.h"
#include "service/unit/sender.h"

struct recording;

/* For a session of owner, to whom its rings are charged. in_files: those of his own programs are files of the output. */
int recording_new(struct user_domain *domain, uid_t owner, const char *session, bool in_files, struct sender *sender,
                  struct recording **ret);

struct recording *recording_ref(struct recording *r);
struct recording *recording_unref(struct recording *r);

static inline void recording_unrefp(struct recording **r) {
        if (*r)
                recording_unref(*r);
}

/* What one application will write into a channel. */
struct recording_request {
        const struct model_channel *channel;
        struct compartment *compartment;
        uint64_t application; /* that wants a ring set for itself, or 0 */
        pid_t pid;            /* of that application */
        const struct event_definitions *definitions;
        const uint32_t *events; /* indices into the definitions */
        size_t n_events;
};

/*
 * The stream for a request, and the class ids of its events. All of it may be
 * used once the sender has sent *ret_serial. -EPIPE when the consumer is gone;
 * any other failure has been reported to the main loop. The caller owns *ret.
 */
int recording_prepare(struct recording *r, const struct recording_request *request, uint32_t *ret_ids,
                      struct stream **ret, uint64_t *ret_serial);

/*
 * The consumer has answered: whether that was about a ring set in files, which
 * are taken over (replaced by -1) or are not there, for an errno that is reported.
 */
bool recording_take_files(struct recording *r, uint64_t serial, int error, int fds[2]);

/* The application is gone: its own ring sets are handed to the consumer and forgotten. */
void recording_release(struct recording *r, uint64_t application);

/* As recording_release(), of rings that did not outlive the last tracingd. */
void recording_release_lost(struct recording *r, uint64_t application);

/*
 * After a restart, before there are threads: makes the ring set's stream that a
 * message RINGS described, knows the classes of a message CLASSES, whose
 * definitions are `size` bytes of data, in a channel with these contexts, or knows that a set is over by RELEASE or
 * by its name. -EBADMSG where that fits nothing. *ret_lost: the rings are gone.
 */
int recording_restore_rings(struct recording *r, const struct consumer_rings *message, const struct record_rings *more,
                            const struct stream_remains *remains, bool *ret_lost);
int recording_restore_ring_files(struct recording *r, const struct consumer_ring_files *message,
                                 const struct record_rings *more);
int recording_restore_classes(struct recording *r, const struct consumer_classes *message,
                              const struct context_set *contexts, const void *data, size_t size);
int recording_restore_release(struct recording *r, const struct consumer_release *message);
int recording_restore_name(struct recording *r, uid_t uid, const char *name);

/* Whether the rings of the set that a message is about are gone. */
bool recording_is_lost(const struct recording *r, uint64_t set);

const char *recording_session(const struct recording *r);
uid_t recording_owner(const struct recording *r);
struct sender *recording_sender(const struct recording *r);

/* The next one in the domain's list, under the domain's lock. */
struct recording *recording_next(const struct recording *r);
