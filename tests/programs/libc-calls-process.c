/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Groups of calls that make and end processes. */

#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libc-calls.h"

static int wait_for(pid_t pid) {
        int status = -1;

        return waitpid(pid, &status, 0) == pid ? status : -1;
}

/* The child has its parent's memory, until it executes something or ends. */
void show_vfork(void) {
        volatile int in_child = 0;
        pid_t pid;

        pid = vfork();
        if (pid == 0) {
                in_child = 1;
                free(malloc(100));
                close(open("/dev/null", O_RDONLY));
                execl("missing", "missing", NULL);
                in_child = errno;
                _exit(5);
        }
        SHOW(wait_for(pid));
        SHOW(in_child);
        pid = vfork();
        if (pid == 0) {
                execl(self, self, ".", "arguments", "vfork", NULL);
                _exit(6);
        }
        SHOW(wait_for(pid));
        for (volatile int i = 0; i < 50; i++) {
                pid = vfork();
                if (pid == 0)
                        _exit(i);
                if (wait_for(pid) != i << 8)
                        abort();
                free(malloc(10));
        }
}

static char *const environment[] = { "ONLY=this", NULL };

static void execute(int way) {
        char *const arguments[] = { (char *) self, ".", "arguments", "a b", "", NULL };
        const char *s = self, *g = "arguments";

        switch (way) {
        case 0:
                execve(s, arguments, environ);
                break;
        case 1:
                execl(s, s, ".", g, "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "", "z", NULL);
                break;
        case 2:
                execlp(s, s, ".", g, "p", NULL);
                break;
        case 3:
                execle(s, s, ".", g, "e", NULL, environment);
                break;
        case 4:
                execvp("sh", (char *[]) { "sh", "-c", "echo shell; exit 3", NULL });
                break;
        case 5:
                execvpe("sh", (char *[]) { "sh", "-c", "echo $ONLY", NULL }, environment);
                break;
        default:
                fexecve(open(s, O_RDONLY), arguments, environ);
        }
}

void show_exec(void) {
        char *missing[] = { "missing", NULL };
        pid_t pid;

        SHOW(execve(nowhere, missing, environment));
        SHOW(execv("missing", missing));
        SHOW(execvp("tracectl-missing", missing));
        SHOW(execlp("tracectl-missing", "x", NULL));
        SHOW(execle("missing", "x", NULL, environment));
        for (int way = 0; way < 7; way++) {
                pid = fork();
                if (pid == 0) {
                        execute(way);
                        _exit(99);
                }
                SHOW(wait_for(pid));
        }
}

void show_spawn(void) {
        char *const arguments[] = { (char *) self, ".", "arguments", "spawned", NULL };
        struct rusage usage;
        int status, fd;
        pid_t pid;

        SHOW(posix_spawn(&pid, "missing", NULL, NULL, arguments, environ));
        SHOW(posix_spawn(&pid, nowhere, NULL, NULL, arguments, environ));
        /* The child's line is there before ours. */
        SHOW(posix_spawn(&pid, self, NULL, NULL, arguments, environ) ?: wait_for(pid));
        SHOW(posix_spawnp(&pid, "true", NULL, NULL, (char *[]) { "true", NULL }, environ));
        SHOW(wait4(pid, &status, 0, &usage) == pid && status == 0);
        /* The old version of the function would run it with a shell. */
        fd = open("script", O_WRONLY | O_CREAT, 0700);
        (void) !write(fd, "exit 4\n", 7);
        close(fd);
        SHOW(posix_spawn(&pid, "./script", NULL, NULL, (char *[]) { "script", NULL }, environ));
        SHOW(system("exit 7"));
        SHOW(wait(NULL));
        SHOW(wait3(&status, WNOHANG, NULL));
        SHOW(waitpid(-1, NULL, WNOHANG));
}

static void say_bye(void) {
        (void) !write(STDOUT_FILENO, "bye\n", 4);
}

void show_exit(void) {
        atexit(say_bye);
        for (int i = 0; i < 3; i++) {
                pid_t pid;

                fflush(stdout);
                pid = fork();
                if (pid == 0) {
                        if (i == 0)
                                exit(3);
                        else if (i == 1)
                                _exit(4);
                        else
                                _Exit(5);
                }
                SHOW(wait_for(pid));
        }
}
