/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "client/tracectl/kernel-types.h"
#include "client/tracectl/syscall-strings.h"
#include "common/cleanup.h"

#if defined(__x86_64__)

#include <asm/ptrace.h>

#define TRACEFS "/sys/kernel/tracing/"
#define PRINTK TRACEFS "events/bpf_trace/bpf_trace_printk/enable"

/* That live at the same time; those that were not heard of for longest go first. Their memory is there from the start. */
#define PROCESSES_MAX 16384
#define SYSCALLS_MAX 1024

#define WORKER_NSEC (100 * 1000)
#define WORKER_TRIES 50

enum { MAP_PROCESSES, MAP_CALLS, PROGRAM_ENTER, PROGRAM_EXIT, PROGRAM_FORK, LINK_ENTER, LINK_EXIT, LINK_FORK };

/* Of the kernel's task_struct. */
enum { OFFSET_THREAD, OFFSET_PROCESS };

static const char *const members[] = { [OFFSET_THREAD] = "pid", [OFFSET_PROCESS] = "tgid" };

/* Where the arguments of a system call are, in the registers that the kernel has saved. */
static const uint16_t argument_offsets[] = {
        offsetof(struct pt_regs, rdi), offsetof(struct pt_regs, rsi), offsetof(struct pt_regs, rdx),
        offsetof(struct pt_regs, r10), offsetof(struct pt_regs, r8),  offsetof(struct pt_regs, r9),
};

/* The arguments that are names; -1: none. */
static const struct call {
        uint16_t number;
        int8_t arguments[2];
} calls[] = {
        { __NR_open, { 0, -1 } },          { __NR_openat, { 1, -1 } },      { __NR_openat2, { 1, -1 } },
        { __NR_creat, { 0, -1 } },         { __NR_stat, { 0, -1 } },        { __NR_lstat, { 0, -1 } },
        { __NR_newfstatat, { 1, -1 } },    { __NR_statx, { 1, -1 } },       { __NR_access, { 0, -1 } },
        { __NR_faccessat, { 1, -1 } },     { __NR_faccessat2, { 1, -1 } },  { __NR_readlink, { 0, -1 } },
        { __NR_readlinkat, { 1, -1 } },    { __NR_chdir, { 0, -1 } },       { __NR_chroot, { 0, -1 } },
        { __NR_mkdir, { 0, -1 } },         { __NR_mkdirat, { 1, -1 } },     { __NR_rmdir, { 0, -1 } },
        { __NR_unlink, { 0, -1 } },        { __NR_unlinkat, { 1, -1 } },    { __NR_rename, { 0, 1 } },
        { __NR_renameat, { 1, 3 } },       { __NR_renameat2, { 1, 3 } },    { __NR_link, { 0, 1 } },
        { __NR_linkat, { 1, 3 } },         { __NR_symlink, { 0, 1 } },      { __NR_symlinkat, { 0, 2 } },
        { __NR_chmod, { 0, -1 } },         { __NR_fchmodat, { 1, -1 } },    { __NR_chown, { 0, -1 } },
        { __NR_lchown, { 0, -1 } },        { __NR_fchownat, { 1, -1 } },    { __NR_truncate, { 0, -1 } },
        { __NR_utime, { 0, -1 } },         { __NR_utimes, { 0, -1 } },      { __NR_utimensat, { 1, -1 } },
        { __NR_futimesat, { 1, -1 } },     { __NR_mknod, { 0, -1 } },       { __NR_mknodat, { 1, -1 } },
        { __NR_statfs, { 0, -1 } },        { __NR_getxattr, { 0, 1 } },     { __NR_lgetxattr, { 0, 1 } },
        { __NR_setxattr, { 0, 1 } },       { __NR_lsetxattr, { 0, 1 } },    { __NR_removexattr, { 0, 1 } },
        { __NR_listxattr, { 0, -1 } },     { __NR_llistxattr, { 0, -1 } },  { __NR_fgetxattr, { 1, -1 } },
        { __NR_mount, { 0, 1 } },          { __NR_umount2, { 0, -1 } },     { __NR_pivot_root, { 0, 1 } },
        { __NR_swapon, { 0, -1 } },        { __NR_swapoff, { 0, -1 } },     { __NR_acct, { 0, -1 } },
        { __NR_uselib, { 0, -1 } },        { __NR_memfd_create, { 0, -1 } }, { __NR_name_to_handle_at, { 1, -1 } },
        { __NR_inotify_add_watch, { 1, -1 } }, { __NR_execve, { 0, -1 } },  { __NR_execveat, { 1, -1 } },
};

