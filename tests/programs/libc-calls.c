/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Calls of the C library, with what makes them difficult to stand in front of.
 * Prints what each one came to, which must be the same whether the program is
 * traced or not.
 *
 *     libc-calls WORK-FOLDER GROUP
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "libc-calls.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

void *volatile nowhere = (void *) 8;
const char *self;

static void show_files(void) {
        struct stat st;
        FILE *f;
        int fd;

        SHOW(open("missing", O_RDONLY));
        SHOW(open(nowhere, O_RDONLY));
        SHOW(open(nowhere, O_RDONLY | O_DIRECTORY | O_CREAT, 0));
        SHOW(openat(AT_FDCWD, nowhere, O_RDONLY));
        SHOW(openat64(-3, "relative", O_RDONLY));
        SHOW(fopen(nowhere, "r") == NULL);
        SHOW(fopen("file", "nonsense") == NULL);
        umask(0);
        SHOW((fd = open64("file", O_RDWR | O_CREAT | O_EXCL, 0640)) >= 0);
        SHOW(fstat(fd, &st));
        printf("mode %o\n", st.st_mode & 07777);
        SHOW(close(fd));
        SHOW(close(fd));
        SHOW((fd = open(".", O_TMPFILE | O_RDWR, 0604)) >= 0);
        SHOW(fstat(fd, &st));
        printf("mode %o\n", st.st_mode & 07777);
        SHOW(close(fd));
        SHOW((fd = creat("created", 0611)) >= 0);
        SHOW(close(fd));
        SHOW((f = fopen("file", "w")) != NULL);
        SHOW(fputs("0123456789", f));
        SHOW(fclose(f));
        SHOW((f = fopen("/dev/full", "w")) != NULL);
        SHOW(fputs("x", f));
        SHOW(fclose(f));
}

static void show_io(void) {
        char a[4], b[8];
        struct iovec iov[] = { { a, sizeof(a) }, { b, sizeof(b) } };
        int fd = open("io", O_RDWR | O_CREAT, 0600);
        volatile int less_than_none = -1;

        SHOW(write(fd, "0123456789", 10));
        SHOW(pwrite(fd, "AB", 2, 4));
        SHOW(pwrite64(fd, "C", 1, (off64_t) 1 << 33));
        SHOW(pread(fd, a, sizeof(a), 3));
        printf("%.4s\n", a);
        SHOW(pread64(fd, a, 1, (off64_t) 1 << 33));
        SHOW(lseek(fd, 0, SEEK_SET));
        SHOW(readv(fd, iov, 2));
        SHOW(writev(fd, iov, 2));
        SHOW(readv(fd, nowhere, 2));
        SHOW(writev(fd, iov, less_than_none));
        SHOW(read(fd, nowhere, 1));
        SHOW(write(fd, nowhere, 1));
        SHOW(read(-1, a, 1));
        SHOW(close(fd));
}

static int listen_on_loopback(struct sockaddr_in *ret) {
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t length = sizeof(address);
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        if (bind(fd, (struct sockaddr *) &address, length) < 0 || listen(fd, 5) < 0 ||
            getsockname(fd, (struct sockaddr *) &address, &length) < 0)
                abort();
        *ret = address;
        return fd;
}

static void show_streams(void) {
        struct sockaddr_in address;
        int listener = listen_on_loopback(&address);
        struct {
                char place[4];
                char after[28];
        } tiny = { .after = "untouched" };
        socklen_t length = sizeof(tiny.place);
        char text[8];

        for (int i = 0; i < 3; i++) {
                int client = socket(AF_INET, SOCK_STREAM, 0), server;

                SHOW(connect(client, (struct sockaddr *) &address, sizeof(address)));
                if (i == 0)
                        server = accept(listener, NULL, NULL);
                else if (i == 1)
                        server = accept4(listener, (struct sockaddr *) &tiny.place, &length, SOCK_CLOEXEC);
                else
                        server = accept(listener, (struct sockaddr *) &address, &(socklen_t) { sizeof(address) });
                SHOW(server >= 0);
                SHOW(send(client, "hello", 5, 0));
                SHOW(recv(server, text, sizeof(text), 0));
                SHOW(close(client));
                SHOW(recv(server, text, sizeof(text), 0));
                close(server);
        }
        printf("%u %s\n", (unsigned) length, tiny.after);
        SHOW(close(listener));
        SHOW(connect(-1, nowhere, 16));
        SHOW(connect(0, nowhere, 16));
        SHOW(accept(-1, NULL, NULL));
}

