/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fd.h"

int write_full(int fd, const void *data, size_t size) {
        const char *p = data;

        while (size > 0) {
                ssize_t n = write(fd, p, size);

                if (n < 0) {
                        if (errno == EINTR)
                                continue;
                        return -errno;
                }
                if (n == 0)
                        return -ENOSPC;
                p += n;
                size -= (size_t) n;
        }
        return 0;
}

int pwritev_full(int fd, struct iovec *iov, int n, off_t offset) {
        while (n > 0) {
                ssize_t k;

                if (iov->iov_len == 0) {
                        iov++;
                        n--;
                        continue;
                }
                k = pwritev(fd, iov, n, offset);
                if (k < 0) {
                        if (errno == EINTR)
                                continue;
                        return -errno;
                }
                if (k == 0)
                        return -ENOSPC;
                offset += k;
                while (n > 0 && (size_t) k >= iov->iov_len) {
                        k -= (ssize_t) iov->iov_len;
                        iov++;
                        n--;
                }
                if (n > 0) {
                        iov->iov_base = (char *) iov->iov_base + k;
                        iov->iov_len -= (size_t) k;
                }
        }
        return 0;
}

static int memfd_open(const char *name, int *ret_fd) {
        int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

        if (fd < 0)
                return -errno;
        *ret_fd = fd;
        return 0;
}

int memfd_new_shared(const char *name, uint64_t size, int *ret_fd) {
        _cleanup_close_ int fd = -1;
        int r;

        r = memfd_open(name, &fd);
        if (r < 0)
                return r;
        if (fchmod(fd, 0600) < 0)
                return -errno;
        r = posix_fallocate(fd, 0, (off_t) size);
        if (r > 0)
                return -r;
        if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
                return -errno;
        *ret_fd = TAKE_FD(fd);
        return 0;
}

int memfd_new_constant(const char *name, const void *data, size_t size, int *ret_fd) {
        _cleanup_close_ int fd = -1;
        int r;

        r = memfd_open(name, &fd);
        if (r < 0)
                return r;
        r = write_full(fd, data, size);
        if (r < 0)
                return r;
        if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
                return -errno;
        *ret_fd = TAKE_FD(fd);
        return 0;
}

static int memfd_check(int fd, int wanted, uint64_t *ret_size) {
        struct stat st;
        int seals = fcntl(fd, F_GET_SEALS);

        if (seals < 0 || (seals & wanted) != wanted)
                return -EPERM;
        if (fstat(fd, &st) < 0)
                return -errno;
        *ret_size = (uint64_t) st.st_size;
        return 0;
}

int memfd_check_constant(int fd, uint64_t max, uint64_t *ret_size) {
        uint64_t size;
        int r;

        r = memfd_check(fd, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE, &size);
        if (r < 0)
                return r;
        if (size > max)
                return -EMSGSIZE;
        *ret_size = size;
        return 0;
}

int memfd_check_shared(int fd, uint64_t *ret_size) {
        return memfd_check(fd, F_SEAL_SHRINK | F_SEAL_GROW, ret_size);
}

int memfd_map_constant(int fd, uint64_t max, const void **ret_data, size_t *ret_size) {
        uint64_t size;
        void *p;
        int r;

        r = memfd_check_constant(fd, max, &size);
        if (r < 0)
                return r;
        if (size == 0)
                return -EBADMSG;
        p = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
        if (p == MAP_FAILED)
                return -errno;
        *ret_data = p;
        *ret_size = size;
        return 0;
}

int fd_reopen_readonly(int fd, int *ret_fd) {
        char path[sizeof("/proc/self/fd/") + 12];
        int copy;

        snprintf(path, sizeof(path), "/proc/self/fd/%i", fd);
        copy = open(path, O_RDONLY | O_CLOEXEC);
        if (copy < 0)
                return -errno;
        *ret_fd = copy;
        return 0;
}

bool fd_same_file(int a, int b) {
        struct stat sa, sb;

        return fstat(a, &sa) >= 0 && fstat(b, &sb) >= 0 && sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}