/* The argument that points to two descriptors. */
static const struct {
        uint16_t number;
        uint8_t argument;
} pair_calls[] = { { __NR_pipe, 0 }, { __NR_pipe2, 0 }, { __NR_socketpair, 3 } };

/* What the programs find of a call: where its names are. 0: there is none, for rdi is not at 0. */
struct call_value {
        uint32_t offsets[2];
};

/* A program that is being written. Jumps go to its end, which is filled in last. */
struct code {
        struct bpf_insn insns[160];
        size_t n;
};

static void put(struct code *c, uint8_t code, uint8_t dst, uint8_t src, int16_t off, int32_t imm) {
        c->insns[c->n++] = (struct bpf_insn) { .code = code, .dst_reg = dst, .src_reg = src, .off = off, .imm = imm };
}

#define MOVE(c, dst, src) put(c, BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0)
#define MOVE_NUMBER(c, dst, number) put(c, BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, number)
#define ADD_NUMBER(c, dst, number) put(c, BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, number)
#define LOAD(c, size, dst, src, off) put(c, BPF_LDX | BPF_MEM | (size), dst, src, off, 0)
#define STORE(c, size, dst, src, off) put(c, BPF_STX | BPF_MEM | (size), dst, src, off, 0)
#define CALL(c, function) put(c, BPF_JMP | BPF_CALL, 0, 0, 0, function)
#define END INT16_MAX

static void put_wide(struct code *c, uint8_t dst, uint8_t src, uint64_t value) {
        put(c, BPF_LD | BPF_DW | BPF_IMM, dst, src, 0, (int32_t) (uint32_t) value);
        put(c, 0, 0, 0, 0, src == BPF_PSEUDO_MAP_FD ? 0 : (int32_t) (uint32_t) (value >> 32));
}

/* r0: what the map has for the key at fp + key; where there is nothing, the program ends. */
static void put_lookup(struct code *c, int map_fd, int16_t key) {
        put_wide(c, BPF_REG_1, BPF_PSEUDO_MAP_FD, (uint32_t) map_fd);
        MOVE(c, BPF_REG_2, BPF_REG_10);
        ADD_NUMBER(c, BPF_REG_2, key);
        CALL(c, BPF_FUNC_map_lookup_elem);
        put(c, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0, END, 0);
}

/* The key at fp + key is from now on followed. fp - 8 is written to. */
static void put_insert(struct code *c, int map_fd, int16_t key) {
        put(c, BPF_ST | BPF_MEM | BPF_DW, BPF_REG_10, 0, -8, 1);
        put_wide(c, BPF_REG_1, BPF_PSEUDO_MAP_FD, (uint32_t) map_fd);
        MOVE(c, BPF_REG_2, BPF_REG_10);
        ADD_NUMBER(c, BPF_REG_2, key);
        MOVE(c, BPF_REG_3, BPF_REG_10);
        ADD_NUMBER(c, BPF_REG_3, -8);
        MOVE_NUMBER(c, BPF_REG_4, BPF_ANY);
        CALL(c, BPF_FUNC_map_update_elem);
}

/* At fp - 16, as a key: the process, as the kernel counts them. */
static void put_process(struct code *c) {
        CALL(c, BPF_FUNC_get_current_pid_tgid);
        put(c, BPF_ALU64 | BPF_RSH | BPF_K, BPF_REG_0, 0, 0, 32);
        STORE(c, BPF_W, BPF_REG_10, BPF_REG_0, -16);
}

/* At fp - 24: eight bytes of the kernel's at r6 + r8, such as a saved register. */
static void put_read(struct code *c) {
        MOVE(c, BPF_REG_1, BPF_REG_10);
        ADD_NUMBER(c, BPF_REG_1, -24);
        MOVE_NUMBER(c, BPF_REG_2, 8);
        MOVE(c, BPF_REG_3, BPF_REG_6);
        put(c, BPF_ALU64 | BPF_ADD | BPF_X, BPF_REG_3, BPF_REG_8, 0, 0);
        CALL(c, BPF_FUNC_probe_read_kernel);
}

#define FORMAT_SIZE 16

/* Prints r3 and r4. fp - 40 is written to. */
static void put_printk(struct code *c, const char format[static FORMAT_SIZE]) {
        uint64_t words[FORMAT_SIZE / sizeof(uint64_t)];

        memcpy(words, format, sizeof(words));
        for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
                put_wide(c, BPF_REG_1, 0, words[i]);
                STORE(c, BPF_DW, BPF_REG_10, BPF_REG_1, (int16_t) (-40 + 8 * (int) i));
        }
        MOVE(c, BPF_REG_1, BPF_REG_10);
        ADD_NUMBER(c, BPF_REG_1, -40);
        MOVE_NUMBER(c, BPF_REG_2, FORMAT_SIZE);
        CALL(c, BPF_FUNC_trace_printk);
}

