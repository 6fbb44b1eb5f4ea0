/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/boot-id.h"
#include "common/cleanup.h"
#include "common/fd.h"
#include "consumer/journal.h"
#include "consumer/replay.h"

static int tell(struct replay *r, const struct consumer_header *message, const int *fds, size_t n_fds) {
        int k = r->tell(r->userdata, message, fds, n_fds);

        if (message->serial > r->serial)
                r->serial = message->serial;
        return k;
}

/* Serials ascend, and those of the journal are the ones of the first time. */
static int tell_plainly(struct replay *r, uint32_t type) {
        const struct consumer_header h = { .type = type, .size = sizeof(h), .serial = r->serial + 1 };

        return tell(r, &h, NULL, 0);
}

/* A set that was released on the way has fewer files than it had, and nothing more to write. */
static bool has_files(const struct replay *r, const struct consumer_rings *m) {
        char name[64];
        struct stat st;

        snprintf(name, sizeof(name), "%" PRIu64 "-%" PRIu32, m->set, m->stream);
        if (fstatat(r->place, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return false;
        snprintf(name, sizeof(name), "%" PRIu64 "-%" PRIu32 ".positions", m->set, m->stream);
        return fstatat(r->place, name, &st, AT_SYMLINK_NOFOLLOW) >= 0;
}

static int tell_ring_files(struct replay *r, const struct consumer_header *m) {
        const struct consumer_rings *rings = (const struct consumer_rings *) m;
        int k;

        if (m->size < SIZE_BEFORE_LATER(struct consumer_ring_files))
                return 0;
        r->result->n_sets++;
        /* After a power cut even the trace of a set whose rings are gone may end in pieces. */
        if (!r->result->rebooted && !has_files(r, rings)) {
                r->result->n_skipped++;
                return 0;
        }
        k = tell(r, m, NULL, 0);
        if (k == -EPERM)
                r->result->problem = RECOVER_NOT_OURS;
        return k;
}

static int tell_classes(struct replay *r, const struct consumer_header *m, const struct iovec *data) {
        _cleanup_close_ int fd = -1;
        int k;

        k = memfd_new_constant("tracectl-definitions", data->iov_base, data->iov_len, &fd);
        if (k < 0)
                return k;
        k = tell(r, m, &fd, 1);
        /* Of a set that was skipped. */
        return k == -ENOENT ? 0 : k;
}

static int tell_one(struct replay *r, const struct consumer_header *m, const struct iovec *data) {
        switch (m->type) {
        case CONSUMER_SESSION:
                r->has_session = true;
                return tell(r, m, &r->status_fd, 1);
        case CONSUMER_RING_FILES:
                return tell_ring_files(r, m);
        case CONSUMER_CLASSES:
                return tell_classes(r, m, data);
        default:
                return 0;
        }
}

int replay_tell(struct replay *r) {
        uint64_t offset = 0;
        int k;

        for (;;) {
                _cleanup_free_ struct consumer_header *message = NULL;
                struct iovec data = {};

                k = journal_read(r->journal, &offset, &message, &data);
                if (k > 0)
                        k = tell_one(r, message, &data);
                else if (k == 0)
                        break;
                free(data.iov_base);
                if (k < 0)
                        return k;
        }
        if (!r->has_session) {
                r->result->problem = RECOVER_DAMAGED;
                return -EBADMSG;
        }
        k = tell_plainly(r, CONSUMER_RESUMED);
        return k < 0 ? k : tell_plainly(r, CONSUMER_STOP);
}

int replay_find_boot(struct replay *r) {
        uint64_t offset = 0;
        uint8_t boot[16];
        int k;

        k = boot_id_read(boot);
        while (k >= 0) {
                _cleanup_free_ struct consumer_header *message = NULL;
                struct iovec data = {};

                k = journal_read(r->journal, &offset, &message, &data);
                free(data.iov_base);
                if (k <= 0)
                        break;
                if (message->type != CONSUMER_SESSION || message->size != sizeof(struct consumer_session))
                        continue;
                r->result->rebooted = memcmp(((struct consumer_session *) message)->clock_uuid, boot, sizeof(boot)) != 0;
                break;
        }
        return k < 0 ? k : 0;
}
