#!/usr/bin/python3
"""OpenSSH's own regression suite, with belay in ssh's place.

    tests/conformance/openssh.py [--way ssh|named|wrapped|stock]... [--verbose] [TEST ...]

The suite is Debian's package openssh-tests; without TEST all of its tests that use the client.
Three ways to put belay in: as TEST_SSH_SSH, as a program called `ssh` that is first in PATH, and
as a script of that name (`exec belay "$@"`).  Behind it an ssh that counts tells whether belay
carried what the test asked for, or left it to plain ssh.  A table; then "N passed, N failed,
N skipped"; exits with 1 if one failed.  As root only: the suite wants an account's real home,
which in the room of this run is an empty one.
"""

import argparse
import collections
import concurrent.futures
import contextlib
import ctypes
import os
import pathlib
import pwd
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
REPO = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPO / "tests"), str(REPO / "tests/e2e"), str(REPO / "tests/conformance")]

import cases                    # noqa: E402
import harness                  # noqa: E402
import room                     # noqa: E402

SUITES = [pathlib.Path(top) / "usr/lib/openssh/regress"
          for top in ("/", REPO / "build/deps/regress")]
SUITE = next((one for one in SUITES if (one / "test-exec.sh").exists()), None)
PORT = 14242
CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 16384, 1 << 18
PATIENCE = 900          # seconds that a test may take
WORKERS = 2
WAYS = {"ssh": "TEST_SSH_SSH", "named": "installed as ssh", "wrapped": "by a wrapper"}
# Those that run the client to reach a host; of the others it makes or reads keys, reads its
# configuration or sshd's, or is not there at all.
TESTS = """connect proxy-connect connect-privsep connect-uri exit-status exit-status-signal envpass
    transfer banner rekey dhgex stderr-data stderr-after-eof broken-pipe try-ciphers yes-head
    login-timeout agent key-options scp3 sftp-chroot sftp-uri reconfigure dynamic-forward forwarding
    multiplex reexec brokenkeys cfgmatch cfgmatchlisten percent localcommand
    forcecommand portnum keytype kextype cert-hostkey cert-userkey host-expand keys-command
    forward-control integrity multipubkey limit-keytype hostkey-agent hostkey-rotate
    principals-command cert-file allow-deny-users authinfo knownhosts
    knownhosts-command agent-restrict channel-timeout connection-timeout""".split()
# For `make check`: seconds each.
QUICK = """proxy-connect banner stderr-after-eof localcommand broken-pipe host-expand
    forcecommand""".split()
OWN_COMMAND = "a key or a host that has a command of its own is left to ssh"
SSHD_FORWARDS = ("what sshd allows of forwards is not asked: they are connections of a program that "
                 "the user runs, as whoever has a shell can make them")
# What fails, and why it does so by what belay is; then this is said, and nothing else.
INHERENT = {
    "cfgmatch": (SSHD_FORWARDS, r"match (permitopen deny|override permitopen)|"
                 r"nomatch permitopen|failed sshd_config match"),
    "cfgmatchlisten": (SSHD_FORWARDS, r"(no)?match |client did not start|cat: .*remote_pid: No such|"
                       r"failed sshd_config matchlisten"),
    "forward-control": (SSHD_FORWARDS, r"check_.fwd (done|succeeded \(expecting failure\))|"
                        r"failed sshd control of local and remote forwarding"),
    "channel-timeout": ("sshd sees belay's link, which is never idle, and our sftp-server", r""),
    "connection-timeout": ("sshd sees belay's link, which is never idle", r"")}
# What plain ssh does, and why.
PLAIN = dict.fromkeys(("agent-restrict", "cert-userkey", "forcecommand", "key-options",
                       "principals-command", "sftp-chroot", "sftp-uri"), OWN_COMMAND)

# What the counting ssh writes for a call of it: a link of belay's has an option that no user sets.
COUNTER = """#!/bin/sh
kind=plain
case " $* " in
*" -oRemoteCommand=none "*) kind=link ;;
*" -G"*) kind=query ;;
*" -V "*|*" -Q"*|*" -O"*) kind=direct ;;
esac
echo "$kind $*" >>{log}
exec {ssh} "$@"
"""