/* The name that the register at r6 + r8 points to, as the number-th of the call; r8 0: nothing. */
static void put_print(struct code *c, int number) {
        static const char format[FORMAT_SIZE] = "tracectl%d %pus";

        put(c, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_8, 0, END, 0);
        put_read(c);
        MOVE_NUMBER(c, BPF_REG_3, number);
        LOAD(c, BPF_DW, BPF_REG_4, BPF_REG_10, -24);
        put_printk(c, format);
}

/* Of a process that is followed: the names of the call whose number is in r7. */
static void put_names(struct code *c, const struct syscall_strings *s) {
        put_process(c);
        put_lookup(c, s->fds[MAP_PROCESSES], -16);
        STORE(c, BPF_W, BPF_REG_10, BPF_REG_7, -16);
        put_lookup(c, s->fds[MAP_CALLS], -16);
        MOVE(c, BPF_REG_9, BPF_REG_0);
        for (int i = 0; i < 2; i++) {
                LOAD(c, BPF_W, BPF_REG_8, BPF_REG_9, (int16_t) (4 * i));
                put_print(c, i);
        }
}

static void put_end(struct code *c) {
        for (size_t i = 0; i < c->n; i++)
                if (BPF_CLASS(c->insns[i].code) == BPF_JMP && c->insns[i].off == END)
                        c->insns[i].off = (int16_t) (c->n - i - 1);
        MOVE_NUMBER(c, BPF_REG_0, 0);
        put(c, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* Who says the cookie is followed. A call that replaces its program has its name now or never. */
static void write_enter(struct code *c, const struct syscall_strings *s) {
        size_t not_prctl, execve;

        LOAD(c, BPF_DW, BPF_REG_6, BPF_REG_1, 0);
        LOAD(c, BPF_DW, BPF_REG_7, BPF_REG_1, 8);
        not_prctl = c->n;
        put(c, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_7, 0, 0, __NR_prctl);
        MOVE_NUMBER(c, BPF_REG_8, argument_offsets[1]);
        put_read(c);
        LOAD(c, BPF_DW, BPF_REG_1, BPF_REG_10, -24);
        put_wide(c, BPF_REG_2, 0, s->cookie);
        put(c, BPF_JMP | BPF_JNE | BPF_X, BPF_REG_1, BPF_REG_2, END, 0);
        put_process(c);
        put_insert(c, s->fds[MAP_PROCESSES], -16);
        put(c, BPF_JMP | BPF_JA, 0, 0, END, 0);
        c->insns[not_prctl].off = (int16_t) (c->n - not_prctl - 1);
        execve = c->n;
        put(c, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_7, 0, 0, __NR_execve);
        put(c, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_7, 0, END, __NR_execveat);
        c->insns[execve].off = (int16_t) (c->n - execve - 1);
        put_names(c, s);
        put_end(c);
}

/* Of a process that is followed, where r9, the result, is 0: the two descriptors to which the register at r6 + r8 points. */
static void put_pair(struct code *c, const struct syscall_strings *s) {
        static const char format[FORMAT_SIZE] = "tracectl=%d %d";

        put(c, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_9, 0, END, 0);
        put_process(c);
        put_lookup(c, s->fds[MAP_PROCESSES], -16);
        put_read(c);
        MOVE(c, BPF_REG_1, BPF_REG_10);
        ADD_NUMBER(c, BPF_REG_1, -24);
        MOVE_NUMBER(c, BPF_REG_2, 2 * sizeof(int));
        LOAD(c, BPF_DW, BPF_REG_3, BPF_REG_10, -24);
        CALL(c, BPF_FUNC_probe_read_user);
        LOAD(c, BPF_W, BPF_REG_3, BPF_REG_10, -24);
        LOAD(c, BPF_W, BPF_REG_4, BPF_REG_10, -20);
        put_printk(c, format);
}

/* By then the kernel has read the names, so that they are in memory, and has written what it returns there. */
static void write_exit(struct code *c, const struct syscall_strings *s) {
        size_t pairs[ARRAY_SIZE(pair_calls)];

        LOAD(c, BPF_DW, BPF_REG_6, BPF_REG_1, 0);
        LOAD(c, BPF_DW, BPF_REG_9, BPF_REG_1, 8);
        MOVE_NUMBER(c, BPF_REG_8, offsetof(struct pt_regs, orig_rax));
        put_read(c);
        LOAD(c, BPF_DW, BPF_REG_7, BPF_REG_10, -24);
        put(c, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_7, 0, END, __NR_execve);
        put(c, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_7, 0, END, __NR_execveat);
        for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
                MOVE_NUMBER(c, BPF_REG_8, argument_offsets[pair_calls[i].argument]);
                pairs[i] = c->n;
                put(c, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_7, 0, 0, pair_calls[i].number);
        }
        put_names(c, s);
        put(c, BPF_JMP | BPF_JA, 0, 0, END, 0);
        for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
                c->insns[pairs[i]].off = (int16_t) (c->n - pairs[i] - 1);
        put_pair(c, s);
        put_end(c);
}

/*
 * A thread is its process's already, and does no harm beside it. Which thread there is from now on, and of which process,
 * is printed before it runs: only the kernel's own numbers are in its other events.
 */
static void write_fork(struct code *c, const struct syscall_strings *s, const uint32_t *offsets) {
        static const char format[FORMAT_SIZE] = "tracectl+%d %d";


        LOAD(c, BPF_DW, BPF_REG_6, BPF_REG_1, 8);
        put_process(c);
        put_lookup(c, s->fds[MAP_PROCESSES], -16);
        MOVE_NUMBER(c, BPF_REG_8, (int32_t) offsets[OFFSET_PROCESS]);
        put_read(c);
        LOAD(c, BPF_W, BPF_REG_7, BPF_REG_10, -24);
        STORE(c, BPF_W, BPF_REG_10, BPF_REG_7, -16);
        put_insert(c, s->fds[MAP_PROCESSES], -16);
        MOVE_NUMBER(c, BPF_REG_8, (int32_t) offsets[OFFSET_THREAD]);
        put_read(c);
        LOAD(c, BPF_W, BPF_REG_3, BPF_REG_10, -24);
        MOVE(c, BPF_REG_4, BPF_REG_7);
        put_printk(c, format);
        put_end(c);
}

static int bpf(enum bpf_cmd command, union bpf_attr *attr) {
        int fd = (int) syscall(SYS_bpf, command, attr, sizeof(*attr));

        if (fd < 0)
                return -errno;
        /* Every descriptor of it is closed by exec. */
        return fd;
}

static int make_map(enum bpf_map_type type, uint32_t value_size, uint32_t n, int *ret_fd) {
        union bpf_attr attr;
        int r;

        memset(&attr, 0, sizeof(attr));
        attr.map_type = type;
        attr.key_size = sizeof(uint32_t);
        attr.value_size = value_size;
        attr.max_entries = n;
        r = bpf(BPF_MAP_CREATE, &attr);
        if (r >= 0)
                *ret_fd = r;
        return r < 0 ? r : 0;
}

static int fill_calls(int fd) {
        for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
                struct call_value value = { { 0 } };
                uint32_t key = calls[i].number;
                union bpf_attr attr;
                int r;

                for (int k = 0; k < 2; k++)
                        if (calls[i].arguments[k] >= 0)
                                value.offsets[k] = argument_offsets[calls[i].arguments[k]];
                /* rdi's place is not 0, nor any other argument's. */
                memset(&attr, 0, sizeof(attr));
                attr.map_fd = (uint32_t) fd;
                attr.key = (uint64_t) (uintptr_t) &key;
                attr.value = (uint64_t) (uintptr_t) &value;
                r = bpf(BPF_MAP_UPDATE_ELEM, &attr);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int load(const struct code *c, int *ret_fd) {
        union bpf_attr attr;
        int r;

        memset(&attr, 0, sizeof(attr));
        attr.prog_type = BPF_PROG_TYPE_RAW_TRACEPOINT;
        attr.insns = (uint64_t) (uintptr_t) c->insns;
        attr.insn_cnt = (uint32_t) c->n;
        /* bpf_trace_printk() is for programs under the GPL alone; ours may be had under it, by the LGPL's section 3. */
        attr.license = (uint64_t) (uintptr_t) "GPL";
        r = bpf(BPF_PROG_LOAD, &attr);
        if (r >= 0)
                *ret_fd = r;
        return r < 0 ? r : 0;
}

static int attach(const char *tracepoint, int program, int *ret_fd) {
        union bpf_attr attr;
        int r;

        memset(&attr, 0, sizeof(attr));
        attr.raw_tracepoint.name = (uint64_t) (uintptr_t) tracepoint;
        attr.raw_tracepoint.prog_fd = (uint32_t) program;
        r = bpf(BPF_RAW_TRACEPOINT_OPEN, &attr);
        if (r >= 0)
                *ret_fd = r;
        return r < 0 ? r : 0;
}

/* Text of a file of tracefs. */
static int read_text(const char *path, char *ret, size_t size) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, ret, size - 1);

        if (n < 0)
                return -errno;
        ret[n] = '\0';
        return 0;
}

