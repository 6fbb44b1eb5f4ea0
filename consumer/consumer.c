/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "consumer/acks.h"
#include "consumer/consumer.h"
#include "consumer/drainer.h"
#include "consumer/opener.h"
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

static int answer(int socket, uint64_t serial, int r) {
        struct acks acks = {};
        int q;

        q = acks_send(&acks, socket, serial, r);
        acks_done(&acks);
        return q;
}

/* 1 and the directory, which the caller owns; 0 where tracingd hung up before it sent one. */
static int receive_output(int socket, int *ret_directory, uint64_t *ret_serial) {
        _cleanup_free_ struct message *message = malloc(sizeof(*message));

        if (!message)
                return -ENOMEM;
        for (;;) {
                struct stat st;
                int r;

                r = message_receive(socket, 0, message);
                if (r == 0 || (r < 0 && r != -EBADMSG))
                        return r;
                if (r > 0 && message->header.type == CONSUMER_OUTPUT && fstat(message->fds[0], &st) >= 0 &&
                    S_ISDIR(st.st_mode)) {
                        *ret_directory = message->fds[0];
                        *ret_serial = message->header.serial;
                        return 1;
                }
                if (r > 0)
                        message_done(message);
                r = answer(socket, message->header.serial, -EBADMSG);
                if (r < 0)
                        return r;
        }
}

/* The opener outlives every signal; it ends when the drainer is gone. */
static void run_opener(int socket, int directory) {
        (void) signal(SIGTERM, SIG_IGN);
        (void) prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        _exit(opener_serve(socket, directory) < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

static int start_opener(int socket, int directory, int *ret_socket, pid_t *ret_pid) {
        int pair[2];
        pid_t pid;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        pid = fork();
        if (pid == 0) {
                close(socket);
                close(pair[0]);
                run_opener(pair[1], directory);
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

static int run_drainer(int socket, int opener, uint64_t serial) {
        struct session session;
        int r;

        session_init(&session, opener);
        r = sandbox_enter();
        if (answer(socket, serial, r) < 0)
                return -ENOMEM;
        return r < 0 ? r : drainer_run(socket, &session);
}

int consumer_run(int socket) {
        int directory, opener = -1, r;
        uint64_t serial;
        pid_t pid = -1;

        detach();
        r = receive_output(socket, &directory, &serial);
        if (r <= 0)
                return r;
        r = start_opener(socket, directory, &opener, &pid);
        close(directory);
        if (r < 0) {
                (void) answer(socket, serial, r);
                return r;
        }
        r = run_drainer(socket, opener, serial);
        close(opener);
        /* The directory is free when we are gone. */
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
        return r;
}
