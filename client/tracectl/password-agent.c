/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <systemd/sd-login.h>
#include <unistd.h>

#include "client/tracectl/password-agent.h"
#include "common/cleanup.h"

/* An agent that has not registered by then is not waited for: the call goes on, and is refused for want of one. */
#define READY_MSEC 10000

static bool has_session(void) {
        char *session = NULL;
        int r;

        r = sd_pid_get_session(0, &session);
        free(session);
        return r >= 0;
}

/* Does not return. Its parent is the process about which polkit asks. */
static void run_agent(int ready_fd, pid_t parent) {
        char number[16];
        sigset_t none;

        /* It must not outlive us, holding the terminal, whatever kills us. */
        if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != parent)
                _exit(1);
        /* As `record` has blocked them. */
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        signal(SIGINT, SIG_DFL);
        signal(SIGPIPE, SIG_DFL);
        /* It speaks to the terminal itself; what it prints besides is none of the command's output. */
        if (dup2(STDIN_FILENO, STDOUT_FILENO) < 0 || fcntl(ready_fd, F_SETFD, 0) < 0)
                _exit(1);
        snprintf(number, sizeof(number), "%i", ready_fd);
        /* Of processes outside of every session polkit does not look at agents that leave the asking to others. */
        execlp("pkttyagent", "pkttyagent", "--notify-fd", number, has_session() ? "--fallback" : (char *) NULL,
               (char *) NULL);
        _exit(1);
}

static void start(void *userdata) {
        struct password_agent *agent = userdata;
        pid_t pid, parent = getpid();
        _cleanup_close_ int ready = -1;
        struct pollfd end;
        int ends[2];

        /* Root needs no password, and without a terminal there is nobody whom it could ask. */
        if (geteuid() == 0 || !isatty(STDIN_FILENO) || pipe2(ends, O_CLOEXEC) < 0)
                return;
        ready = ends[0];
        pid = fork();
        if (pid == 0)
                run_agent(ends[1], parent);
        close(ends[1]);
        if (pid < 0)
                return;
        agent->pid = pid;
        /* It closes its end when it has registered, or by its own end. */
        end = (struct pollfd) { .fd = ready };
        while (poll(&end, 1, READY_MSEC) < 0 && errno == EINTR)
                ;
}

int password_agent_offer(struct password_agent *agent, tracectl_connection *connection) {
        return tracectl_connection_set_password(connection, start, agent);
}

void password_agent_close(struct password_agent *agent) {
        if (agent->pid == 0)
                return;
        (void) kill(agent->pid, SIGTERM);
        (void) kill(agent->pid, SIGCONT);
        while (waitpid(agent->pid, NULL, 0) < 0 && errno == EINTR)
                ;
        agent->pid = 0;
}
