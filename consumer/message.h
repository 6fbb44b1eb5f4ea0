/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * tracingd's messages as they arrive: received whole, their form checked. What
 * they mean is the drainer's affair. A message owns the descriptors that came
 * with it until message_done().
 */

#include <stddef.h>

#include "common/datagram.h"
#include "protocol/consumer.h"

struct message {
        int fds[DATAGRAM_FDS_MAX];
        size_t n_fds;
        union {
                struct consumer_header header;
                struct consumer_output output;
                struct consumer_session session;
                struct consumer_rings rings;
                struct consumer_ring_files ring_files; /* begins as rings */
                struct consumer_classes classes;
                struct consumer_release release;
                struct consumer_snapshot snapshot;
                struct consumer_rotate rotate;
                struct consumer_kernel kernel;
                struct consumer_kernel_cpus kernel_cpus;
                struct consumer_kernel_events kernel_events; /* KERNEL_STATE has the same members */
                char bytes[CONSUMER_MESSAGE_MAX];
        };
};

/*
 * Receives one message. 1; 0 at the end of file; -EAGAIN with MSG_DONTWAIT in
 * flags where none waits; -EBADMSG where its form is broken, -EOPNOTSUPP where a
 * later version knows it: header.serial is then what should be acknowledged, and
 * there is nothing to free.
 */
int message_receive(int socket, int flags, struct message *ret);

void message_done(struct message *message);