def missing():
    """Why the suite cannot be run here; None: it can."""
    if not SUITE:
        return "no openssh-tests here"
    if not cases.sftp_server() or not harness.find_sshd():
        return "no sshd, or no sftp-server here"
    try:
        pwd.getpwnam("sshd")
    except KeyError:
        return "no account of sshd's here"
    if os.getuid():
        return "only as root: OpenSSH's suite wants a home of its own"
    if not room.is_own():
        return "no room of its own here"
    return None


def own_places():
    """A network, and an empty home for the account: what belay keeps of hosts is not the next
    test's."""
    libc = ctypes.CDLL(None, use_errno=True)
    home = pwd.getpwuid(os.getuid()).pw_dir
    room.own_network()      # some of their ports have a fixed number
    if libc.unshare(CLONE_NEWNS) or libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) \
            or libc.mount(b"none", home.encode(), b"tmpfs", 0, b"mode=700"):
        raise OSError(ctypes.get_errno(), "a home of its own")


def network_of(pid):
    with contextlib.suppress(OSError):
        return os.stat(f"/proc/{pid}/ns/net").st_ino


def end_all(namespace):
    """Some let a sleep(1) run on; and a session whose client was killed is there for a day."""
    for pid in (int(name) for name in os.listdir("/proc") if name.isdigit()):
        if namespace and network_of(pid) == namespace:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


class Place:
    """A copy of the suite, with an ssh that counts and belay before it."""

    def __init__(self, way, belay, number=0):
        self.way, self.port = way, PORT + number
        self.top = pathlib.Path(tempfile.mkdtemp(prefix="openssh."))
        self.dir = self.top / "regress"
        shutil.copytree(SUITE, self.dir, symlinks=True)
        self.log = self.top / "calls"
        ssh = shutil.which("ssh")
        front, behind = self.top / "front", self.top / "behind"
        front.mkdir()
        behind.mkdir()
        counter = behind / "ssh"
        counter.write_text(COUNTER.format(log=self.log, ssh=ssh))
        counter.chmod(0o755)
        self.ssh = "ssh"
        if way == "ssh":
            self.ssh = str(belay)
        elif way == "named":
            (front / "ssh").symlink_to(belay)
        elif way == "wrapped":
            (front / "ssh").write_text(f'#!/bin/sh\nexec {shlex.quote(str(belay))} "$@"\n')
            (front / "ssh").chmod(0o755)
        self.path = f"{front}:{behind}:{os.environ['PATH']}"

    def run(self, test):
        """Runs a test; returns its status (0: passed), what was said, and the ssh it called."""
        self.log.write_text("")
        env = os.environ | {
            "PATH": self.path, "TEST_SSH_SSH": self.ssh, "TEST_SSH_PORT": str(self.port),
            "TEST_SSH_SFTPSERVER": cases.sftp_server(), "TEST_SSH_SSHD": str(harness.find_sshd()),
            "TEST_SSH_IPV6": "yes", "TEST_SSH_ECC": "yes", "TEST_SSH_UNSAFE_PERMISSIONS": "1",
            "TEST_SHELL": "sh", "SUDO": "", "TEST_ENV": "MALLOC_OPTIONS=CFGJRSUX",
            "BUILDDIR": str(self.dir), "OBJ": str(self.dir), "SHELL": "/bin/sh",
            "HOME": pwd.getpwuid(os.getuid()).pw_dir}
        env.pop("BELAY_SSH", None)
        # A file: what a test leaves running may keep a pipe open.
        with open(self.top / "said", "wb") as said, open("/dev/zero", "rb") as zeros:
            child = subprocess.Popen(
                ["sh", self.dir / "test-exec.sh", self.dir, self.dir / f"{test}.sh"],
                cwd=self.dir, env=env, stdin=zeros, stdout=said, stderr=said,
                start_new_session=True, preexec_fn=own_places)
            namespace = network_of(child.pid)
            try:
                child.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                said.write(b"\ntoo long")
            end_all(namespace)
            status = child.wait()
        calls = [line.partition(" ") for line in
                 self.log.read_text(errors="replace").splitlines()]
        said = (self.top / "said").read_text(errors="replace")
        return status, re.sub(r"(\0|\^@)+", "", said), [(kind, words) for kind, _, words in calls
                                        if kind in ("link", "query", "direct", "plain")]

    def close(self):
        shutil.rmtree(self.top, ignore_errors=True)


