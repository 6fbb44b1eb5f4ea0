/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The functions behind the wrappers: what the program would call without us,
 * which is the next definition after ours (an allocator of the program's choice
 * before the C library's). Looked up once, by the library's constructor or by
 * the first call where one comes before that; constant afterwards.
 */

#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

/* What programs compiled with _FORTIFY_SOURCE call; the C library's headers declare them only there. */
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int dirfd, const char *path, int flags);
int __openat64_2(int dirfd, const char *path, int flags);
ssize_t __read_chk(int fd, void *data, size_t size, size_t room);
ssize_t __pread_chk(int fd, void *data, size_t size, off_t offset, size_t room);
ssize_t __pread64_chk(int fd, void *data, size_t size, off64_t offset, size_t room);
ssize_t __recv_chk(int fd, void *data, size_t size, size_t room, int flags);
ssize_t __recvfrom_chk(int fd, void *data, size_t size, size_t room, int flags, __SOCKADDR_ARG address,
                       socklen_t *length);

#define REAL_FUNCTIONS(F)                                                                                      \
        F(open) F(open64) F(openat) F(openat64) F(creat) F(creat64)                                            \
        F(__open_2) F(__open64_2) F(__openat_2) F(__openat64_2)                                                \
        F(close) F(fopen) F(fopen64) F(fclose)                                                                 \
        F(read) F(__read_chk) F(write) F(readv) F(writev)                                                      \
        F(pread) F(pread64) F(__pread_chk) F(__pread64_chk) F(pwrite) F(pwrite64)                              \
        F(connect) F(accept) F(accept4) F(send) F(sendto) F(sendmsg)                                           \
        F(recv) F(__recv_chk) F(recvfrom) F(__recvfrom_chk) F(recvmsg)                                         \
        F(malloc) F(calloc) F(realloc) F(free) F(posix_memalign) F(aligned_alloc) F(memalign)                  \
        F(pthread_mutex_lock) F(pthread_mutex_trylock) F(pthread_mutex_timedlock)                              \
        F(pthread_cond_wait) F(pthread_cond_timedwait)                                                         \
        F(fork) F(execve) F(execv) F(execvp) F(execvpe) F(fexecve) F(posix_spawn) F(posix_spawnp)              \
        F(wait) F(wait3) F(wait4) F(waitpid) F(exit) F(_exit) F(_Exit)

struct real_functions {
#define REAL_MEMBER(name) __typeof__(name) *name;
        REAL_FUNCTIONS(REAL_MEMBER)
#undef REAL_MEMBER
};

extern struct real_functions real_functions;
extern bool real_found;

/* Looks all of them up. errno is kept. */
void real_find(void);

static inline const struct real_functions *real(void) {
        /* Acquire: with real_found, all functions are there. Partner: the release in real_find(). */
        if (__builtin_expect(!__atomic_load_n(&real_found, __ATOMIC_ACQUIRE), 0))
                real_find();
        return &real_functions;
}
