# SPDX-License-Identifier: LGPL-2.1-or-later
"""A machine of the test's own: the real systemd as PID 1, the real buses and polkit, the build installed.

    with Host() as host:
        host.run(["busctl", "list"], user="alice")

It boots in less than a second, in namespaces of its own (see boot-host) over the machine's own files, and keeps every
change to itself. Everything ends with the test, also with a test that is killed. Inside:

- alice (1001), bob (1002) and carol (1003), each with a home and a shell; root
- /build, the build tree, readable for everybody: host.build("tests/programs/emit")
- the project installed and enabled as `make install` does it, unless installed=False

It needs root, and a machine that lets it make namespaces and cgroups; tests are skipped by name elsewhere.
"""

import functools
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import unittest

import system

USERS = {"alice": 1001, "bob": 1002, "carol": 1003}
BOOT_HOST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "boot-host")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
NAMESPACES = ("--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup")
# The root as well: where the tests run in a chroot, it is not that of the namespace.
ROOT = ("--root", "--wd")
# Units of a real machine which have nothing to do here, or would want the devices of one.
MASKED = ("dev-hugepages.mount", "dev-mqueue.mount", "kmod-static-nodes.service", "proc-sys-fs-binfmt_misc.automount",
          "sys-fs-fuse-connections.mount", "sys-kernel-config.mount", "sys-kernel-debug.mount",
          "sys-kernel-tracing.mount", "systemd-binfmt.service", "systemd-firstboot.service",
          "systemd-hwdb-update.service", "systemd-initctl.socket", "systemd-journal-flush.service",
          "systemd-machine-id-commit.service", "systemd-modules-load.service", "systemd-pstore.service",
          "systemd-random-seed.service", "systemd-repart.service", "systemd-sysctl.service",
          "systemd-sysusers.service", "systemd-timesyncd.service", "systemd-udev-trigger.service",
          "systemd-udevd.service", "systemd-udevd-control.socket", "systemd-udevd-kernel.socket",
          "systemd-update-utmp.service")
HOST_TARGET = """\
[Unit]
Description=All that a test needs
Requires=basic.target
Wants=dbus.service
After=basic.target dbus.service
AllowIsolate=yes
"""


def cgroup_folder():
    """Where this process may make cgroups: its own one of the cgroup2 tree."""
    with open("/proc/self/mounts", encoding="utf-8") as f:
        mounts = [line.split()[1] for line in f if line.split()[2] == "cgroup2"]
    with open("/proc/self/cgroup", encoding="utf-8") as f:
        own = [line.rstrip("\n")[3:] for line in f if line.startswith("0::")]
    return mounts[0] + own[0].rstrip("/") if mounts and own else None


