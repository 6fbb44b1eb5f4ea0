/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/datagram.h"
#include "consumer/consumer.h"
#include "consumer/drainer.h"
#include "consumer/opener.h"
#include "consumer/own-reader.h"
#include "consumer/place.h"
#include "consumer/ring-place.h"
#include "consumer/sandbox.h"

/*
 * What a terminal sends is meant for the traced command, and a file size limit
 * shall be an error of the output, not the end of the process.
 */
static void detach(void) {
        static const int ignored[] = { SIGINT, SIGQUIT, SIGHUP, SIGPIPE, SIGXFSZ };

        (void) setsid();
        for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
                (void) signal(ignored[i], SIG_IGN);
        umask(0077);
}

static int answer(int socket, uint64_t serial, int r, const char *path) {
        struct consumer_output_ack ack = {
                .ack.header = { .type = CONSUMER_ACK, .size = sizeof(ack), .serial = serial },
                .ack.error = -r,
        };

        if (path)
                memcpy(ack.path, path, strlen(path));
        return datagram_send(socket, &ack, sizeof(ack), NULL, 0, 0);
}

/* What OUTPUT came to. */
struct place {
        int directory;
        bool resumed;
        bool has_rings; /* in files */
        bool rebooted;
        int lock;       /* on their directory, as long as this process lives; else -1 */
        uint64_t serial;
        char path[CONSUMER_PATH_MAX];
};

static int open_place(struct message *message, struct place *place) {
        int r;

        r = place_open(message, &place->directory);
        if (r < 0 || !place->has_rings)
                return r;
        r = ring_place_take(place->directory, place->resumed, &place->lock);
        if (r < 0)
                close(place->directory);
        return r;
}

/* 1 and the place; 0 where tracingd hung up before it sent a good one. */
static int receive_output(int socket, struct place *ret) {
        _cleanup_free_ struct message *message = malloc(sizeof(*message));

        if (!message)
                return -ENOMEM;
        for (;;) {
                int r;

                r = message_receive(socket, 0, message);
                if (r == 0 || (r < 0 && r != -EBADMSG && r != -EOPNOTSUPP))
                        return r;
                ret->serial = message->header.serial;
                ret->resumed = r > 0 && message->output.flags & CONSUMER_RESUME;
                ret->has_rings = r > 0 && message->output.flags & CONSUMER_FILES;
                ret->rebooted = r > 0 && message->output.flags & CONSUMER_REBOOTED;
                if (r > 0) {
                        r = message->header.type == CONSUMER_OUTPUT ? open_place(message, ret) : -EBADMSG;
                        message_done(message);
                }
                if (r >= 0) {
                        place_path(ret->directory, ret->path);
                        return 1;
                }
                r = answer(socket, ret->serial, r, NULL);
                if (r < 0)
                        return r;
        }
}

/*
 * The opener outlives every signal; it ends when the drainer is gone. Where that
 * is killed it must not finish what it was asked: a successor may be at work.
 */
static void run_opener(int socket, const struct place *place) {
        struct opener opener = { .directory = place->directory,
                                 .resumed = place->resumed,
                                 .has_rings = place->has_rings };

        /* A successor of the drainer must not find it taken because we are slower to die. */
        closep((int *) &place->lock);
        (void) signal(SIGTERM, SIG_IGN);
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void) prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        _exit(opener_serve(&opener, socket) < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

static int start_opener(int socket, const struct place *place, int *ret_socket, pid_t *ret_pid) {
        int pair[2];
        pid_t pid;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        pid = fork();
        if (pid == 0) {
                close(socket);
                close(pair[0]);
                run_opener(pair[1], place);
        }
        close(pair[1]);
        if (pid < 0) {
                int r = -errno;

                close(pair[0]);
                return r;
        }
        *ret_socket = pair[0];
        *ret_pid = pid;
        return 0;
}

static int run_drainer(int socket, int opener, const struct place *place) {
        struct session session;
        int r;

        session_init(&session, opener, place->resumed);
        session.has_rings = place->has_rings;
        session.rebooted = place->rebooted && place->resumed && place->has_rings;
        r = sandbox_enter();
        /* Where tracingd is gone the drainer finds out by reading. */
        (void) answer(socket, place->serial, r, r < 0 ? NULL : place->path);
        return r < 0 ? r : drainer_run(socket, &session);
}

int consumer_run(int socket) {
        int opener = -1, r;
        struct place place = { .lock = -1 };
        pid_t pid = -1;

        detach();
        if (own_reader_is_meant(socket))
                return own_reader_run(socket);
        r = receive_output(socket, &place);
        if (r <= 0)
                return r;
        r = start_opener(socket, &place, &opener, &pid);
        close(place.directory);
        if (r < 0) {
                (void) answer(socket, place.serial, r, NULL);
                return r;
        }
        r = run_drainer(socket, opener, &place);
        close(opener);
        /* The directory is free when we are gone. */
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
        return r;
}