Result = collections.namedtuple("Result", "result why seconds counts said plain")


def unexpected(test, said):
    """Lines of a test that fails on purpose which are not of that."""
    return [line for line in said.splitlines()
            if line.strip() and not re.match(INHERENT[test][1], line)]


def judge(place, test):
    """Runs a test, and says what is to be thought of it."""
    began = time.monotonic()
    status, said, calls = place.run(test)
    seconds = round(time.monotonic() - began, 1)
    counts = collections.Counter(kind for kind, _ in calls)
    plain = [words for kind, words in calls if kind == "plain"]
    skipped = re.search(r"^SKIPPED: (.*)", said, re.M)
    if place.way == "stock":
        verdict = ("failed", f"status {status}") if status else ("passed", "")
    elif status and test in INHERENT and not unexpected(test, said):
        verdict = "passed", f"fails on purpose: {INHERENT[test][0]}"
    elif status:
        lines = [line for line in said.strip().splitlines() if not line.startswith("run test")]
        verdict = "failed", "; ".join(lines[-3:])[:200]
    elif skipped:
        verdict = "skipped", skipped[1]
    elif plain and test in PLAIN:
        verdict = "passed", f"{len(plain)} by plain ssh: {PLAIN[test]}"
    elif plain:
        verdict = "failed", f"{len(plain)} by plain ssh, as: ssh {plain[0][:120]}"
    elif not counts["link"]:
        verdict = "failed", "no link of belay's"
    else:
        verdict = "passed", ""
    return Result(*verdict, seconds, counts, said, plain)


def suite(ways, tests, belay, report, workers=WORKERS):
    """Runs the tests in each way, some at a time; report(way, test, result) for each."""
    jobs = [(way, test) for way in ways for test in tests]
    local, made, number, lock = threading.local(), [], iter(range(100)), threading.Lock()

    def work(job):
        way, test = job
        places = local.__dict__.setdefault("places", {})
        if way not in places:
            with lock:
                places[way] = Place(way, belay, next(number))
                made.append(places[way])
        return judge(places[way], test)

    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        running = {pool.submit(work, job): job for job in jobs}
        for one in concurrent.futures.as_completed(running):
            report(*running[one], one.result())
    for place in made:
        place.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--way", action="append", choices=[*WAYS, "stock"])
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("test", nargs="*")
    options = parser.parse_args()
    room.enter()
    reason = missing()
    if reason:
        print(f"skipped: {reason}\n0 passed, 0 failed, 1 skipped")
        return 0
    os.makedirs("/run/sshd", exist_ok=True)
    belay = pathlib.Path(os.environ.get("BELAY", REPO / "build/belay")).resolve()
    counts = collections.Counter()
    print(f"{'test':<20}{'way':<9}{'seconds':>8}{'links':>7}{'plain':>7}  result")

    def report(way, test, result):
        counts[result.result] += 1
        print(f"{test:<20}{way:<9}{result.seconds:>8}{result.counts['link']:>7}"
              f"{result.counts['plain']:>7}  {result.result}"
              + (f": {result.why}" if result.why else ""), flush=True)
        if options.verbose:
            for words in result.plain:
                print(f"  plain: ssh {words}")
            if result.result == "failed":
                print("  " + result.said.replace("\n", "\n  "), flush=True)

    suite(options.way or WAYS, options.test or TESTS, belay, report)
    print("{passed} passed, {failed} failed, {skipped} skipped".format_map(
        collections.defaultdict(int, counts)))
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
