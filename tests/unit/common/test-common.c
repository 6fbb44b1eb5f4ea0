/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Parsing, globs, memory files, datagrams, the trace clock. */

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/datagram.h"
#include "common/fd.h"
#include "common/glob.h"
#include "common/hash.h"
#include "common/parse.h"

static void test_numbers(void) {
        static const char *const bad[] = { "", "-1", "+1", " 1", "1 ", "0x1", "1.0", "18446744073709551616", "one" };
        uint64_t v = 42;

        for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
                g_assert_cmpint(parse_u64(bad[i], &v), <, 0);
                g_assert_cmpuint(v, ==, 42);
        }
        g_assert_cmpint(parse_u64("18446744073709551615", &v), ==, 0);
        g_assert_cmpuint(v, ==, UINT64_MAX);
        g_assert_cmpint(parse_hex64("fFfFfFfFfFfFfFfF", &v), ==, 0);
        g_assert_cmpuint(v, ==, UINT64_MAX);
        g_assert_cmpint(parse_hex64("10000000000000000", &v), ==, -ERANGE);
        g_assert_cmpint(parse_hex64("g", &v), ==, -EINVAL);
}

static void test_sizes(void) {
        uint64_t v = 0;

        g_assert_cmpint(parse_size("64M", &v), ==, 0);
        g_assert_cmpuint(v, ==, 64 << 20);
        g_assert_cmpint(parse_size("0", &v), ==, 0);
        g_assert_cmpuint(v, ==, 0);
        g_assert_cmpint(parse_size("15T", &v), ==, 0);
        g_assert_cmpint(parse_size("16777216T", &v), ==, -ERANGE);
        g_assert_cmpint(parse_size("M", &v), ==, -EINVAL);
        g_assert_cmpint(parse_size("1KB", &v), ==, -EINVAL);
        g_assert_cmpint(parse_size("", &v), ==, -EINVAL);
}

static void test_timespans(void) {
        uint64_t v = 7;

        g_assert_cmpint(parse_timespan("90", &v), ==, 0);
        g_assert_cmpuint(v, ==, 90000000);
        g_assert_cmpint(parse_timespan("1500ms", &v), ==, 0);
        g_assert_cmpuint(v, ==, 1500000);
        g_assert_cmpint(parse_timespan("10m", &v), ==, 0);
        g_assert_cmpuint(v, ==, 600000000);
        g_assert_cmpint(parse_timespan("1d", &v), ==, 0);
        g_assert_cmpuint(v, ==, 86400000000);
        g_assert_cmpint(parse_timespan("18446744073709551615s", &v), ==, -ERANGE);
        g_assert_cmpint(parse_timespan("m", &v), ==, -EINVAL);
        g_assert_cmpint(parse_timespan("1 m", &v), ==, -EINVAL);
        g_assert_cmpint(parse_timespan("1w", &v), ==, -EINVAL);
        g_assert_cmpuint(v, ==, 86400000000);
}

static void test_names(void) {
        char long_name[66];

        g_assert_true(name_is_valid("a"));
        g_assert_true(name_is_valid("my-session_1.2"));
        g_assert_false(name_is_valid(""));
        g_assert_false(name_is_valid(".hidden"));
        g_assert_false(name_is_valid("-option"));
        g_assert_false(name_is_valid("a/b"));
        g_assert_false(name_is_valid("a\nb"));
        g_assert_false(name_is_valid("a b"));
        memset(long_name, 'a', 65);
        long_name[65] = '\0';
        g_assert_false(name_is_valid(long_name));
        long_name[64] = '\0';
        g_assert_true(name_is_valid(long_name));
}

static void test_glob(void) {
        g_assert_true(glob_match("*", ""));
        g_assert_true(glob_match("*", "shop:paid"));
        g_assert_true(glob_match("shop:*", "shop:paid"));
        g_assert_true(glob_match("*:paid", "shop:paid"));
        g_assert_true(glob_match("s*p*d", "shop:paid"));
        g_assert_true(glob_match("a*b*c", "aXbbXbcc"));
        g_assert_true(glob_match("shop:paid", "shop:paid"));
        g_assert_false(glob_match("shop:pai", "shop:paid"));
        g_assert_false(glob_match("shop:paid?", "shop:paid"));
        g_assert_false(glob_match("", "x"));
        g_assert_false(glob_match("*x", "xy"));
}

