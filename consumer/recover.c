/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/boot-id.h"
#include "common/cleanup.h"
#include "common/datagram.h"
#include "common/fd.h"
#include "consumer/consumer.h"
#include "consumer/journal.h"
#include "consumer/recover.h"
#include "consumer/ring-place.h"

struct recovery {
        int directory, place, journal, socket, status_fd;
        pid_t pid;
        struct consumer_status *status;
        uint64_t serial; /* of the last message */
        bool has_session;
        bool rebooted;
        struct recover_result *result;
};

/* Sends a message and waits for its answer. */
static int tell(struct recovery *r, const struct consumer_header *message, const int *fds, size_t n_fds) {
        struct consumer_output_ack ack = {};
        int k;

        k = datagram_send(r->socket, message, message->size, fds, n_fds, 0);
        if (k < 0)
                return k;
        __atomic_add_fetch(&r->status->wake, 1, __ATOMIC_SEQ_CST);
        syscall(SYS_futex, &r->status->wake, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
        do {
                int got[DATAGRAM_FDS_MAX];
                size_t n_got;

                k = datagram_recv(r->socket, &ack, sizeof(ack), got, &n_got, 0);
                if (k <= 0)
                        return k < 0 ? k : -ECONNRESET;
                datagram_close_fds(got, n_got);
        } while (ack.ack.header.serial != message->serial);
        if (message->serial > r->serial)
                r->serial = message->serial;
        return -ack.ack.error;
}

/* Serials ascend, and those of the journal are the ones of the first time. */
static int tell_plainly(struct recovery *r, uint32_t type) {
        const struct consumer_header h = { .type = type, .size = sizeof(h), .serial = r->serial + 1 };

        return tell(r, &h, NULL, 0);
}

static int tell_output(struct recovery *r) {
        struct consumer_output m = {
                .header = { .type = CONSUMER_OUTPUT, .size = sizeof(m), .serial = 1 },
                .kind = CONSUMER_OUTPUT_FD,
                .flags = CONSUMER_RESUME | CONSUMER_FILES | (r->rebooted ? CONSUMER_REBOOTED : 0),
        };
        int k = tell(r, &m.header, &r->directory, 1);

        r->serial = 0;
        if (k == -EBUSY)
                r->result->problem = RECOVER_BUSY;
        return k;
}

/* A set that was released on the way has fewer files than it had, and nothing more to write. */
static bool has_files(const struct recovery *r, const struct consumer_rings *m) {
        char name[64];
        struct stat st;

        snprintf(name, sizeof(name), "%" PRIu64 "-%" PRIu32, m->set, m->stream);
        if (fstatat(r->place, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return false;
        snprintf(name, sizeof(name), "%" PRIu64 "-%" PRIu32 ".positions", m->set, m->stream);
        return fstatat(r->place, name, &st, AT_SYMLINK_NOFOLLOW) >= 0;
}

static int tell_ring_files(struct recovery *r, const struct consumer_header *m) {
        const struct consumer_rings *rings = (const struct consumer_rings *) m;
        int k;

        if (m->size < SIZE_BEFORE_LATER(struct consumer_ring_files))
                return 0;
        r->result->n_sets++;
        /* After a power cut even the trace of a set whose rings are gone may end in pieces. */
        if (!r->rebooted && !has_files(r, rings)) {
                r->result->n_skipped++;
                return 0;
        }
        k = tell(r, m, NULL, 0);
        if (k == -EPERM)
                r->result->problem = RECOVER_NOT_OURS;
        return k;
}

static int tell_classes(struct recovery *r, const struct consumer_header *m, const struct iovec *data) {
        _cleanup_close_ int fd = -1;
        int k;

        k = memfd_new_constant("tracectl-definitions", data->iov_base, data->iov_len, &fd);
        if (k < 0)
                return k;
        k = tell(r, m, &fd, 1);
        /* Of a set that was skipped. */
        return k == -ENOENT ? 0 : k;
}

static int replay_one(struct recovery *r, const struct consumer_header *m, const struct iovec *data) {
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

static int replay(struct recovery *r) {
        uint64_t offset = 0;
        int k;

        for (;;) {
                _cleanup_free_ struct consumer_header *message = NULL;
                struct iovec data = {};

                k = journal_read(r->journal, &offset, &message, &data);
                if (k > 0)
                        k = replay_one(r, message, &data);
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

static int start_consumer(struct recovery *r) {
        int pair[2];

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        r->pid = fork();
        if (r->pid == 0) {
                close(pair[0]);
                close(r->journal);
                close(r->place);
                _exit(consumer_run(pair[1]) < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
        }
        close(pair[1]);
        if (r->pid < 0) {
                close(pair[0]);
                return -errno;
        }
        r->socket = pair[0];
        return 0;
}

/* After a hang-up it writes the last, and removes the rings. */
static int end_consumer(struct recovery *r, bool well) {
        int status;

        closep(&r->socket);
        if (!well) {
                siginfo_t info = {};

                /* One that has died by itself says why. */
                if (waitid(P_PID, (id_t) r->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0)
                        (void) kill(r->pid, SIGKILL);
        }
        while (waitpid(r->pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL) {
                r->result->problem = RECOVER_DIED;
                r->result->signal = WTERMSIG(status);
                return -EIO;
        }
        return !well || (WIFEXITED(status) && WEXITSTATUS(status) == 0) ? 0 : -EIO;
}

static int open_below(int directory, const char *name, int flags, int *ret) {
        int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | flags);

        if (fd < 0)
                return -errno;
        *ret = fd;
        return 0;
}

static int make_status(struct recovery *r) {
        void *p;
        int k;

        k = memfd_new_shared("tracectl-status", sizeof(*r->status), &r->status_fd);
        if (k < 0)
                return k;
        p = mmap(NULL, sizeof(*r->status), PROT_READ | PROT_WRITE, MAP_SHARED, r->status_fd, 0);
        if (p == MAP_FAILED)
                return -errno;
        r->status = p;
        *r->status = (struct consumer_status) { .magic = CONSUMER_STATUS_MAGIC,
                                            .major = CONSUMER_STATUS_MAJOR,
                                            .minor = CONSUMER_STATUS_MINOR };
        return 0;
}

/* Whether the session is one of an earlier boot. Where nothing describes it, that is told later. */
static int find_boot(struct recovery *r) {
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
                r->rebooted = memcmp(((struct consumer_session *) message)->clock_uuid, boot, sizeof(boot)) != 0;
                break;
        }
        r->result->rebooted = r->rebooted;
        return k < 0 ? k : 0;
}

static int begin(struct recovery *r) {
        struct stat st;
        int k;

        r->result->problem = RECOVER_NOTHING;
        k = open_below(r->directory, RING_PLACE, O_DIRECTORY, &r->place);
        if (k >= 0)
                k = open_below(r->place, "journal", 0, &r->journal);
        if (k >= 0 && (fstat(r->journal, &st) < 0 || !S_ISREG(st.st_mode)))
                k = -EBADMSG;
        if (k < 0)
                return k;
        r->result->problem = st.st_uid == geteuid() ? RECOVER_FAILED : RECOVER_NOT_OURS;
        if (st.st_uid != geteuid())
                return -EPERM;
        k = find_boot(r);
        if (k >= 0)
                k = make_status(r);
        return k < 0 ? k : start_consumer(r);
}

int recover(int directory, struct recover_result *result) {
        struct recovery r = { .directory = directory, .place = -1, .journal = -1, .socket = -1, .status_fd = -1,
                              .pid = -1, .result = result };
        int k;

        *result = (struct recover_result) {};
        k = begin(&r);
        if (r.pid > 0) {
                int ended;

                k = tell_output(&r);
                if (k >= 0)
                        k = replay(&r);
                ended = end_consumer(&r, k >= 0);
                k = k < 0 ? k : ended;
        }
        if (r.status) {
                result->status = *r.status;
                munmap(r.status, sizeof(*r.status));
        }
        closep(&r.place);
        closep(&r.journal);
        closep(&r.status_fd);
        return k;
}
