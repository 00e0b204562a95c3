#!/usr/bin/python3 -I
"""Runs a command in a room of its own, where nothing of this machine's day gets in the way.

    tests/room.py [--keep PATH]... -- COMMAND ARGUMENT...

    room.py            outside: hands signals on, and ends the room when it ends itself
      `- gate          in the namespaces, but for processes
          `- init      the room's first process: reaps, and says what is left at the end
              `- COMMAND

In there: default signals, open standard descriptors, an environment of a few known variables,
umask 022, limits as high as they may be; no terminal; and, where the kernel lets us (as root, or
by a user namespace), /tmp, /var/tmp, /dev/shm, /run, the network and the processes are its own.  When
the room ends, by whatever signal, the kernel ends all that is in it, and its files are gone.
--keep: a file or directory below those places that stays where it is; the repository does.
"""

import contextlib
import ctypes
import fcntl
import os
import pathlib
import pwd
import resource
import shutil
import signal
import site
import socket
import struct
import sys
import tempfile
import time

REPO = pathlib.Path(__file__).resolve().parents[1]
PLACES = {"/tmp": "1777", "/var/tmp": "1777", "/dev/shm": "1777", "/run": "755"}
MARK = "BELAY_ROOM"     # the process that is the way into the room, as seen from inside
HOME = "/tmp/home"
GRACE = 30              # seconds that the command has to end when it was told to
UNABLE = 125            # the gate: no namespaces here
LEFT = "left in the room"
# What comes in; all else stays outside.
VARIABLES = ("PATH", "BELAY", "BELAY_SERVERS", "BELAY_SSHD", "BELAY_E2E_TIMEOUT", "BELAY_E2E_KEEP",
             "BELAY_E2E_SEED", "BELAY_E2E_FLIPS", "BELAY_E2E_FAILED", "BELAY_TEST_WORKERS", "FAULTS",
             "PACKAGES", "ECHO_PROMPTS",
             "HOSTILE_PEERS", "SOAK_TRACES", "TERM_SEED", "TERM_SEEDS", "ASAN_OPTIONS", "UBSAN_OPTIONS",
             "LSAN_OPTIONS")
LIMITS = ("NOFILE", "FSIZE", "DATA", "AS", "CPU", "RSS", "NPROC", "MEMLOCK")
FILES = 65536           # open at once; more is slow where a program closes them all
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID = 0x20000, 0x10000000, 0x20000000
CLONE_NEWIPC, CLONE_NEWNET = 0x8000000, 0x40000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 8, 4096, 16384, 1 << 18
PR_SET_PDEATHSIG = 1
SIOCSIFFLAGS, IFF_UP = 0x8914, 1


def _call(name, *args):
    libc = ctypes.CDLL(None, use_errno=True)
    args = [os.fsencode(arg) if isinstance(arg, (str, os.PathLike)) else arg for arg in args]
    if getattr(libc, name)(*args) < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


# What belongs to a process alone.

def open_standard():
    """No descriptor that is opened later may take the place of one of these."""
    for fd, mode in enumerate((os.O_RDONLY, os.O_WRONLY, os.O_WRONLY)):
        try:
            fcntl.fcntl(fd, fcntl.F_GETFD)
        except OSError:
            os.open("/dev/null", mode)      # the lowest that is free: this one


def default_signals():
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def raise_limits():
    for name in LIMITS:
        number = getattr(resource, f"RLIMIT_{name}")
        soft, hard = resource.getrlimit(number)
        if name == "NOFILE":
            wanted = FILES if hard == resource.RLIM_INFINITY else min(hard, FILES)
            hard = FILES if not os.getuid() and hard < 1024 else hard
            wanted = max(wanted, min(hard, FILES))
        else:
            wanted = hard
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(number, (wanted, hard))


