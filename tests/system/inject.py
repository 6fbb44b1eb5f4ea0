#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes system calls in another process, as code would that has taken it over: inject.py PID [CALL ...], as root, x86-64.

Prints a line of JSON: for each call, the errno with which it failed, or 0. Without a CALL all of CALLS, and every number
that a consumer need not call. "compat" and "x32", each alone: open() as the kernel has it for 32-bit programs, and for
those with short pointers; prints the signal that the process is ended by, else the errno.
"""

import ctypes
import json
import os
import sys

ATTACH, DETACH, GETREGS, SETREGS, SINGLESTEP = 16, 17, 12, 13, 9
REGISTERS = ("r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss fs_base gs_base "
             "ds es fs gs").split()
CALLS = {  # number, arguments: harmless where they are not refused, except that they would succeed
    "getpid": (39,), "open": (2, 0, 0), "openat": (257, -100, 0, 0), "openat2": (437, -100, 0, 0, 0),
    "socket": (41, 1, 1, 0), "connect": (42, 0, 0, 0), "execve": (59, 0, 0, 0), "fork": (57,), "clone": (56, 17),
    "ptrace": (101, 0, 0), "process_vm_readv": (310, 1, 0, 0, 0, 0, 0), "kill": (62, 1, 0), "pidfd_open": (434, 1, 0),
    "pidfd_getfd": (438, 0, 0, 0), "unlink": (87, 0), "rename": (82, 0, 0), "mount": (165, 0, 0, 0, 0, 0),
    "setuid": (105, 0), "prctl": (157, 4, 1), "bpf": (321, 0, 0, 0), "io_uring_setup": (425, 1, 0),
    "memfd_create": (319, 0, 0), "accept": (43, 0, 0, 0), "seccomp": (317, 99, 0, 0), "unshare": (272, 0),
    "clock_gettime": (228, 1, 16), "execveat": (322, -100, 0, 0, 0, 0), "mmap": (9, 0, 4096, 4, 0x22, -1, 0),
    "fcntl": (72, 0, 0, 0), "newfstatat": (262, -100, 0, 0, 0),
}
# What a consumer calls (consumer/sandbox.c); mmap, fcntl and newfstatat with other arguments than those above.
NEEDED = (0, 3, 5, 7, 9, 11, 12, 14, 15, 17, 25, 28, 46, 47, 60, 61, 72, 77, 99, 127, 202, 219, 228, 231, 247, 262, 271,
          296, 318, 449)
PROBES = (335, 336)  # of the kernel's own probes, which it excepts from filters, and for anybody else are no calls
NUMBERS = 512  # more than there are
OTHER_TABLES = {"compat": (b"\xcd\x80", 5), "x32": (b"\x0f\x05", 0x40000000 + 2)}  # instruction, number


class Registers(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in REGISTERS]


libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


def ptrace(request, pid, data=None):
    if libc.ptrace(request, pid, None, data) < 0:
        raise OSError(ctypes.get_errno(), f"ptrace {request}: {os.strerror(ctypes.get_errno())}")


def registers(pid):
    found = Registers()
    ptrace(GETREGS, pid, ctypes.byref(found))
    return found


def call(pid, before, number, *arguments):
    changed = Registers.from_buffer_copy(before)
    changed.rax, changed.orig_rax, changed.rip = number, 2 ** 64 - 1, before.rip - 2
    for name, value in zip(("rdi", "rsi", "rdx", "r10", "r8", "r9"), arguments):
        setattr(changed, name, value % 2 ** 64)
    ptrace(SETREGS, pid, ctypes.byref(changed))
    ptrace(SINGLESTEP, pid)
    os.waitpid(pid, 0)
    result = ctypes.c_int64(registers(pid).rax).value
    return -result if -4096 < result < 0 else 0


def call_otherwise(pid, before, instruction, number):
    with open(f"/proc/{pid}/mem", "r+b", buffering=0) as f:
        f.seek(before.rip - 2)
        f.write(instruction)
    changed = Registers.from_buffer_copy(before)
    changed.rax, changed.orig_rax, changed.rip = number, 2 ** 64 - 1, before.rip - 2
    changed.rbx = changed.rcx = changed.rdi = changed.rsi = 0
    ptrace(SETREGS, pid, ctypes.byref(changed))
    ptrace(SINGLESTEP, pid)
    status = os.waitpid(pid, 0)[1]
    if os.WIFSIGNALED(status):
        return {"signal": os.WTERMSIG(status)}
    return {"errno": -ctypes.c_int64(registers(pid).rax).value}


def calls(wanted):
    if wanted:
        return {name: CALLS[name] for name in wanted}
    return CALLS | {str(number): (number,) for number in range(NUMBERS) if number not in NEEDED + PROBES}


def main():
    pid = int(sys.argv[1])
    ptrace(ATTACH, pid)
    os.waitpid(pid, 0)
    before = registers(pid)
    with open(f"/proc/{pid}/mem", "rb") as f:
        f.seek(before.rip - 2)
        assert f.read(2) == b"\x0f\x05", "it does not wait in a system call"
    if sys.argv[2:] and sys.argv[2] in OTHER_TABLES:
        print(json.dumps(call_otherwise(pid, before, *OTHER_TABLES[sys.argv[2]])))
        return
    found = {name: call(pid, before, *what) for name, what in calls(sys.argv[2:]).items()}
    ptrace(SETREGS, pid, ctypes.byref(before))
    ptrace(DETACH, pid)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