static void test_constant_file(void) {
        _cleanup_close_ int fd = -1, pipe_end = -1, other = -1;
        const void *data;
        uint64_t size;
        size_t mapped;
        int ends[2];

        g_assert_cmpint(memfd_new_constant("test", "hello", 5, &fd), ==, 0);
        g_assert_cmpint(pwrite(fd, "x", 1, 0), ==, -1);
        g_assert_cmpint(ftruncate(fd, 1), ==, -1);
        g_assert_cmpint(memfd_check_constant(fd, 5, &size), ==, 0);
        g_assert_cmpuint(size, ==, 5);
        g_assert_cmpint(memfd_check_constant(fd, 4, &size), ==, -EMSGSIZE);
        g_assert_cmpint(memfd_map_constant(fd, 5, &data, &mapped), ==, 0);
        g_assert_cmpint(memcmp(data, "hello", 5), ==, 0);
        munmap((void *) data, mapped);

        /* What can still change, and what is no memory file. */
        g_assert_cmpint(memfd_new_shared("test", 4096, &other), ==, 0);
        g_assert_cmpint(memfd_check_constant(other, 4096, &size), ==, -EPERM);
        g_assert_cmpint(pipe2(ends, O_CLOEXEC), ==, 0);
        pipe_end = ends[0];
        close(ends[1]);
        g_assert_cmpint(memfd_map_constant(pipe_end, 4096, &data, &mapped), ==, -EPERM);
}

static void test_shared_file(void) {
        _cleanup_close_ int fd = -1, readonly = -1;
        uint64_t size;
        void *p;

        g_assert_cmpint(memfd_new_shared("test", 8192, &fd), ==, 0);
        g_assert_cmpint(memfd_check_shared(fd, &size), ==, 0);
        g_assert_cmpuint(size, ==, 8192);
        g_assert_cmpint(ftruncate(fd, 4096), ==, -1);
        g_assert_cmpint(ftruncate(fd, 16384), ==, -1);
        g_assert_cmpint(fd_reopen_readonly(fd, &readonly), ==, 0);
        g_assert_true(fd_same_file(fd, readonly));
        p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, readonly, 0);
        g_assert_true(p == MAP_FAILED);
}

static void test_datagrams(void) {
        int ends[2], fds[DATAGRAM_FDS_MAX], send[2] = { 0, 1 };
        char buffer[8];
        size_t n_fds;

        g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), ==, 0);
        g_assert_cmpint(datagram_send(ends[0], "hi", 2, send, 2, 0), ==, 0);
        g_assert_cmpint(datagram_recv(ends[1], buffer, sizeof(buffer), fds, &n_fds, 0), ==, 2);
        g_assert_cmpuint(n_fds, ==, 2);
        g_assert_true(fd_same_file(fds[0], 0));
        g_assert_cmpint(fcntl(fds[0], F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
        datagram_close_fds(fds, n_fds);
        g_assert_cmpint(fds[0], ==, -1);

        g_assert_cmpint(datagram_send(ends[0], "too long a message", 18, NULL, 0, 0), ==, 0);
        g_assert_cmpint(datagram_recv(ends[1], buffer, sizeof(buffer), fds, &n_fds, 0), ==, -EBADMSG);
        g_assert_cmpint(datagram_recv(ends[1], buffer, sizeof(buffer), fds, &n_fds, MSG_DONTWAIT), ==, -EAGAIN);
        close(ends[0]);
        g_assert_cmpint(datagram_recv(ends[1], buffer, sizeof(buffer), fds, &n_fds, 0), ==, 0);
        close(ends[1]);
}

/* They would be anybody's way to fill the table of who takes an empty datagram for the end. */
static void test_descriptors_without_data(void) {
        int ends[2], fds[DATAGRAM_FDS_MAX], pipe_ends[2];
        size_t n_fds;
        char byte;

        g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), ==, 0);
        g_assert_cmpint(pipe2(pipe_ends, O_CLOEXEC), ==, 0);
        g_assert_cmpint(datagram_send(ends[0], NULL, 0, &pipe_ends[1], 1, 0), ==, 0);
        close(pipe_ends[1]);
        g_assert_cmpint(datagram_recv(ends[1], &byte, 1, fds, &n_fds, 0), ==, -EBADMSG);
        /* Nobody has it any longer. */
        g_assert_cmpint(read(pipe_ends[0], &byte, 1), ==, 0);
        close(pipe_ends[0]);
        close(ends[0]);
        close(ends[1]);
}