def environment(home):
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        user = "nobody"
    env = {name: os.environ[name] for name in VARIABLES if name in os.environ}
    env = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"} | env
    own = {"HOME": home, "USER": user, "LOGNAME": user, "SHELL": "/bin/sh", "LANG": "C.UTF-8",
           "TERM": "xterm-256color"}
    packages = site.getuserbase()       # pytest may have been installed there
    if os.path.isdir(packages):
        own["PYTHONUSERBASE"] = packages
    return env | own


# What is shared with others.

def _kept(paths):
    """Those below the places that are hidden, each with a descriptor of it."""
    real = sorted({os.path.realpath(path) for path in paths if os.path.exists(path)})
    found = []
    for path in real:
        hidden = any(path.startswith(place + "/") for place in PLACES)
        if hidden and not any(path.startswith(one + "/") for one, _ in found):
            found.append((path, os.open(path, os.O_PATH)))
    return found


def _own_places(keep):
    _call("mount", "none", "/", None, MS_REC | MS_PRIVATE, None)
    kept = _kept(keep)
    for place, mode in PLACES.items():
        if os.path.isdir(place) and not os.path.islink(place):
            _call("mount", "none", place, "tmpfs", MS_NOSUID | MS_NODEV, f"mode={mode}")
    for path, fd in kept:
        target = pathlib.Path(path)
        if os.path.isdir(f"/proc/self/fd/{fd}"):
            target.mkdir(parents=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.touch()
        _call("mount", f"/proc/self/fd/{fd}", path, None, MS_BIND | MS_REC, None)
        os.close(fd)
    os.makedirs(HOME, 0o700, exist_ok=True)


def own_network():
    _call("unshare", CLONE_NEWNET)
    with socket.socket() as sock:
        fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", IFF_UP))


def _own_users():
    """As whoever we are; only so does one that is not root get the rest."""
    uid, gid = os.getuid(), os.getgid()
    _call("unshare", CLONE_NEWUSER)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"),
                       ("gid_map", f"{gid} {gid} 1")):
        pathlib.Path(f"/proc/self/{name}").write_text(text)


def _die_with_parent(parent):
    _call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() not in (parent, 0):
        os._exit(1)


def _hand_on(pid):
    """What tells us to end tells this process instead."""
    def tell(number, _):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)

    for number in ENDING:
        signal.signal(number, tell)


def _status(status):
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _command(argv, env):
    default_signals()
    try:
        os.execvpe(argv[0], argv, env)
    except OSError as error:
        os.write(2, f"room.py: {argv[0]}: {error.strerror}\n".encode())
        os._exit(127)