static int make_programs(struct syscall_strings *s, const uint32_t *offsets) {
        struct code enter = { .n = 0 }, exit = { .n = 0 }, forks = { .n = 0 };
        int r;

        r = make_map(BPF_MAP_TYPE_LRU_HASH, sizeof(uint64_t), PROCESSES_MAX, &s->fds[MAP_PROCESSES]);
        if (r >= 0)
                r = make_map(BPF_MAP_TYPE_ARRAY, sizeof(struct call_value), SYSCALLS_MAX, &s->fds[MAP_CALLS]);
        if (r >= 0)
                r = fill_calls(s->fds[MAP_CALLS]);
        if (r < 0)
                return r;
        write_enter(&enter, s);
        write_exit(&exit, s);
        write_fork(&forks, s, offsets);
        r = load(&enter, &s->fds[PROGRAM_ENTER]);
        if (r >= 0)
                r = load(&exit, &s->fds[PROGRAM_EXIT]);
        if (r >= 0)
                r = load(&forks, &s->fds[PROGRAM_FORK]);
        return r;
}

static bool is_printk_on(void) {
        char enabled[8] = "";

        return read_text(PRINTK, enabled, sizeof(enabled)) >= 0 && enabled[0] == '1';
}

/*
 * To load a program that may print enables the event for the machine's own buffer as well, where nobody has asked for
 * it: at once, or newer kernels by a worker, which can come twice. So it is looked for when the recording ends, too.
 */
