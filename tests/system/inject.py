#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes system calls in another process, as code would that has taken it over: inject.py PID [CALL ...], as root, x86-64.

Prints a line of JSON: for each call, the errno with which it failed, or 0.
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
    "clock_gettime": (228, 1, 16),
}


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


def main():
    pid = int(sys.argv[1])
    ptrace(ATTACH, pid)
    os.waitpid(pid, 0)
    before = registers(pid)
    with open(f"/proc/{pid}/mem", "rb") as f:
        f.seek(before.rip - 2)
        assert f.read(2) == b"\x0f\x05", "it does not wait in a system call"
    found = {name: call(pid, before, *what) for name, what in CALLS.items()
             if name in (sys.argv[2:] or CALLS)}
    ptrace(SETREGS, pid, ctypes.byref(before))
    ptrace(DETACH, pid)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
