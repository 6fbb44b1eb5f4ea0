/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A stream: the ring set of one channel for one compartment, or for one process
 * that needs a ring set of its own. Its memory files are made here, and their
 * headers filled in before anybody else sees them. Counted; the files close
 * with the last user (recording, session views). Everything is constant but the
 * classes, which belong to the recording's lock.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "protocol/consumer.h"
#include "service/model/view.h"
#include "service/domain/user.h"

struct stream {
        atomic_uint refs;
        struct user_domain *domain;
        uint64_t ring_id; /* never used again */
        uint64_t bytes;   /* charged to the domain */
        struct charge charge, memory_charge; /* to the session's owner */
        uint32_t channel; /* its id; the stream's number in its set */
        int ring_fd, positions_fd, positions_readonly_fd;
        bool in_files;        /* of the session's output, made by the consumer: positions_fd is -1 */
        atomic_bool is_made;  /* the descriptors are there, for good: stored after them, read before */

        uint64_t ring_stored, positions_stored; /* in the store of descriptors; 0: they end with tracingd */

        struct stream *next; /* in its set */
        uint64_t *announced; /* bits: class ids that the consumer was told of */
        uint32_t n_announced; /* words */
        uint64_t serial;      /* of the newest message about this stream */
        uint64_t asked;       /* of RING_FILES */
};

/*
 * Charged to uid. -EDQUOT when that uid may not have it; -EFBIG when
 * all rings together would take too much of the machine's memory.
 */
int stream_new(struct user_domain *domain, const struct model_channel *channel, uid_t uid, bool locked,
               struct stream **ret);

/* Begins to make the memory that such a stream will want, where the domain does so. */
void stream_foresee(struct user_domain *domain, const struct model_channel *channel);

/* enum ring_flags of a ring of it. */
uint32_t stream_ring_flags(const struct model_channel *channel, bool locked);

/* As stream_new(), of files that the consumer makes and stream_give_files() brings. */
int stream_new_in_files(struct user_domain *domain, const struct model_channel *channel, uid_t uid, bool locked,
                        struct stream **ret);

/* One of those after a restart: the consumer is asked for its files again. */
int stream_restore_in_files(struct user_domain *domain, const struct consumer_ring_files *message, uid_t uid,
                            uint64_t ring_id, struct stream **ret);

/*
 * Ring and, for reading, positions, of the owner of the session: fds are replaced
 * by -1 where they are taken over. -EBADMSG for anything else than a file of his.
 */
int stream_give_files(struct stream *stream, uid_t owner, int fds[2]);

/* The files of one that an earlier tracingd made. */
struct stream_remains {
        uint64_t ring_id;
        int ring_fd, positions_fd; /* taken over, also on failure; -1: they are lost */
        uint64_t ring_stored, positions_stored;
};

int stream_restore(struct user_domain *domain, uint32_t channel, uid_t uid, const struct stream_remains *remains,
                   struct stream **ret);

struct stream *stream_ref(struct stream *s);
struct stream *stream_unref(struct stream *s);

static inline void stream_unrefp(struct stream **s) {
        if (*s)
                stream_unref(*s);
}

bool stream_has_class(const struct stream *s, uint32_t id);
int stream_add_class(struct stream *s, uint32_t id);
