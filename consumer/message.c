/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "common/clock.h"
#include "common/parse.h"
#include "consumer/message.h"
#include "protocol/context.h"
#include "protocol/ring.h"

/* The number of descriptors depends on the content. */
#define ANY_FDS SIZE_MAX

/* What a message of an earlier version can lack, and is 0 then. */
#define GROWTH_MAX 256

static bool name_is_good(const char name[CONSUMER_NAME_MAX], bool may_be_empty) {
        if (!memchr(name, '\0', CONSUMER_NAME_MAX))
                return false;
        return name[0] ? name_is_valid(name) : may_be_empty;
}

static bool session_is_good(const struct consumer_session *m) {
        return name_is_good(m->name, false) && m->clock < _TRACE_CLOCK_MAX && m->clock_frequency > 0 &&
               m->clock_offset_ticks < m->clock_frequency;
}

static bool rotate_is_good(const struct consumer_rotate *m) {
        return name_is_good(m->name, false) && (m->clock_frequency == 0 || m->clock_offset_ticks < m->clock_frequency);
}

static bool rings_are_good(const struct consumer_rings *m) {
        return name_is_good(m->set_name, false) && name_is_good(m->channel, false) && m->pid >= 0 &&
               (m->word_size == 32 || m->word_size == 64) && context_set_is_valid(m->contexts, m->app_contexts);
}

static bool kernel_is_good(const struct consumer_kernel *m) {
        return name_is_good(m->channel, false) && (m->flags & ~(uint32_t) CONSUMER_KERNEL_OVERWRITE) == 0 &&
               m->subbuf_size >= 4096 && m->subbuf_size <= CONSUMER_KERNEL_SUBBUF_MAX &&
               (m->subbuf_size & (m->subbuf_size - 1)) == 0 && m->n_cpus > 0 && m->n_cpus <= RING_CPUS_MAX &&
               m->buffer_size >= m->subbuf_size && m->buffer_size <= UINT64_C(1) << 48;
}

static bool cpus_are_good(const struct consumer_kernel_cpus *m, size_t n_fds) {
        return m->n_cpus > 0 && m->n_cpus <= CONSUMER_KERNEL_CPUS_MAX && n_fds == 2 * m->n_cpus;
}

static bool output_is_good(const struct consumer_output *m, size_t n_fds) {
        if (n_fds != (m->kind == CONSUMER_OUTPUT_FD) || !memchr(m->path, '\0', sizeof(m->path)))
                return false;
        switch (m->kind) {
        case CONSUMER_OUTPUT_FD:
                return !m->path[0];
        case CONSUMER_OUTPUT_DIRECTORY:
                return m->path[0] == '/';
        case CONSUMER_OUTPUT_STATE:
                return name_is_valid(m->path);
        default:
                return false;
        }
}

static bool is_good(const struct message *m, size_t size) {
        static const struct {
                size_t size, n_fds;
        } forms[] = {
                [CONSUMER_OUTPUT] = { SIZE_BEFORE_LATER(struct consumer_output), ANY_FDS },
                [CONSUMER_SESSION] = { SIZE_BEFORE_LATER(struct consumer_session), 1 },
                [CONSUMER_RINGS] = { sizeof(struct consumer_rings), 2 },
                [CONSUMER_CLASSES] = { sizeof(struct consumer_classes), 1 },
                [CONSUMER_RELEASE] = { SIZE_BEFORE_LATER(struct consumer_release), 0 },
                [CONSUMER_FLUSH] = { sizeof(struct consumer_header), 0 },
                [CONSUMER_SNAPSHOT] = { SIZE_BEFORE_LATER(struct consumer_snapshot), 0 },
                [CONSUMER_STOP] = { sizeof(struct consumer_header), 0 },
                [CONSUMER_ROTATE] = { CONSUMER_ROTATE_SIZE_MIN, 0 },
                [CONSUMER_CLEAR] = { sizeof(struct consumer_header), 0 },
                [CONSUMER_RESUMED] = { sizeof(struct consumer_header), 0 },
                [CONSUMER_KERNEL] = { SIZE_BEFORE_LATER(struct consumer_kernel), 2 },
                [CONSUMER_KERNEL_CPUS] = { SIZE_BEFORE_LATER(struct consumer_kernel_cpus), ANY_FDS },
                [CONSUMER_KERNEL_EVENTS] = { SIZE_BEFORE_LATER(struct consumer_kernel_events), 1 },
                [CONSUMER_KERNEL_STATE] = { SIZE_BEFORE_LATER(struct consumer_kernel_state), 1 },
                [CONSUMER_STREAM] = { sizeof(struct consumer_header), 2 },
                [CONSUMER_RING_FILES] = { SIZE_BEFORE_LATER(struct consumer_ring_files), 0 },
        };
        uint32_t type = m->header.type;

        if (m->header.size != size || type < CONSUMER_OUTPUT)
                return false;
        if (forms[type].n_fds != ANY_FDS && m->n_fds != forms[type].n_fds)
                return false;
        if (type == CONSUMER_CLASSES)
                return size >= sizeof(m->classes) && m->classes.n_classes <= CONSUMER_CLASSES_MAX &&
                       size >= sizeof(m->classes) + m->classes.n_classes * sizeof(m->classes.classes[0]);
        if (size < forms[type].size)
                return false;
        switch (type) {
        case CONSUMER_OUTPUT:
                return output_is_good(&m->output, m->n_fds);
        case CONSUMER_SESSION:
                return session_is_good(&m->session);
        case CONSUMER_RINGS:
        case CONSUMER_RING_FILES:
                return rings_are_good(&m->rings);
        case CONSUMER_SNAPSHOT:
                return name_is_good(m->snapshot.name, true);
        case CONSUMER_ROTATE:
                return rotate_is_good(&m->rotate);
        case CONSUMER_KERNEL:
                return kernel_is_good(&m->kernel);
        case CONSUMER_KERNEL_CPUS:
                return cpus_are_good(&m->kernel_cpus, m->n_fds);
        default:
                return true;
        }
}

int message_receive(int socket, int flags, struct message *ret) {
        size_t rest;
        int r;

        ret->header = (struct consumer_header) {};
        ret->n_fds = 0;
        r = datagram_recv(socket, ret->bytes, sizeof(ret->bytes), ret->fds, &ret->n_fds, flags);
        if (r == 0 || r == -ECONNRESET)
                return 0;
        if (r < 0)
                return r;
        if ((size_t) r < sizeof(ret->header)) {
                ret->header.serial = 0;
                message_done(ret);
                return -EBADMSG;
        }
        if (ret->header.type > CONSUMER_RING_FILES) {
                message_done(ret);
                return -EOPNOTSUPP;
        }
        rest = sizeof(ret->bytes) - (size_t) r;
        memset(ret->bytes + r, 0, rest < GROWTH_MAX ? rest : GROWTH_MAX);
        if (!is_good(ret, (size_t) r)) {
                message_done(ret);
                return -EBADMSG;
        }
        return 1;
}

void message_done(struct message *message) {
        datagram_close_fds(message->fds, message->n_fds);
        message->n_fds = 0;
}