static void restore_printk(const struct syscall_strings *s) {
        _cleanup_close_ int fd = -1;

        if (!s->restores || !is_printk_on())
                return;
        fd = open(PRINTK, O_WRONLY | O_CLOEXEC);
        if (fd >= 0)
                (void) !write(fd, "0", 1);
}

static void wait_for_printk(const struct syscall_strings *s) {
        const struct timespec pause = { .tv_nsec = WORKER_NSEC };

        for (int i = 0; i < WORKER_TRIES && s->restores && !is_printk_on(); i++)
                (void) nanosleep(&pause, NULL);
}

static int begin(struct syscall_strings *s) {
        uint32_t offsets[ARRAY_SIZE(members)];
        int r;

        r = kernel_member_offsets("task_struct", members, ARRAY_SIZE(members), offsets);
        if (r < 0)
                return r;
        s->restores = !is_printk_on();
        r = make_programs(s, offsets);
        if (r >= 0)
                r = attach("sched_process_fork", s->fds[PROGRAM_FORK], &s->fds[LINK_FORK]);
        if (r >= 0)
                r = attach("sys_enter", s->fds[PROGRAM_ENTER], &s->fds[LINK_ENTER]);
        if (r >= 0)
                r = attach("sys_exit", s->fds[PROGRAM_EXIT], &s->fds[LINK_EXIT]);
        return r;
}

#else

static int begin(struct syscall_strings *s) {
        return -EOPNOTSUPP;
}

static void restore_printk(const struct syscall_strings *s) {
}

static void wait_for_printk(const struct syscall_strings *s) {
}

#endif

int syscall_strings_prepare(struct syscall_strings *ret) {
        struct syscall_strings s = SYSCALL_STRINGS_NULL;

        if (getrandom(&s.cookie, sizeof(s.cookie), 0) != sizeof(s.cookie))
                return -EIO;
        *ret = s;
        return 0;
}

int syscall_strings_begin(struct syscall_strings *strings) {
        return begin(strings);
}

void syscall_strings_settle(const struct syscall_strings *strings) {
        wait_for_printk(strings);
        restore_printk(strings);
}

/* No such option: the kernel refuses it, and the program that looks at calls knows it. */
void syscall_strings_follow_me(const struct syscall_strings *strings) {
        (void) syscall(SYS_prctl, -1, strings->cookie, 0, 0, 0);
}

void syscall_strings_done(struct syscall_strings *strings) {
        restore_printk(strings);
        for (size_t i = ARRAY_SIZE(strings->fds); i-- > 0;)
                closep(&strings->fds[i]);
        *strings = (struct syscall_strings) SYSCALL_STRINGS_NULL;
}
