/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Events from every part of a process's life: constructors of the program and
 * of a library, main(), a signal handler, a child of fork() and one of vfork(),
 * a thread that outlives main(), a library that comes and goes, atexit handlers
 * and destructors. "life close-fds" also closes every descriptor and reuses the
 * numbers. Prints nothing but what goes wrong.
 */

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRACECTL_SHORT_NAMES
#include <tracectl/tracepoint.h>

static void __attribute__((constructor)) constructor(void) {
        tracectl_trace(life, constructor);
}

static void __attribute__((destructor)) destructor(void) {
        tracectl_trace(life, destructor);
}

static void on_exit_handler(void) {
        tracectl_trace(life, atexit_handler);
}

static void on_signal(int sig) {
        tracectl_trace(life, signal_handler, tp_i32(signal, sig));
}

static void *thread(void *name) {
        tracectl_trace(life, thread, tp_str(name, name));
        return NULL;
}

/* Everything above 2 closed, and the numbers in use by other files. */
static void close_fds(void) {
        for (int fd = 3; fd < 256; fd++)
                close(fd);
        for (int i = 0; i < 8; i++)
                if (open("/dev/null", O_RDWR) < 0)
                        perror("open");
        tracectl_trace(life, closed_fds);
}

static void children(void) {
        pid_t pid = fork();
        int status;

        if (pid == 0) {
                tracectl_trace(life, fork_child);
                _exit(0);
        }
        if (waitpid(pid, &status, 0) != pid || status != 0)
                fprintf(stderr, "fork child: %i\n", status);
        pid = vfork();
        if (pid == 0) {
                /* Tracing is off here: this must do nothing, and harm nobody. */
                tracectl_trace(life, vfork_child);
                _exit(0);
        }
        if (waitpid(pid, &status, 0) != pid || status != 0)
                fprintf(stderr, "vfork child: %i\n", status);
        tracectl_trace(life, after_vfork);
}

static void plugin(const char *path) {
        for (int i = 0; i < 3; i++) {
                void *library = dlopen(path, RTLD_NOW);
                void (*hello)(int);

                if (!library) {
                        fprintf(stderr, "%s\n", dlerror());
                        return;
                }
                hello = (void (*)(int)) dlsym(library, "plugin_hello");
                hello(i);
                dlclose(library);
        }
        tracectl_trace(life, after_dlclose);
}

int main(int argc, char *argv[]) {
        struct sigaction action = { .sa_handler = on_signal };
        pthread_t t;

        atexit(on_exit_handler);
        tracectl_trace(life, main, tp_i32(argc, argc));
        if (argc > 1 && strcmp(argv[1], "close-fds") == 0)
                close_fds();
        sigaction(SIGUSR1, &action, NULL);
        raise(SIGUSR1);
        children();
        if (argc > 2)
                plugin(argv[2]);
        tracef("%s number %i", "marker", 1);
        if (tracectl_trace_enabled(life, main))
                tracepoint(life, main_is_enabled);
        if (pthread_create(&t, NULL, thread, (void *) "last") != 0)
                return 1;
        pthread_detach(t);
        /* The process ends with its last thread, which must be none of the library's. */
        if (argc > 1 && strcmp(argv[1], "pthread-exit") == 0)
                pthread_exit(NULL);
        return 0;
}
