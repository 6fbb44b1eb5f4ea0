/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
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

#include "common/cleanup.h"
#include "common/datagram.h"
#include "common/fd.h"
#include "consumer/consumer.h"
#include "consumer/recover-kernel.h"
#include "consumer/recover.h"
#include "consumer/replay.h"
#include "consumer/ring-place.h"

struct recovery {
        int directory, socket;
        pid_t pid;
        struct consumer_status *status;
        struct replay replay;
        struct recover_result *result;
};

/* Sends a message and waits for its answer. */
static int tell(void *userdata, const struct consumer_header *message, const int *fds, size_t n_fds) {
        struct consumer_output_ack ack = {};
        struct recovery *r = userdata;
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
        return -ack.ack.error;
}

static int tell_output(struct recovery *r) {
        struct consumer_output m = {
                .header = { .type = CONSUMER_OUTPUT, .size = sizeof(m), .serial = 1 },
                .kind = CONSUMER_OUTPUT_FD,
                .flags = CONSUMER_RESUME | CONSUMER_FILES | (r->result->rebooted ? CONSUMER_REBOOTED : 0),
        };
        int k = tell(r, &m.header, &r->directory, 1);

        if (k == -EBUSY)
                r->result->problem = RECOVER_BUSY;
        return k;
}

static int start_consumer(struct recovery *r) {
        int pair[2];

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        r->pid = fork();
        if (r->pid == 0) {
                close(pair[0]);
                close(r->replay.journal);
                close(r->replay.place);
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

        k = memfd_new_shared("tracectl-status", sizeof(*r->status), &r->replay.status_fd);
        if (k < 0)
                return k;
        p = mmap(NULL, sizeof(*r->status), PROT_READ | PROT_WRITE, MAP_SHARED, r->replay.status_fd, 0);
        if (p == MAP_FAILED)
                return -errno;
        r->status = p;
        *r->status = (struct consumer_status) { .magic = CONSUMER_STATUS_MAGIC,
                                            .major = CONSUMER_STATUS_MAJOR,
                                            .minor = CONSUMER_STATUS_MINOR };
        return 0;
}

static int begin(struct recovery *r) {
        struct stat st;
        int k;

        r->result->problem = RECOVER_NOTHING;
        k = open_below(r->directory, RING_PLACE, O_DIRECTORY, &r->replay.place);
        if (k >= 0)
                k = open_below(r->replay.place, "journal", 0, &r->replay.journal);
        if (k >= 0 && (fstat(r->replay.journal, &st) < 0 || !S_ISREG(st.st_mode)))
                k = -EBADMSG;
        if (k < 0)
                return k;
        r->result->problem = st.st_uid == geteuid() ? RECOVER_FAILED : RECOVER_NOT_OURS;
        if (st.st_uid != geteuid())
                return -EPERM;
        k = replay_find_boot(&r->replay);
        if (k >= 0)
                k = make_status(r);
        return k < 0 ? k : start_consumer(r);
}

int recover(int directory, struct recover_result *result) {
        struct recovery r = { .directory = directory, .socket = -1, .pid = -1, .result = result };
        int k;

        *result = (struct recover_result) {};
        r.replay = (struct replay) { .place = -1, .journal = -1, .status_fd = -1, .tell = tell, .userdata = &r, .result = result };
        k = begin(&r);
        if (r.pid > 0) {
                int ended;

                k = tell_output(&r);
                /* It has the lock now; with the session it could have a syncer, too. */
                if (k >= 0)
                        k = recover_kernel(directory, r.replay.place, result->rebooted, &result->kernel);
                if (k >= 0)
                        k = replay_tell(&r.replay);
                ended = end_consumer(&r, k >= 0);
                k = k < 0 ? k : ended;
        }
        if (r.status) {
                result->status = *r.status;
                munmap(r.status, sizeof(*r.status));
        }
        closep(&r.replay.place);
        closep(&r.replay.journal);
        closep(&r.replay.status_fd);
        return k;
}
