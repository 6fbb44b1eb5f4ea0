# SPDX-License-Identifier: LGPL-2.1-or-later
"""A machine with a kernel of this distribution's, in QEMU's software emulation: for what no test may do to this one.

It begins with a shell of this machine's files, from an archive in memory (Archive), with what modules it needs
(read_modules()). Where the kernel is not installed here, TRACECTL_GUEST says below which folder its package was unpacked.
"""

import gzip
import lzma
import os
import re
import shutil
import subprocess

import system

KERNELS = os.environ.get("TRACECTL_GUEST", "/")  # what linux-image-cloud-amd64 has: boot and lib/modules


def find_kernel():
    """The newest kernel and its modules, or Nones."""
    boot = os.path.join(KERNELS, "boot")
    names = [name for name in (os.listdir(boot) if os.path.isdir(boot) else ()) if name.startswith("vmlinuz-")]
    for name in sorted(names, reverse=True):
        modules = os.path.join(KERNELS, "lib/modules", name.removeprefix("vmlinuz-"))
        if os.access(os.path.join(boot, name), os.R_OK) and os.path.isdir(modules):
            return os.path.join(boot, name), modules
    return None, None


KERNEL, MODULE_FOLDER = find_kernel()


def why_not(*tools):
    """What there is not, or ""."""
    if not os.environ.get("TRACECTL_TORTURE"):
        return "boots machines: set TRACECTL_TORTURE=1"
    for tool in ("qemu-system-x86_64", "insmod", *tools):
        if not shutil.which(tool):
            return f"{tool} is missing"
    if system.SANITIZED:
        return "too slow in a sanitizer build"
    return "" if KERNEL else "no kernel is installed for guests (linux-image-cloud-amd64)"


def read_modules(wanted):
    """What these need, each behind what it needs itself: [(name, content)]. Those that are built in have no file."""
    files = {}
    for folder, _, names in os.walk(MODULE_FOLDER):
        files.update({name.split(".")[0].replace("-", "_"): os.path.join(folder, name) for name in names
                      if ".ko" in name})
    found = {}

    def add(name):
        if name in found or name not in files:
            return
        with open(files[name], "rb") as f:
            content = f.read()
        if files[name].endswith(".xz"):
            content = lzma.decompress(content)
        for needed in re.search(rb"\0depends=([^\0]*)\0", content)[1].decode().split(","):
            add(needed)
        found[name] = content

    for name in wanted:
        add(name)
    return list(found.items())


def libraries(program):
    said = subprocess.run(["ldd", program], stdout=subprocess.PIPE, text=True, check=True).stdout
    return re.findall(r"(/\S+) \(0x", said)


class Archive:
    """An initramfs, in the form newc."""

    def __init__(self):
        self.parts, self.names = [], set()

    def add(self, path, mode, content=b""):
        name = path.strip("/")
        if name in self.names:
            return
        self.names.add(name)
        if "/" in name:
            self.add(os.path.dirname(name), 0o40755)
        encoded = name.encode() + b"\0"
        fields = [len(self.parts) + 1, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(encoded), 0]
        header = b"070701" + b"".join(b"%08X" % field for field in fields)
        self.parts.append(b"".join((header, encoded, b"\0" * (-(len(header) + len(encoded)) % 4), content,
                                    b"\0" * (-len(content) % 4))))

    def add_file(self, path):
        with open(path, "rb") as f:
            self.add(path, 0o100755, f.read())

    def add_program(self, path):
        for name in (path, *libraries(path)):
            self.add_file(name)

    def write(self, path):
        self.add("TRAILER!!!", 0)
        with gzip.open(path, "wb", compresslevel=1) as f:
            f.write(b"".join(self.parts))

    def add_modules(self, names):
        """And what they need; returns all of them in the order in which to load them."""
        modules = read_modules(names)
        for name, content in modules:
            self.add(f"modules/{name}.ko", 0o100644, content)
        return [name for name, _ in modules]


def command(initramfs, memory, *options):
    """QEMU's, which has its console on standard output."""
    return ["qemu-system-x86_64", "-m", str(memory), "-smp", "2", "-nodefaults", "-no-user-config", "-display", "none",
            "-serial", "stdio", "-kernel", KERNEL, "-initrd", initramfs, "-append",
            # The timer of a machine that waits for others is not always there in time.
            "console=ttyS0 quiet panic=-1 no_timer_check", "-no-reboot",
            # Not with KVM: inside a virtual machine it is often less than the processor says.
            "-accel", "tcg", "-cpu", "max", *options]