@functools.cache
def why_not():
    """What this machine lacks for a host, or None."""
    if system.SANITIZED:
        return "the machine's own programs would load libraries of a sanitizer build"
    if os.geteuid() != 0:
        return "needs root"
    for path in ("/lib/systemd/systemd", "/lib/systemd/system/dbus.socket", "/usr/bin/busctl"):
        if not os.path.exists(path):
            return f"needs {path}"
    for command in ("unshare", "nsenter", "setpriv", "pivot_root"):
        if not shutil.which(command, path=PATH):
            return f"needs the command {command}"
    folder = cgroup_folder()
    if not folder or not os.access(folder, os.W_OK):
        return "needs a cgroup2 tree that can be written to"
    probe = subprocess.run(["unshare", "--fork", *NAMESPACES, "--mount-proc",
                            "mount", "-t", "tmpfs", "tmpfs", "/mnt"],
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if probe.returncode != 0:
        return "needs the right to make namespaces and mounts"
    return why_not_prefix()


@functools.cache
def why_not_prefix():
    prefix = system.build_option("prefix")
    return None if prefix == "/usr" else f"the build is for {prefix}: meson configure {system.BUILD} -Dprefix=/usr"


needs_host = unittest.skipIf(why_not(), why_not())
needs_usr_prefix = unittest.skipIf(why_not_prefix(), why_not_prefix())
needs_user_manager = unittest.skipUnless(
    os.path.exists("/usr/lib/systemd/user/dbus.socket") and os.path.exists("/usr/share/pam-configs/systemd"),
    "needs the packages libpam-systemd and dbus-user-session")


@functools.cache
def installed_tree():
    """What `meson install` makes of the build, once for each process of tests."""
    folder = tempfile.TemporaryDirectory(prefix="tracectl-installed-")
    tree = os.path.join(folder.name, "tree")
    done = subprocess.run(["meson", "install", "-C", system.BUILD, "--no-rebuild", "--quiet", "--destdir", tree],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)
    if done.returncode != 0:
        raise AssertionError(f"meson install: {done.stdout}\nBuild everything first: ninja -C {system.BUILD}")
    return folder, tree


class HostProcess(subprocess.Popen):
    """A command inside a host. Signals go to the command; pid is that of what has entered the host."""

    @functools.cached_property
    def outer_pid(self):
        """The command's process id as the test sees it."""
        return system.wait_until(lambda: next(iter(system.children(self.pid)), None), "the command inside the host")

    @functools.cached_property
    def inner_pid(self):
        """The command's process id as the host sees it."""
        with open(f"/proc/{self.outer_pid}/status", encoding="utf-8") as f:
            return int(next(line for line in f if line.startswith("NSpid:")).split()[-1])

    def send_signal(self, sig):
        if self.poll() is None:
            os.kill(self.outer_pid, sig)
            # nsenter(1) stops with its command, but does not continue with it.
            if sig in (signal.SIGCONT, signal.SIGKILL):
                os.kill(self.pid, signal.SIGCONT)

    def finish(self):
        """Waits for the end: (stdout, stderr)."""
        return self.communicate(timeout=system.PATIENCE)


class Host:
    def __init__(self, installed=True, boot=True):
        """installed: with the project in it. boot: start it at once; else change host.file()s first, then boot()."""
        self._init = None
        self._launcher = None
        self._users_started = set()
        self._folder = tempfile.mkdtemp(prefix="tracectl-host-")
        self._cgroup = os.path.join(cgroup_folder(), os.path.basename(self._folder))
        try:
            self._launch()
            self._furnish()
            if installed:
                self.install()
            if boot:
                self.boot()
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Ends every process of the host; its files are gone with the last one."""
        if self._launcher:
            self._launcher.stdin.close()
            self._launcher.wait()
            self._launcher.stdout.close()
            self._launcher = None
        self._init = None
        shutil.rmtree(self._folder, ignore_errors=True)

    def _launch(self):
        self._launcher = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", BOOT_HOST, self._folder, system.BUILD, self._cgroup],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, start_new_session=True, cwd="/")
        self._answer()

    def _answer(self):
        line = self._launcher.stdout.readline().strip()
        if not line:
            raise AssertionError(f"{BOOT_HOST} has failed")
        return line

    def _tell(self, command):
        self._launcher.stdin.write(command + "\n")
        return self._answer()

    def file(self, path):
        """The path by which the test itself can open a file of the host. (Not through absolute symbolic links.)"""
        if self._init:
            return f"/proc/{self._init}/root{path}"
        return f"/proc/{self._launcher.pid}/root{self._folder}/root{path}"

    def write(self, path, text, mode=0o644):
        with open(self.file(path), "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(self.file(path), mode)

    def read(self, path):
        with open(self.file(path), encoding="utf-8") as f:
            return f.read()

    @staticmethod
    def build(path):
        """A file of the build tree, as it is called inside."""
        return "/build/" + path

    def _furnish(self):
        shutil.rmtree(self.file("/etc/systemd/system"))
        os.mkdir(self.file("/etc/systemd/system"))
        for unit in MASKED:
            os.symlink("/dev/null", self.file(f"/etc/systemd/system/{unit}"))
        self.write("/etc/systemd/system/host.target", HOST_TARGET)
        # Tests start it again with each new rule.
        os.mkdir(self.file("/etc/systemd/system/polkit.service.d"))
        self.write("/etc/systemd/system/polkit.service.d/test.conf", "[Unit]\nStartLimitIntervalSec=0\n")
        with open("/proc/sys/kernel/random/uuid", encoding="ascii") as f:
            self.write("/etc/machine-id", f.read().replace("-", ""), 0o444)
        for name, line in (("passwd", "{0}:x:{1}:{1}:{0}:/home/{0}:/bin/sh"), ("group", "{0}:x:{1}:"),
                           ("shadow", "{0}:*:19000:0:99999:7:::")):
            lines = [entry for entry in self.read(f"/etc/{name}").splitlines() if self._is_kept(name, entry)]
            lines += [line.format(user, uid) for user, uid in USERS.items()]
            self.write(f"/etc/{name}", "\n".join(lines) + "\n", 0o640 if name == "shadow" else 0o644)
        for user, uid in USERS.items():
            shutil.rmtree(self.file(f"/home/{user}"), ignore_errors=True)
            os.mkdir(self.file(f"/home/{user}"), 0o700)
            os.chown(self.file(f"/home/{user}"), uid, uid)

    @staticmethod
    def _is_kept(name, entry):
        """The machine's own people are not needed, and may have our users' names and numbers."""
        fields = entry.split(":")
        return fields[0] not in USERS and (name == "shadow" or fields[2] not in map(str, USERS.values()))

    def install(self):
        """The build, installed and enabled as `make install` does it, before the first boot."""
        _, tree = installed_tree()
        root = self.file("")
        shutil.copytree(tree, root, symlinks=True, dirs_exist_ok=True)
        inside = ["nsenter", "--target", str(self._launcher.pid), "--mount", *ROOT]
        root = os.path.join(self._folder, "root")
        for command in (["systemd-sysusers", f"--root={root}", "tracectl.conf"],
                        ["journalctl", f"--root={root}", "--quiet", "--update-catalog"],
                        ["systemctl", f"--root={root}", "--quiet", "enable", "tracingd.service"],
                        ["systemctl", f"--root={root}", "--quiet", "--global", "enable", "tracingd.service"]):
            subprocess.run([*inside, *command], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)

    def bind(self, path):
        """Shows a folder of the machine at the same place in boots to come. What is written to it stays inside."""
        script = 'over=$(mktemp -d "$1/over-XXXXXX"); mkdir "$over/upper" "$over/work" "$over/tree"; ' \
                 'mount -t overlay -o "lowerdir=$2,upperdir=$over/upper,workdir=$over/work" overlay "$over/tree"; ' \
                 'echo "$over/tree $2" >>"$1/binds"'
        subprocess.run(["nsenter", "--target", str(self._launcher.pid), "--mount", *ROOT, "sh", "-ec", script, "sh",
                        self._folder, path], stdin=subprocess.DEVNULL, check=True)

    def show_machine_proc(self):
        """As the administrator of a container does whose service is to follow processes in the kernel."""
        subprocess.run(["nsenter", "--target", str(self._init), "--mount", *ROOT, "sh", "-ec",
                        "cd /run/tracectl; mkdir -p proc; mountpoint -q proc || mount -t proc -o ro,nosuid proc proc"],
                       stdin=subprocess.DEVNULL, check=True)

    def boot(self, bus=True):
        """Returns when the machine is up, everything that it wants running. bus: systemd is on it."""
        self._init = int(self._tell("boot"))
        self._users_started.clear()
        system.wait_until(self._has_manager, "systemd in the host")
        os.makedirs(os.path.join(self._cgroup, "commands"), exist_ok=True)
        state = self.run(["systemctl", "is-system-running", "--wait"], check=False).stdout.strip()
        if state != "running":
            raise AssertionError(f"the host is {state}:\n{self.systemctl('--failed', '--no-legend')}\n{self.journal()}")
        if bus:
            system.wait_until(self._is_on_bus, "systemd on the bus")

    def _is_on_bus(self):
        asked = ["busctl", "call", "org.freedesktop.DBus", "/", "org.freedesktop.DBus", "NameHasOwner", "s",
                 "org.freedesktop.systemd1"]
        return self.run(asked, check=False).stdout == "b true\n"

    def _has_manager(self):
        if not os.path.exists(f"/proc/{self._init}"):
            with open(f"/proc/{self._launcher.pid}/root{self._folder}/console", encoding="utf-8") as f:
                raise AssertionError(f"the host has not booted: {f.read()}")
        # Before it has left the machine's own root, a system manager that runs there would be seen.
        return os.path.exists(self.file("/build/build.ninja")) and os.path.exists(self.file("/run/systemd/private"))

    def power_cut(self):
        """Everything dies at once; the files stay."""
        self._tell("kill")
        self._init = None

    def reboot(self, clean=True):
        """The same files, a new boot. clean: stop all units first, else cut the power."""
        if clean:
            self.run(["systemctl", "poweroff", "--no-block"])
            system.wait_until(lambda: not system.is_running(self._init), "the end of PID 1")
        self.power_cut()
        self.boot()

    def _command(self, command, user, env, cwd, user_manager):
        if isinstance(command, str):
            command = ["sh", "-c", command]
        home = "/root" if user == "root" else f"/home/{user}"
        variables = {"PATH": PATH, "HOME": home, "USER": user, "LOGNAME": user, "SHELL": "/bin/sh", "LC_ALL": "C.UTF-8"}
        if user_manager:
            variables.update(self.user_manager(user))
        variables.update(env or {})
        as_user = []
        if user != "root":
            as_user = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--inh-caps=-all", "--"]
        # The last one sets the environment, so that LD_PRELOAD reaches the command alone.
        return ["sh", "-c", 'echo $$ >"$0" && exec "$@"', os.path.join(self._cgroup, "commands", "cgroup.procs"),
                "nsenter", "--target", str(self._init), *NAMESPACES, *ROOT, "--", *as_user,
                "env", "-i", f"--chdir={cwd or home}", *(f"{key}={value}" for key, value in variables.items()), *command]

    def start(self, command, user="root", env=None, cwd=None, user_manager=False, **options):
        """Starts a command (a list, or a string for the shell) as a user, in a clean environment."""
        options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True,
                   "bufsize": 1, **options}
        return HostProcess(self._command(command, user, env, cwd, user_manager), **options)

    def run(self, command, user="root", env=None, cwd=None, user_manager=False, check=True, input="", timeout=None):
        """Runs a command to its end. check: a failure of it is one of the test."""
        # pylint: disable=redefined-builtin
        done = subprocess.run(self._command(command, user, env, cwd, user_manager), input=input, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout or system.PATIENCE,
                              check=False)
        if check and done.returncode != 0:
            shown = command if isinstance(command, str) else shlex.join(command)
            raise AssertionError(f"{user}: {shown}: status {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def user_manager(self, user):
        """Starts the user's systemd, once in a boot; the environment of a login."""
        uid = USERS.get(user, 0)
        if user not in self._users_started:
            self.systemctl("start", f"user@{uid}.service")
            self._users_started.add(user)
        return {"XDG_RUNTIME_DIR": f"/run/user/{uid}", "DBUS_SESSION_BUS_ADDRESS": f"unix:path=/run/user/{uid}/bus"}

    def systemctl(self, *args, user=None, check=True):
        """systemctl in the system, or in a user's own manager; what it prints."""
        if user:
            return self.run(["systemctl", "--user", *args], user=user, user_manager=True, check=check).stdout
        return self.run(["systemctl", *args], check=check).stdout

    def unit_property(self, unit, name, user=None):
        return self.systemctl("show", "--value", f"--property={name}", unit, user=user).strip()

    def journal(self, *args):
        """The journal of this boot, messages only; args: more options of journalctl, as "-u", UNIT."""
        self.run(["journalctl", "--sync"], check=False)
        return self.run(["journalctl", "--boot", "--no-pager", "--output=cat", *args], check=False).stdout

    @property
    def init(self):
        """PID 1 of the host, as the test sees it."""
        return self._init


@needs_host
class HostTest(system.NamesSkips):
    """Tests that share one host, self.host; each one cleans up what it leaves there."""

    installed = True

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.host = Host(installed=cls.installed)
        cls.addClassCleanup(cls.host.close)

    def start(self, command, **options):
        """As Host.start(); the test ends it."""
        process = self.host.start(command, **options)
        self.addCleanup(self._end, process)
        return process

    @staticmethod
    def _end(process):
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream:
                try:
                    stream.close()
                except BrokenPipeError:
                    pass