static void show_datagrams(void) {
        int one = socket(AF_UNIX, SOCK_DGRAM, 0), two = socket(AF_UNIX, SOCK_DGRAM, 0);
        struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "socket" }, from;
        struct sockaddr_un absent = { .sun_family = AF_UNIX, .sun_path = "absent" };
        socklen_t length = sizeof(from);
        char text[8];
        struct iovec iov = { text, sizeof(text) };
        struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

        SHOW(bind(two, (struct sockaddr *) &name, sizeof(name)));
        SHOW(sendto(one, "abc", 3, 0, (struct sockaddr *) &absent, sizeof(absent)));
        SHOW(sendto(one, "abc", 3, 0, (struct sockaddr *) &name, sizeof(name)));
        SHOW(sendto(one, "abc", 3, 0, nowhere, sizeof(name)));
        SHOW(recvfrom(two, text, sizeof(text), 0, (struct sockaddr *) &from, &length));
        SHOW(recvfrom(two, text, sizeof(text), MSG_DONTWAIT, NULL, NULL));
        SHOW(connect(one, (struct sockaddr *) &absent, sizeof(absent)));
        SHOW(connect(one, (struct sockaddr *) &name, sizeof(name)));
        SHOW(sendmsg(one, &message, 0));
        SHOW(recvmsg(two, &message, 0));
        SHOW(sendmsg(one, nowhere, 0));
        SHOW(recvmsg(two, nowhere, 0));
        close(one);
        close(two);
}

static void show_sockets(void) {
        show_streams();
        show_datagrams();
}

static void show_memory(void) {
        void *volatile p = NULL;
        volatile size_t huge = SIZE_MAX / 2;

        SHOW(malloc(huge) == NULL);
        SHOW(calloc(huge, 4) == NULL);
        SHOW(realloc(NULL, huge) == NULL);
        SHOW(posix_memalign((void **) &p, 3, 8));
        SHOW(p == NULL);
        SHOW(posix_memalign((void **) &p, 4096, 100));
        SHOW((uintptr_t) p % 4096);
        SHOW(malloc_usable_size(p) >= 100);
        SHOW((free(p), 0));
        SHOW((p = aligned_alloc(256, 512)) != NULL && (uintptr_t) p % 256 == 0);
        SHOW((p = realloc(p, 5000)) != NULL);
        SHOW((p = realloc(p, 0)) == NULL);
        SHOW((p = memalign(64, 10)) != NULL && (uintptr_t) p % 64 == 0);
        SHOW((free(p), 0));
        SHOW((free(NULL), 0));
        for (size_t i = 1; i < 3000; i += 7) {
                char *q = calloc(i, 3);

                for (size_t j = 0; j < 3 * i; j++)
                        if (q[j])
                                abort();
                memset(q, 0x55, 3 * i);
                q = realloc(q, 5 * i);
                if (q[3 * i - 1] != 0x55)
                        abort();
                free(q);
        }
}

static void *lock_in_thread(void *mutex) {
        return (void *) (intptr_t) pthread_mutex_lock(mutex);
}

