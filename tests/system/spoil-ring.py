#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A program that speaks the library's part of the handshake and means ill: spoil-ring.py SEED

Registers an event test:tick, says "ready", and does what its input says, line by line:

  truncate     tries all that would take the ring's memory away from others; says what was possible
  words N      stores N times to words and data of its rings: any value, leaps, steps back
  flood N      fills its rings N times as fast as it can, with garbage
"""

import array
import ctypes
import fcntl
import mmap
import os
import random
import socket
import struct
import sys

F_ADD_SEALS, ALL_SEALS = 1033, 1 | 2 | 4 | 8
FALLOC_KEEP_SIZE_PUNCH_HOLE = 1 | 2
SUBBUF_ENTRY = 32


def definitions():
    fields = b"\4writer\0\4counter\0\7pid\0\7tid\0"
    entry = struct.pack("=BB", 6, 4) + b"test\0tick\0" + fields
    entry = struct.pack("=I", len(entry) + 4) + entry
    data = struct.pack("=IHHIIQ", 0x53464554, 1, 0, 24, 1, 24 + len(entry)) + entry
    value = 0xcbf29ce484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001b3 % 2**64
    fd = os.memfd_create("definitions", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(fd, data)
    fcntl.fcntl(fd, F_ADD_SEALS, ALL_SEALS)
    return fd, value


class Connection:
    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.connect("/run/tracectl/register")

    def send(self, text, fd=None):
        ancillary = [] if fd is None else [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))]
        self.socket.sendmsg([text.encode()], ancillary)

    def receive(self):
        """Keys of a message, and its descriptors."""
        text, fds, _, _ = socket.recv_fds(self.socket, 4096, 128)
        return dict(line.split("=", 1) for line in text.decode().splitlines()), fds

    def register(self):
        """The descriptors of the ring and of its positions."""
        fd, value = definitions()
        self.send(f"REGISTER=1\nABI=1.0\nNAME=spoiler\nEVENTS={value:x}\n")
        while True:
            keys, fds = self.receive()
            if "NEED" in keys:
                self.send(f"EVENTS={value:x}\n", fd)
            elif "GENERATION" in keys:
                self.send(f"APPLIED={keys['GENERATION']}\n")
                if len(fds) >= 3:
                    return fds[1], fds[2]


class Ring:
    def __init__(self, fd):
        self.map = mmap.mmap(fd, 0)
        self.n_cpus, self.n_subbufs = struct.unpack_from("=II", self.map, 20)
        self.subbuf_size, self.cpu_offset, self.cpu_stride, self.data_offset = struct.unpack_from("=QQQQ", self.map, 32)

    def word(self, cpu, offset, value):
        struct.pack_into("=Q", self.map, self.cpu_offset + cpu * self.cpu_stride + offset, value % 2**64)

    def get(self, cpu, offset):
        return struct.unpack_from("=Q", self.map, self.cpu_offset + cpu * self.cpu_stride + offset)[0]

    def spoil(self, chance):
        cpu = chance.randrange(self.n_cpus)
        offset = chance.choice([0, 8, 16, 24, 32, 40, 64 + 8 * chance.randrange(8 * self.n_subbufs)])
        old = self.get(cpu, offset)
        value = chance.choice([0, 1, 2**64 - 1, chance.getrandbits(64), old + 1, old - 1, old - chance.randrange(1 << 20),
                               old + self.subbuf_size, old + 2**40, old - self.subbuf_size])
        self.word(cpu, offset, value)
        at = self.data_offset + chance.randrange(self.n_cpus * self.n_subbufs * self.subbuf_size - 64)
        self.map[at:at + 64] = chance.randbytes(64)

    def flood(self, chance):
        """As writers would, but what they never store."""
        size = self.n_subbufs * self.subbuf_size
        for cpu in range(self.n_cpus):
            begin = self.data_offset + cpu * size
            self.map[begin:begin + size] = chance.randbytes(4096) * (size // 4096)
            limit = self.get(cpu, 24) + size
            self.word(cpu, 24, limit)
            self.word(cpu, 0, limit)


def truncate(ring_fd, positions_fd):
    """The names of what was possible."""
    size = os.fstat(ring_fd).st_size
    possible = []

    def attempt(name, function, *args):
        try:
            function(*args)
            possible.append(name)
        except (OSError, ValueError):
            pass

    for what, fd in (("ring", ring_fd), ("positions", positions_fd)):
        attempt(f"shrink {what}", os.ftruncate, fd, 0)
        attempt(f"grow {what}", os.ftruncate, fd, size * 2)
        attempt(f"seal {what}", fcntl.fcntl, fd, F_ADD_SEALS, 8)
    attempt("write positions", os.pwrite, positions_fd, b"\xff" * 8, 64)
    attempt("map positions", mmap.mmap, positions_fd, 4096, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
    attempt("open positions", os.open, f"/proc/self/fd/{positions_fd}", os.O_RDWR)
    attempt("truncate positions", os.truncate, f"/proc/self/fd/{positions_fd}", 0)
    # Takes pages away, not the size: who reads there reads zeros.
    ctypes.CDLL(None).fallocate(ring_fd, FALLOC_KEEP_SIZE_PUNCH_HOLE, ctypes.c_long(0), ctypes.c_long(0))
    return possible


def main():
    chance = random.Random(int(sys.argv[1]))
    connection = Connection()
    ring_fd, positions_fd = connection.register()
    ring = Ring(ring_fd)
    print("ready", os.getpid(), flush=True)
    for line in sys.stdin:
        word, *count = line.split()
        if word == "truncate":
            print("possible", *truncate(ring_fd, positions_fd), flush=True)
            continue
        for _ in range(int(count[0])):
            (ring.spoil if word == "words" else ring.flood)(chance)
        print("done", word, flush=True)


if __name__ == "__main__":
    main()
