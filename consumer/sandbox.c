/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "common/cleanup.h"
#include "consumer/sandbox.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZER 1
#endif
#endif

static const int calls[] = {
        SCMP_SYS(recvmsg),       SCMP_SYS(sendmsg),           /* tracingd and the opener */
        SCMP_SYS(pwritev),       SCMP_SYS(ftruncate),         /* files */
        SCMP_SYS(read),          SCMP_SYS(pread64),           /* the kernel's pipes and counts */
        SCMP_SYS(poll),          SCMP_SYS(ppoll),
        SCMP_SYS(close),         SCMP_SYS(fstat),
        SCMP_SYS(munmap),        SCMP_SYS(mremap),            /* malloc and rings */
        SCMP_SYS(brk),           SCMP_SYS(madvise),
        SCMP_SYS(futex),         SCMP_SYS(futex_waitv),       /* sleep */
        SCMP_SYS(clock_gettime), SCMP_SYS(restart_syscall),
        SCMP_SYS(rt_sigpending), SCMP_SYS(rt_sigreturn),      /* SIGTERM */
        SCMP_SYS(rt_sigprocmask),
        SCMP_SYS(getrandom),     SCMP_SYS(sysinfo),           /* UUIDs; qsort() asks for the memory size */
        SCMP_SYS(wait4),         SCMP_SYS(waitid),            /* for the opener, at the end */
        SCMP_SYS(exit),          SCMP_SYS(exit_group),
#ifdef SANITIZER
        SCMP_SYS(write),         SCMP_SYS(getpid),            /* reports and the search for leaks */
        SCMP_SYS(gettid),        SCMP_SYS(sigaltstack),
        SCMP_SYS(sched_yield),   SCMP_SYS(readlink),
        SCMP_SYS(mprotect),      SCMP_SYS(rt_sigaction),
#endif
};

struct filter {
        scmp_filter_ctx context;
};

static void filter_done(struct filter *filter) {
        if (filter->context)
                seccomp_release(filter->context);
}

/* Calls that are allowed with certain arguments alone. */
static int add_conditional(scmp_filter_ctx context) {
        int r;

        r = seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
                             SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
        if (r < 0)
                return r;
        r = seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, SCMP_A1(SCMP_CMP_EQ, F_GET_SEALS));
        if (r < 0)
                return r;
        /* fstat() of the C library. */
        return seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), 1,
                                SCMP_A3(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, AT_EMPTY_PATH));
}

static int load_filter(void) {
        _cleanup_(filter_done) struct filter filter = { seccomp_init(SCMP_ACT_ERRNO(EPERM)) };
        int r;

        if (!filter.context)
                return -ENOMEM;
        for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
                r = seccomp_rule_add(filter.context, SCMP_ACT_ALLOW, calls[i], 0);
                if (r < 0)
                        return r;
        }
        r = add_conditional(filter.context);
        return r < 0 ? r : seccomp_load(filter.context);
}

#ifdef SANITIZER
static int entered;

/* The leak checker looks at a process from outside, with ptrace, which is what the sandbox is against. */
__attribute__((visibility("default"))) int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void) {
        return entered;
}
#endif

int sandbox_enter(void) {
#ifdef SANITIZER
        entered = 1;
#endif
        if (prctl(PR_SET_DUMPABLE, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return -errno;
        return load_filter();
}