static void show_robust(void) {
        pthread_mutexattr_t attributes;
        pthread_mutex_t mutex;
        pthread_t thread;

        pthread_mutexattr_init(&attributes);
        pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
        pthread_mutex_init(&mutex, &attributes);
        pthread_create(&thread, NULL, lock_in_thread, &mutex);
        pthread_join(thread, NULL);
        SHOW(pthread_mutex_lock(&mutex));
        SHOW(pthread_mutex_unlock(&mutex)); /* not made consistent */
        SHOW(pthread_mutex_lock(&mutex));
}

struct contest {
        pthread_mutex_t mutex;
        pthread_barrier_t start;
        uint64_t count;
};

static void *contend(void *userdata) {
        struct contest *contest = userdata;

        pthread_barrier_wait(&contest->start);
        for (int i = 0; i < 20000; i++) {
                pthread_mutex_lock(&contest->mutex);
                contest->count++;
                pthread_mutex_unlock(&contest->mutex);
        }
        return NULL;
}

static void show_mutex(void) {
        struct contest contest = { .mutex = PTHREAD_MUTEX_INITIALIZER };
        pthread_mutex_t checking = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
        pthread_mutex_t recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
        pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
        struct timespec past = { 1, 0 };
        pthread_t threads[4];

        SHOW(pthread_mutex_lock(&checking));
        SHOW(pthread_mutex_lock(&checking));
        SHOW(pthread_mutex_timedlock(&contest.mutex, &past));
        SHOW(pthread_mutex_timedlock(&contest.mutex, &past));
        SHOW(pthread_cond_timedwait(&cond, &contest.mutex, &past));
        SHOW(pthread_mutex_unlock(&contest.mutex));
        SHOW(pthread_mutex_lock(&recursive));
        SHOW(pthread_mutex_lock(&recursive));
        SHOW(pthread_mutex_unlock(&recursive));
        SHOW(pthread_mutex_unlock(&recursive));
        SHOW(pthread_mutex_unlock(&recursive));
        show_robust();
        pthread_barrier_init(&contest.start, NULL, ARRAY_SIZE(threads));
        for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
                pthread_create(&threads[i], NULL, contend, &contest);
        for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
                pthread_join(threads[i], NULL);
        printf("count %ju\n", (uintmax_t) contest.count);
}

struct waiter {
        int pipe[2];
        pthread_mutex_t mutex;
        pthread_cond_t cond;
        bool waiting, cleaned;
};

static void clean(void *userdata) {
        ((struct waiter *) userdata)->cleaned = true;
}

static void *wait_in_read(void *userdata) {
        struct waiter *w = userdata;
        char byte;

        pthread_cleanup_push(clean, w);
        (void) !read(w->pipe[0], &byte, 1);
        pthread_cleanup_pop(0);
        return NULL;
}

static void clean_unlock(void *userdata) {
        struct waiter *w = userdata;

        w->cleaned = true;
        pthread_mutex_unlock(&w->mutex);
}

static void *wait_in_cond(void *userdata) {
        struct waiter *w = userdata;

        pthread_mutex_lock(&w->mutex);
        pthread_cleanup_push(clean_unlock, w);
        w->waiting = true;
        for (;;)
                pthread_cond_wait(&w->cond, &w->mutex);
        pthread_cleanup_pop(0);
        return NULL;
}

static void show_cancellation(void) {
        struct waiter w = { .mutex = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER };
        pthread_t thread;
        bool waiting;
        void *result;

        if (pipe(w.pipe) < 0)
                abort();
        pthread_create(&thread, NULL, wait_in_read, &w);
        SHOW(pthread_cancel(thread));
        SHOW(pthread_join(thread, &result));
        printf("cancelled %d, cleaned %d\n", result == PTHREAD_CANCELED, w.cleaned);

        w.cleaned = false;
        pthread_create(&thread, NULL, wait_in_cond, &w);
        do {
                pthread_mutex_lock(&w.mutex);
                waiting = w.waiting;
                pthread_mutex_unlock(&w.mutex);
        } while (!waiting);
        SHOW(pthread_cancel(thread));
        SHOW(pthread_join(thread, &result));
        printf("cancelled %d, cleaned %d\n", result == PTHREAD_CANCELED, w.cleaned);
        SHOW(pthread_mutex_trylock(&w.mutex));
}