def _others():
    """The processes of the room, but for us."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit() or name == "1":
            continue
        with contextlib.suppress(OSError):
            stat = pathlib.Path(f"/proc/{name}/stat").read_text()
            if stat.rpartition(") ")[2][0] not in "ZX":
                words = pathlib.Path(f"/proc/{name}/cmdline").read_bytes()
                found.append(words.replace(b"\0", b" ").decode(errors="replace").strip())
    return found


def _reap():
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _init(argv, env):
    """The first process of the room; ends with the command's status."""
    _call("mount", "proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, None)
    os.setsid()
    pid = os.fork()
    if not pid:
        _command(argv, env)
    _hand_on(pid)
    while True:
        child, status = os.waitpid(-1, 0)
        if child == pid:
            break
    deadline = time.monotonic() + 5
    while (left := _others()) and time.monotonic() < deadline:
        _reap()
        time.sleep(0.02)
    for one in left:
        os.write(2, f"{LEFT}: {one}\n".encode())
    return _status(status) or (1 if left else 0)


def _gate(argv, env, keep):
    """Enters what is its own; ends with the status of the command, or UNABLE."""
    try:
        if os.getuid():
            _own_users()
        _call("unshare", CLONE_NEWNS | CLONE_NEWIPC)
        _own_places(keep)
        own_network()
        _call("unshare", CLONE_NEWPID)
    except OSError:
        return UNABLE
    gate = os.getpid()
    pid = os.fork()
    if not pid:
        _die_with_parent(gate)
        try:
            os._exit(_init(argv, {**env, "HOME": HOME, MARK: "1"}))
        except OSError:
            os._exit(UNABLE)
    _hand_on(pid)
    return _status(os.waitpid(pid, 0)[1])


class _Outside:
    """Who started the room, and waits for its end."""

    def __init__(self):
        self.pid = None
        self.told = []
        self.deaf = [one for one in ENDING if signal.getsignal(one) == signal.SIG_IGN]
        default_signals()
        for number in self.deaf:
            signal.signal(number, signal.SIG_IGN)       # nohup(1) is still right
        for number in set(ENDING) - set(self.deaf) | {signal.SIGALRM}:
            signal.signal(number, self._tell)

    def _tell(self, number, _):
        """Once is asking, twice or too long is the end."""
        if number != signal.SIGALRM:
            self.told.append(number)
        with contextlib.suppress(ProcessLookupError, TypeError):
            if len(self.told) == 1 and number != signal.SIGALRM:
                signal.alarm(GRACE)
                os.kill(self.pid, number)
            else:
                os.killpg(self.pid, signal.SIGKILL)

    def run(self, start):
        """Waits for what start() does in a child, to which all signals go."""
        parent = os.getpid()
        self.pid = os.fork()
        if not self.pid:
            for number in ENDING:
                signal.signal(number, signal.SIG_DFL)
            os.setsid()
            _die_with_parent(parent)
            os._exit(start())
        return _status(os.waitpid(self.pid, 0)[1])

    def end(self, status):
        if self.told:
            signal.signal(self.told[0], signal.SIG_DFL)
            os.kill(os.getpid(), self.told[0])
        return status


def run(argv, keep=()):
    """Runs the command in a room; returns its status, or 128 and the signal."""
    outside = _Outside()
    os.umask(0o022)
    raise_limits()
    env = environment(HOME)
    keep = [REPO, REPO / "build/deps", os.getcwd(), *keep,
            *(env[name] for name in ("BELAY", "BELAY_SERVERS", "BELAY_SSHD") if name in env)]
    status = UNABLE
    # What is to be kept would go with the room.
    if sys.platform == "linux" and "BELAY_E2E_KEEP" not in env:
        status = outside.run(lambda: _gate(argv, env, keep))
    if status == UNABLE and not outside.told:
        home = tempfile.mkdtemp(prefix="belay-home.")
        env |= {"HOME": home, MARK: str(os.getpid())}
        status = outside.run(lambda: _command(argv, env))
        shutil.rmtree(home, ignore_errors=True)
    return outside.end(status)


def way_in():
    """The process in $BELAY_ROOM if it is one of ours; 1 in a room with namespaces."""
    told = os.environ.get(MARK, "")
    with contextlib.suppress(OSError):
        if told.isdigit() and b"room.py" in pathlib.Path(f"/proc/{told}/cmdline").read_bytes():
            return int(told)
    return None


def is_own():
    """Whether places, network and processes are our own."""
    return way_in() == 1


def argv_of(command, keep=()):
    """The words that run a command in a room."""
    kept = [word for path in keep for word in ("--keep", path)]
    return [sys.executable, "-I", "-B", __file__, *kept, "--", *command]


def enter(before=lambda: None):
    """Goes on in a room, from the beginning of this program; returns if this is one."""
    if not way_in():
        before()
        argv = argv_of(sys.orig_argv)
        os.execv(argv[0], argv)


def main():
    open_standard()
    keep, argv = [], sys.argv[1:]
    while argv[:1] == ["--keep"]:
        keep.append(argv[1])
        argv = argv[2:]
    if argv[:1] == ["--"]:
        argv = argv[1:]
    if not argv:
        sys.exit(__doc__)
    return run(argv, keep)


if __name__ == "__main__":
    sys.exit(main())