static void test_clock(void) {
        enum trace_clock clock = trace_clock_choose();
        struct trace_clock_info info;
        uint64_t ticks, wall_usec, said_usec;

        g_assert_cmpint(trace_clock_calibrate(clock, NULL, &info), ==, 0);
        g_assert_cmpuint(info.frequency, >, 1000000);
        g_assert_cmpuint(info.offset_ticks, <, info.frequency);
        wall_usec = (uint64_t) g_get_real_time();
        ticks = trace_clock_read(clock, clock == TRACE_CLOCK_MONOTONIC ? trace_clock_timens_offset() : 0) +
                info.offset_ticks;
        said_usec = (uint64_t) info.offset_seconds * 1000000 + ticks / info.frequency * 1000000 +
                    ticks % info.frequency * 1000000 / info.frequency;
        /* Generous: a preemption between the two reads counts too. */
        g_assert_cmpuint(said_usec, >=, wall_usec - 10000);
        g_assert_cmpuint(said_usec, <=, wall_usec + 2000000);
        g_assert_cmpuint(trace_clock_read(clock, 0), <=, trace_clock_read(clock, 0));
}

static uint64_t raw_nsec(void) {
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
        return (uint64_t) ts.tv_sec * UINT64_C(1000000000) + (uint64_t) ts.tv_nsec;
}

/* What was sampled before is made use of, and what cannot have been is not. */
static void test_clock_sample(void) {
        struct trace_clock_sample first, wrong;
        struct trace_clock_info info, other;
        uint64_t begin;

        trace_clock_sample(&first);
        if (trace_clock_choose() != TRACE_CLOCK_TSC || first.ticks == 0) {
                g_test_skip("this machine's clock is not the time stamp counter");
                return;
        }
        g_usleep(30000);
        begin = raw_nsec();
        g_assert_cmpint(trace_clock_calibrate(TRACE_CLOCK_TSC, NULL, &info), ==, 0);
        g_assert_cmpuint(raw_nsec() - begin, >=, 20000000);
        /* One in 10,000: a preemption within each of 128 attempts is not to be expected. */
        g_assert_cmpint(trace_clock_calibrate(TRACE_CLOCK_TSC, &first, &other), ==, 0);
        g_assert_cmpuint(other.frequency, >, info.frequency - info.frequency / 10000);
        g_assert_cmpuint(other.frequency, <, info.frequency + info.frequency / 10000);

        /* The frequency is that since the sample: this one says twice as much. */
        wrong = first;
        wrong.ticks -= (uint64_t) ((double) (raw_nsec() - first.nsec) * (double) info.frequency / 1e9);
        g_assert_cmpint(trace_clock_calibrate(TRACE_CLOCK_TSC, &wrong, &other), ==, 0);
        g_assert_cmpuint(other.frequency, >, info.frequency + info.frequency / 2);

        trace_clock_sample(&first);
        g_assert_cmpint(trace_clock_calibrate(TRACE_CLOCK_TSC, &first, &other), ==, 0);
        g_assert_cmpuint(raw_nsec() - first.nsec, >=, 5000000);

        wrong = first;
        wrong.nsec = raw_nsec() + UINT64_C(3600) * 1000000000;
        g_assert_cmpint(trace_clock_calibrate(TRACE_CLOCK_TSC, &wrong, &other), ==, 0);
        g_assert_cmpuint(other.frequency, >, info.frequency - info.frequency / 10000);
        g_assert_cmpuint(other.frequency, <, info.frequency + info.frequency / 10000);
}

static void test_hash(void) {
        /* Values of the algorithm's own page. */
        g_assert_cmpuint(hash_bytes(HASH_INIT, "", 0), ==, UINT64_C(0xcbf29ce484222325));
        g_assert_cmpuint(hash_bytes(HASH_INIT, "a", 1), ==, UINT64_C(0xaf63dc4c8601ec8c));
        g_assert_cmpuint(hash_bytes(HASH_INIT, "foobar", 6), ==, UINT64_C(0x85944171f73967e8));
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/common/numbers", test_numbers);
        g_test_add_func("/common/sizes", test_sizes);
        g_test_add_func("/common/names", test_names);
        g_test_add_func("/common/timespans", test_timespans);
        g_test_add_func("/common/glob", test_glob);
        g_test_add_func("/common/constant-file", test_constant_file);
        g_test_add_func("/common/shared-file", test_shared_file);
        g_test_add_func("/common/datagrams", test_datagrams);
        g_test_add_func("/common/descriptors-without-data", test_descriptors_without_data);
        g_test_add_func("/common/clock", test_clock);
        g_test_add_func("/common/clock-sample", test_clock_sample);
        g_test_add_func("/common/hash", test_hash);
        return g_test_run();
}