static sigjmp_buf out;

static void leave(int signal) {
        siglongjmp(out, 1);
}

static void work(int signal) {
        int saved = errno, fd = open("/dev/null", O_WRONLY);

        (void) !write(fd, "x", 1);
        close(fd);
        errno = saved;
}

/* A handler leaves a wait that it interrupted, or that was about to begin. */
static void show_longjmp(void) {
        struct itimerval once = { { 0, 0 }, { 0, 1000 } };
        int fds[2];
        char byte;

        if (pipe(fds) < 0)
                abort();
        signal(SIGALRM, leave);
        for (volatile int i = 0; i < 20; i++) {
                if (sigsetjmp(out, 1) == 0) {
                        setitimer(ITIMER_REAL, &once, NULL);
                        (void) !read(fds[0], &byte, 1);
                        abort();
                }
        }
        printf("left 20 times\n");
}

/* Handlers make the calls that they interrupt. */
static void show_signals(void) {
        struct itimerval often = { { 0, 300 }, { 0, 300 } }, never = { { 0, 0 }, { 0, 0 } };
        int broken = 0, fd = open("/dev/null", O_WRONLY);

        signal(SIGALRM, work);
        setitimer(ITIMER_REAL, &often, NULL);
        for (int i = 0; i < 20000; i++) {
                void *volatile p = malloc((size_t) i % 500);

                errno = i;
                broken += write(fd, "xy", 2) != 2 || errno != i;
                errno = i;
                free(p);
                broken += errno != i;
        }
        setitimer(ITIMER_REAL, &never, NULL);
        printf("broken %d\n", broken);
}

static void *work_on_little_stack(void *userdata) {
        struct sockaddr_un absent = { .sun_family = AF_UNIX, .sun_path = "absent" };
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        intptr_t r = connect(fd, (struct sockaddr *) &absent, sizeof(absent)) < 0 ? errno : 0;

        close(fd);
        for (int i = 0; i < 100; i++) {
                free(malloc(1000));
                close(open("/dev/null", O_RDONLY));
        }
        return (void *) r;
}

static void show_stacks(void) {
        pthread_attr_t attributes;
        pthread_t thread;
        void *result;

        pthread_attr_init(&attributes);
        SHOW(pthread_attr_setstacksize(&attributes, 64 * 1024));
        for (int i = 0; i < 20; i++) {
                pthread_create(&thread, &attributes, work_on_little_stack, NULL);
                pthread_join(thread, &result);
        }
        printf("connect: errno %d\n", (int) (intptr_t) result);
}

static const struct {
        const char *name;
        void (*show)(void);
} groups[] = {
        { "files", show_files },     { "io", show_io },           { "sockets", show_sockets },
        { "memory", show_memory },   { "mutex", show_mutex },     { "cancellation", show_cancellation },
        { "longjmp", show_longjmp }, { "signals", show_signals }, { "vfork", show_vfork },
        { "exec", show_exec },       { "spawn", show_spawn },     { "stacks", show_stacks },
        { "exit", show_exit },
};

int main(int argc, char **argv) {
        setvbuf(stdout, NULL, _IOLBF, 0);
        if (argc < 3 || chdir(argv[1]) < 0)
                return 2;
        self = argv[0];
        if (strcmp(argv[2], "arguments") == 0) {
                for (int i = 3; i < argc; i++)
                        printf("[%s] ", argv[i]);
                printf("ONLY=%s\n", getenv("ONLY") ?: "");
                return 0;
        }
        for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
                if (strcmp(argv[2], groups[i].name) == 0) {
                        groups[i].show();
                        return 42;
                }
        return 2;
}
