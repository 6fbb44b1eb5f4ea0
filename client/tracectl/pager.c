/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/tracectl/pager.h"
#include "common/cleanup.h"

static const char *find_pager(void) {
        const char *pager = getenv("PAGER");

        if (!isatty(STDOUT_FILENO))
                return NULL;
        if (!pager)
                return "if command -v less >/dev/null; then exec less; else exec cat; fi";
        return *pager == '\0' || strcmp(pager, "cat") == 0 ? NULL : pager;
}

/* Does not return. Ctrl-C, which is ignored by then in the parent, has its usual effect here. */
static void run_pager(const char *command, int input_fd) {
        /* Quit at once if it fits on a screen, let colours through, no shell escapes, no editors. */
        setenv("LESS", "FRSXMK", 0);
        setenv("LESSSECURE", "1", 1);
        setenv("LESSCHARSET", "utf-8", 0);
        signal(SIGINT, SIG_DFL);
        if (dup2(input_fd, STDIN_FILENO) >= 0)
                execl("/bin/sh", "sh", "-c", command, (char *) NULL);

        /* Without a pager the text must still get out. */
        for (;;) {
                char buffer[4096];
                ssize_t n = read(input_fd, buffer, sizeof(buffer));

                if (n <= 0 || write(STDOUT_FILENO, buffer, (size_t) n) < n)
                        _exit(127);
        }
}

void pager_open(struct pager *pager) {
        const char *command = find_pager();
        _cleanup_close_ int terminal = -1;
        int ends[2];
        pid_t pid;

        pager->pid = 0;
        if (!command || pipe2(ends, O_CLOEXEC) < 0)
                return;
        terminal = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
        pid = terminal < 0 ? -1 : fork();
        if (pid == 0)
                run_pager(command, ends[0]);
        close(ends[0]);
        if (pid > 0 && dup2(ends[1], STDOUT_FILENO) >= 0) {
                /* Ctrl-C is the pager's: when it goes, our next write fails, and we go too. */
                signal(SIGINT, SIG_IGN);
                pager->pid = pid;
                pager->stdout_fd = TAKE_FD(terminal);
        }
        close(ends[1]);
}

void pager_close(struct pager *pager) {
        if (pager->pid == 0)
                return;
        dup2(pager->stdout_fd, STDOUT_FILENO); /* closes the pipe: the pager sees the end */
        close(pager->stdout_fd);
        while (waitpid(pager->pid, NULL, 0) < 0 && errno == EINTR)
                ;
        signal(SIGINT, SIG_DFL);
        pager->pid = 0;
}
