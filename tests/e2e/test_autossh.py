"""Proves that belay under autossh's name decides as autossh does.

The real one runs beside it where it is installed: the same fake ssh (fake_ssh.py), the same
scripted ends and signals.  Where belay differs on purpose (belay-autossh(1), DIFFERENCES),
a test shows both, so that the reasons given there stay true.
"""

import contextlib
import json
import math
import os
import pathlib
import re
import shlex
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time

import pytest

from harness import HERE, belay_path, free_port, kill, wait_until
from patience import scaled
from term import Term

FAKE_SSH = HERE / "fake_ssh.py"
REAL = pathlib.Path("/usr/lib/autossh/autossh")     # Debian's, without its wrapper
PROGRAMS = ["belay", pytest.param("real", marks=pytest.mark.skipif(
    not REAL.exists(), reason="no autossh to compare with: install autossh"))]
both = pytest.mark.parametrize("program", PROGRAMS)
at_once = ["belay"] + ["real"] * REAL.exists()      # for what takes long
as_root = pytest.mark.skipif(
    subprocess.run(["unshare", "-n", "ip", "link"], capture_output=True).returncode != 0,
    reason="no network of its own: this wants root, unshare and ip")
has_real = pytest.mark.skipif(not REAL.exists(), reason="no autossh to compare with")


class Run:
    """One autossh with a fake ssh of its own."""

    def __init__(self, program, args, script=(), **env):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="bt.autossh."))
        (self.dir / "script").write_text("".join(line + "\n" for line in script))
        argv = [REAL] if program == "real" else [belay_path(), "--autossh"]
        self.log = self.dir / "log"
        env = {"PATH": os.environ["PATH"], "FAKE_SSH": self.dir,
               "AUTOSSH_PATH": FAKE_SSH, "AUTOSSH_LOGFILE": self.log,
               "AUTOSSH_PIDFILE": self.dir / "pid", **env}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
            env.setdefault(name, os.environ.get(name, ""))
        self.child = subprocess.Popen(
            [*argv, *args], cwd=self.dir, stdin=subprocess.DEVNULL, text=True,
            env={name: str(value) for name, value in env.items() if value is not None},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def _lines(self, name):
        path = self.dir / name
        return path.read_text().splitlines() if path.exists() else []

    @property
    def starts(self):
        """The command lines of ssh."""
        return [json.loads(line)[1] for line in self._lines("starts")]

    @property
    def times(self):
        return [json.loads(line)[0] for line in self._lines("starts")]

    @property
    def signals(self):
        return self._lines("signals")

    def wait_starts(self, count, timeout=30):
        wait_until(lambda: len(self.starts) >= count or self.child.poll() is not None,
                   timeout, "ssh is not started (again)")
        assert len(self.starts) == count, f"{self.starts}, status {self.child.poll()}"
        return self

    def send(self, number):
        self.child.send_signal(number)
        return self

    def wait_exit(self, timeout=30):
        return self.child.wait(scaled(timeout))

    def wait_logged(self, text, times=1):
        wait_until(lambda: "\n".join(self._lines("log")).count(text) >= times,
                   what=f"the log does not say: {text}")

    def processes(self):
        """All that belong to it."""
        mark = f"FAKE_SSH={self.dir}".encode()
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    yield int(entry.name)

    def close(self):
        """Also what an autossh that was killed has left behind."""
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()
        for pid in self.processes():
            kill(pid)
        for pipe in (self.child.stdout, self.child.stderr):
            pipe.close()
        shutil.rmtree(self.dir, ignore_errors=True)


@pytest.fixture
def run():
    with contextlib.ExitStack() as stack:
        def start(*args, **more):
            one = Run(*args, **more)
            stack.callback(one.close)
            return one
        yield start


# ---- how ssh ended decides ----

#          ssh ends by    at once  after the gate  a later one  without a gate
VERDICTS = [("exit 0",      1,       0,              0,           0),
            ("exit 1",      1,       1,              "again",     "again"),
            ("exit 2",      1,       1,              "again",     "again"),
            ("exit 3",      1,       1,              1,           1),
            ("exit 254",    1,       1,              1,           1),
            ("exit 255",    1,       "again",        "again",     "again"),
            ("kill 9",      "again", "again",        "again",     "again"),
            ("kill 1",      "again", "again",        "again",     "again")]


def verdict_of(one, starts):
    """What has come of it when ssh has ended `starts` times."""
    wait_until(lambda: len(one.starts) > starts or one.child.poll() is not None)
    if len(one.starts) > starts:
        return "again"
    return one.wait_exit()


def test_how_ssh_ended_decides(run):
    seconds = math.ceil(scaled(2))      # all of them start at once
    gate = {"AUTOSSH_GATETIME": seconds}

    def all_of(program, end):
        return [(run(program, ["-M", "0", "host"], [end], **gate), 1),
                (run(program, ["-M", "0", "host"], [f"sleep {2 * seconds}; {end}"], **gate), 1),
                (run(program, ["-M", "0", "host"], ["kill 9", end], **gate), 2),
                (run(program, ["-M", "0", "host"], [end], AUTOSSH_GATETIME=0), 1)]
    runs = [(program, end, wanted, all_of(program, end))
            for end, *wanted in VERDICTS for program in at_once]
    for program, end, wanted, ones in runs:
        assert (program, end, [verdict_of(*one) for one in ones]) == (program, end, wanted)


def test_quick_ends_are_backed_off_from(run):
    """Six quick starts, then longer and longer: by a 300th of the poll time, by four."""
    for one in [run(program, ["-M", "0", "host"], ["exit 255"] * 7, AUTOSSH_GATETIME=0,
                    AUTOSSH_POLL=300) for program in at_once]:
        one.wait_starts(8)
        gaps = [b - a for a, b in zip(one.times, one.times[1:])]
        assert max(gaps[:5]) < scaled(0.8)
        assert 0.9 < gaps[5] < scaled(2) and 3.9 < gaps[6] < scaled(5.5)


@both
def test_number_of_starts(run, program):
    more = {"script": ["exit 255"] * 5, "AUTOSSH_GATETIME": 0}
    one = run(program, ["-M", "0", "host"], AUTOSSH_MAXSTART=3, **more)
    none = run(program, ["-M", "0", "host"], AUTOSSH_MAXSTART=0, **more)
    assert one.wait_exit() == 0 and len(one.starts) == 3
    assert none.wait_exit() == 0 and len(none.starts) == 0


def test_end_of_life(run):
    began = time.monotonic()
    for one in [run(program, ["-M", "0", "host"], AUTOSSH_MAXLIFETIME=2)
                for program in at_once]:
        assert one.wait_exit() == 0
        assert 1 < time.monotonic() - began < scaled(5)
        assert one.signals == ["TERM"] and len(one.starts) == 1


# ---- signals ----

@both
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stop(run, program, number):
    one = run(program, ["-M", "0", "host"]).wait_starts(1).send(number)
    assert one.wait_exit() == 1
    assert one.signals == ["TERM"] and len(one.starts) == 1


@both
def test_restart(run, program):
    one = run(program, ["-M", "0", "host"]).wait_starts(1)
    one.send(signal.SIGUSR1).wait_starts(2)
    assert one.signals == ["TERM"]
    one.send(signal.SIGUSR1).wait_starts(3).send(signal.SIGTERM)
    assert one.wait_exit() == 1


@both
def test_prodding_a_running_ssh_does_not_end_it(run, program):
    one = run(program, ["-M", "0", "host"]).wait_starts(1)
    one.send(signal.SIGHUP).send(signal.SIGUSR2)
    one.send(signal.SIGUSR1).wait_starts(2)     # the others have been taken before
    assert one.signals == ["TERM"]


# ---- the command line and the environment ----

@both
@pytest.mark.parametrize("args, wanted", [
    ("-M 0 host", "host"),
    ("-M0 -t host 'screen -D'", "-t host 'screen -D'"),
    ("-M 23456 -N host", "-L 23456:127.0.0.1:23456 -R 23456:127.0.0.1:23457 -N host"),
    ("-M 23456:7 -N host", "-L 23456:127.0.0.1:7 -N host"),
    ("-M 0x5BA0 -N host", "-L 23456:127.0.0.1:23456 -R 23456:127.0.0.1:23457 -N host"),
    ("-N -o A=b -M 0 -vL1:h:2 u@h cmd arg", "-N -o A=b -vL1:h:2 u@h cmd arg"),
    ("host -M 0 cmd", "host cmd"),
])
def test_command_line(run, program, args, wanted):
    one = run(program, shlex.split(args)).wait_starts(1)
    assert one.starts[0] == shlex.split(wanted)


@both
@pytest.mark.parametrize("env, wanted", [
    ({"AUTOSSH_PORT": "0"}, ["host"]),
    ({"AUTOSSH_PORT": "23456:7"}, ["-L", "23456:127.0.0.1:7", "host"]),
])
def test_port_of_the_environment(run, program, env, wanted):
    assert run(program, ["host"], **env).wait_starts(1).starts == [wanted]


@both
def test_port_of_the_command_line_counts_more(run, program):
    """In Debian's autossh it does; the man page of the original says otherwise."""
    one = run(program, ["-M", "0", "host"], AUTOSSH_PORT="23456").wait_starts(1)
    assert one.starts == [["host"]]


@both
@pytest.mark.parametrize("env", [
    {"AUTOSSH_POLL": "0"}, {"AUTOSSH_POLL": "x"}, {"AUTOSSH_POLL": ""},
    {"AUTOSSH_FIRST_POLL": "0"}, {"AUTOSSH_GATETIME": "-1"}, {"AUTOSSH_GATETIME": "1.5"},
    {"AUTOSSH_MAXSTART": "-2"}, {"AUTOSSH_MAXLIFETIME": "x"}, {"AUTOSSH_LOGLEVEL": "8"},
    {"AUTOSSH_MESSAGE": 65 * "x"}, {"AUTOSSH_LOGFILE": "/nonexistent/log"},
    {"AUTOSSH_PIDFILE": "/nonexistent/pid"}, {"AUTOSSH_PATH": "/nonexistent/ssh"}],
    ids=lambda env: "=".join(*env.items()))
def test_wrong_environment(run, program, env):
    one = run(program, ["-M", "0", "host"], ["exit 0"], **env)
    assert one.wait_exit() == 1 and one.starts == []
    if program == "belay":
        said = one.child.stderr.read()
        assert next(iter(env)) in said or next(iter(env.values())) in said


@both
@pytest.mark.parametrize("args", [
    ["-M", "65535", "host"], ["-M", "x", "host"], ["-M", "23456:x", "host"], ["-M", "0"],
    ["-M", "0", "-N"], ["-M", "0", "-9", "host"], ["host", "-M"]], ids=" ".join)
def test_wrong_command_line(run, program, args):
    one = run(program, args, ["exit 0"])
    assert one.wait_exit() == 1 and one.starts == []


@both
def test_port_that_is_taken(run, program):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1] - 1
        one = run(program, ["-M", str(port), "host"])
        assert one.wait_exit() == 1 and one.starts == []


@both
def test_version(run, program):
    one = run(program, ["-V"])
    assert one.wait_exit() == 0
    assert one.child.stdout.read().startswith("autossh 1.4g")


@both
def test_pid_file_and_log(run, program):
    one = run(program, ["-M", "0", "host"]).wait_starts(1)
    pid = (one.dir / "pid").read_text()
    assert pid == f"{one.child.pid}\n"
    one.send(signal.SIGTERM).wait_exit()
    assert not (one.dir / "pid").exists()
    form = rf"\d{{4}}/\d\d/\d\d \d\d:\d\d:\d\d autossh\[{one.child.pid}\]: \S.*"
    lines = one.log.read_text().splitlines()
    assert len(lines) > 2 and all(re.fullmatch(form, line) for line in lines)
    assert "starting ssh (count 1)" in one.log.read_text()


@both
def test_log_level(run, program):
    quiet = run(program, ["-M", "0", "host"], AUTOSSH_LOGLEVEL=0).wait_starts(1)
    assert quiet.send(signal.SIGTERM).wait_exit() == 1
    assert quiet.log.read_text() == ""


@both
def test_background(run, program):
    """-f: away at once, no gate, nobody's terminal; the pid file names what goes on."""
    one = run(program, ["-f", "-M", "0", "host"], ["exit 1", "stay"])
    assert one.wait_exit() == 0
    wait_until(lambda: len(one.starts) == 2)
    pid = int((one.dir / "pid").read_text())
    assert os.readlink(f"/proc/{pid}/cwd") == "/"
    assert {os.readlink(f"/proc/{pid}/fd/{n}") for n in range(3)} == {"/dev/null"}
    assert os.getsid(pid) != os.getsid(0)
    os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not (one.dir / "pid").exists())
    assert one.signals == ["TERM"]


# ---- what autossh gets wrong ----

def backing_off(run, program):
    one = run(program, ["-M", "0", "host"], ["exit 255"] * 7, AUTOSSH_GATETIME=0,
              AUTOSSH_POLL=3000)    # ten seconds before the seventh start
    return one.wait_starts(6)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2])
def test_prod_in_the_back_off(run, number):
    one = backing_off(run, "belay")
    one.wait_logged("restarting ssh", 6)
    one.send(number).wait_starts(7)


@has_real
@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2])
def test_prod_kills_the_real_one(run, number):
    one = backing_off(run, "real")
    one.wait_logged("restarting ssh", 6)
    # Before it sleeps it still takes them.
    wait_until(lambda: one.child.poll() is not None or one.send(number) and False)
    assert one.child.poll() == -number


@both
def test_stop_in_the_back_off(run, program):
    one = backing_off(run, program)
    one.wait_logged("restarting ssh", 6)
    assert one.send(signal.SIGTERM).wait_exit() == 1


def test_ssh_that_does_not_end(run):
    one = run("belay", ["-M", "0", "host"], ["stubborn"]).wait_starts(1)
    began = time.monotonic()
    one.send(signal.SIGUSR1).wait_starts(2)
    assert 4 < time.monotonic() - began < scaled(8)
    patient = run("belay", ["-M", "0", "host"], ["stubborn"]).wait_starts(1)
    began = time.monotonic()
    patient.send(signal.SIGTERM)
    patient.wait_logged("received signal to exit")
    assert patient.send(signal.SIGTERM).wait_exit() == 1    # told twice: at once
    assert time.monotonic() - began < scaled(4)


@pytest.mark.parametrize("args, wanted, real", [
    (["-M", "0", "host", "tail", "-f", "log"], ["host", "tail", "-f", "log"],
     ["host", "tail", "log"]),
    (["-M", "0", "host", "cmd", "-M", "0", "--", "x", ""],
     ["host", "cmd", "-M", "0", "--", "x", ""], ["host", "cmd", "x"]),
    (["-fM", "0", "-N", "host"], ["-N", "host"], ["-M", "0", "-N", "host"]),
    (["-M", "0", "-Jfag", "host"], ["-Jfag", "host"], ["-Jag", "host"]),
    (["-M", "0", "-J", "a", "-B", "lo", "host"], ["-J", "a", "-B", "lo", "host"], None),
], ids=lambda x: " ".join(x) if x else "refused")
def test_words_that_autossh_eats(run, args, wanted, real):
    ours = run("belay", args)
    wait_until(lambda: ours.starts)
    assert ours.starts[0] == wanted
    if REAL.exists():
        theirs = run("real", args)
        wait_until(lambda: theirs.starts or theirs.child.poll() == 1)
        assert (theirs.starts or [None])[0] == real


def test_number_out_of_range(run):
    ours = run("belay", ["-M", "0", "host"], AUTOSSH_POLL=-5)
    assert ours.wait_exit() == 1 and "AUTOSSH_POLL" in ours.child.stderr.read()
    if REAL.exists():
        assert run("real", ["-M", "0", "host"], AUTOSSH_POLL=-5).wait_starts(1)


def test_ssh_that_is_gone_for_a_moment(run):
    one = run("belay", ["-M", "0", "host"], ["exit 255"], AUTOSSH_GATETIME=0,
              AUTOSSH_PATH="./ssh")
    # It comes after the first start has failed: that one is an error.
    assert one.wait_exit() == 1 and "cannot start ./ssh" in one.child.stderr.read()
    link = one.dir / "ssh"
    link.symlink_to(FAKE_SSH)
    two = run("belay", ["-M", "0", "host"], ["sleep 0.5; exit 255"], AUTOSSH_GATETIME=0,
              AUTOSSH_PATH=link)
    two.wait_starts(1)
    link.unlink()
    two.wait_logged(f"cannot start {link}")
    link.symlink_to(FAKE_SSH)
    two.wait_starts(2)


REFUSALS = ["user@host: Permission denied (publickey,password).",
            "Received disconnect: 2: Too many authentication failures",
            "Host key verification failed."]


@pytest.mark.parametrize("words", REFUSALS)
def test_refused_login_is_not_hammered(run, words):
    script = [f"say {words}; exit 255"] * 3
    one = run("belay", ["-M", "0", "host"], script, AUTOSSH_GATETIME=0)
    one.wait_logged("was refused")
    assert len(one.starts) == 1
    one.send(signal.SIGHUP).wait_starts(2)      # a person knows better
    one.wait_logged("was refused", 2)
    assert one.send(signal.SIGTERM).wait_exit() == 1
    assert one.child.stderr.read() == 2 * (words + "\n")
    assert words in one.log.read_text()


@has_real
def test_the_real_one_hammers(run):
    script = [f"say {REFUSALS[0]}; exit 255"] * 6
    assert run("real", ["-M", "0", "host"], script, AUTOSSH_GATETIME=0).wait_starts(6)


def test_without_a_port_one_is_found(run):
    """As Debian's wrapper does it, but at each start."""
    one = run("belay", ["-N", "host"], ["kill 9"]).wait_starts(2)
    ports = []
    for local, there, remote, back, *rest in one.starts:
        port = int(there.split(":")[0])
        assert [local, there, remote, back, *rest] == [
            "-L", f"{port}:127.0.0.1:{port}", "-R", f"{port}:127.0.0.1:{port + 1}", "-N",
            "host"]
        ports.append(port)
    assert ports[0] != ports[1]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", ports[0] + 1))
    with socket.create_connection(("127.0.0.1", ports[1] + 1)):
        pass


def test_stdin_and_stdout_are_sshs(run):
    one = run("belay", ["-M", "0", "host"]).wait_starts(1)
    child = subprocess.run(["pgrep", "-P", str(one.child.pid)], capture_output=True,
                           text=True, check=True).stdout.strip()
    for n in range(2):
        assert os.readlink(f"/proc/{child}/fd/{n}") == \
            os.readlink(f"/proc/{one.child.pid}/fd/{n}")
    assert os.getpgid(int(child)) == os.getpgid(one.child.pid)


@both
def test_stderr_that_nobody_reads(run, program):
    one = run(program, ["-M", "0", "host"], ["flood 1000000"]).wait_starts(1)
    assert one.send(signal.SIGTERM).wait_exit() == 1
    assert one.signals == ["TERM"]


@both
def test_all_of_stderr_is_shown(run, program):
    one = run(program, ["-M", "0", "host"], ["flood 1000000; exit 3"])
    assert one.child.stderr.read() == 1000 * (999 * "x" + "\n")
    assert one.wait_exit() == 1


@both
def test_port_that_nobody_listens_at(run, program):
    """An ssh that has logged in would: the poll finds the tunnel dead."""
    one = run(program, ["-M", str(free_port(2)), "host"], AUTOSSH_FIRST_POLL=1,
              AUTOSSH_POLL=2).wait_starts(2)
    assert one.signals == ["TERM"]


# ---- in a terminal ----

@pytest.fixture
def in_terminal(run):
    """Like run, but autossh has a terminal of its own; ends with it."""
    with contextlib.ExitStack() as stack:
        def start(script, *args):
            one = run("belay", ["-V"])      # for its directory
            (one.dir / "script").write_text("".join(line + "\n" for line in script))
            env = {"PATH": os.environ["PATH"], "FAKE_SSH": one.dir, "AUTOSSH_LOGFILE": one.log,
                   "AUTOSSH_PATH": FAKE_SSH, "AUTOSSH_GATETIME": 0}
            term = Term([belay_path(), "--autossh", "-M", "0", *args, "host"], cwd=one.dir,
                        env={name: str(value) for name, value in env.items()})
            stack.callback(term.close)
            return one, term
        yield start


def test_terminal_that_ssh_left_raw_is_mended(in_terminal):
    one, term = in_terminal(["raw; kill 9", "cooked; raw; exit 3"], "-t")
    assert term.wait_exit() == 1
    assert one.signals == ["cooked"]
    term.assert_sane()


def test_closed_window_is_the_end(in_terminal):
    """ssh dies of it, and no other one could be of use to anybody."""
    one, term = in_terminal([], "-t")
    wait_until(lambda: one.starts)
    term.hang_up()
    wait_until(lambda: not list(one.processes()), what="autossh goes on")
    assert len(one.starts) == 1


def test_forwarding_goes_on_without_its_window(in_terminal):
    one, term = in_terminal([], "-N")
    wait_until(lambda: one.starts)
    term.hang_up()
    wait_until(lambda: len(one.starts) == 2)


# ---- through a private sshd ----

PASS_CONNECTION = """
import array, socket, sys
there = socket.socket(socket.AF_UNIX)
there.connect(sys.argv[1])
out = socket.socket(fileno=1)
out.sendmsg([b"\\0"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [there.fileno()]))])
"""


class Relay(socketserver.ThreadingUnixStreamServer):
    """The way out of a network that has nothing but itself: a socket with a name."""

    daemon_threads = True

    def __init__(self, path, port):
        self.port = port
        super().__init__(str(path), self.Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            with socket.create_connection(("127.0.0.1", self.server.port)) as there:
                back = threading.Thread(target=self.copy, args=(there, self.request),
                                        daemon=True)
                back.start()
                self.copy(self.request, there)
                back.join()

        @staticmethod
        def copy(a, b):
            with contextlib.suppress(OSError):
                while data := a.recv(65536):
                    b.sendall(data)
            for end in (a, b):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)


class Far:
    """A host whose loopback is not the client's: both ends of -M want the same port."""

    def __init__(self, make_host):
        # Else the old connection keeps the port on the host for as long as it looks alive.
        config = "ClientAliveInterval 1\nClientAliveCountMax 1"
        self.host = host = make_host(
            sshd_config=config, setenv={"SCREENDIR": tempfile.mkdtemp(prefix="bt.screen.")})
        self.relay = Relay(host.dir / "way-out", host.proxy.port)
        helper = host.dir / "pass_connection.py"
        helper.write_text(PASS_CONNECTION)
        host.configure(f"ProxyUseFdpass yes\n"
                       f"ProxyCommand {sys.executable} -ES {helper} {host.dir}/way-out")
        host.cfg.write_text(host.cfg.read_text().replace("Host testhost", "Host testhost host"))
        self.bin = host.dir / "bin"
        self.bin.mkdir()
        (self.bin / "autossh").symlink_to(belay_path())
        (self.bin / "ssh").write_text(f'#!/bin/sh\nexec /usr/bin/ssh -F {host.cfg} "$@"\n')
        (self.bin / "ssh").chmod(0o755)
        self.log = host.dir / "log"
        self.env = {"PATH": f"{self.bin}:{os.environ['PATH']}", "AUTOSSH_LOGFILE": self.log,
                    "AUTOSSH_LOGLEVEL": 7}

    def argv(self, *argv):
        return ["unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *argv]

    def count(self, text):
        return self.log.read_text().count(text) if self.log.exists() else 0

    def wait_logged(self, text, times=1):
        wait_until(lambda: self.count(text) >= times, what=f"not in the log: {text}")

    def close(self):
        self.relay.shutdown()
        self.relay.server_close()
        shutil.rmtree(self.host.sshd.setenv["SCREENDIR"], ignore_errors=True)


@pytest.fixture
def far(make_host):
    with contextlib.closing(Far(make_host)) as one:
        yield one


@contextlib.contextmanager
def echo_service(heard):
    class Echo(socketserver.StreamRequestHandler):
        def handle(self):
            line = self.rfile.readline()
            heard.append(line)
            self.wfile.write(line)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@as_root
@pytest.mark.parametrize("echo", [False, True], ids=["loop", "echo"])
def test_dead_tunnel_is_replaced(far, echo):
    with contextlib.ExitStack() as stack:
        port, heard = str(free_port(2)), []
        if echo:
            port += f":{stack.enter_context(echo_service(heard))}"
        env = {**far.env, "AUTOSSH_FIRST_POLL": 1, "AUTOSSH_POLL": 1, "AUTOSSH_GATETIME": 0,
               "AUTOSSH_MESSAGE": "hello"}
        child = stack.enter_context(far.host.popen(
            far.argv("autossh", "-M", port, "-N", "host"), env))
        far.wait_logged("connection ok", 2)
        assert far.host.sshd.logins() == 1
        far.host.proxy.drop()
        far.wait_logged("port down, restarting ssh")
        healthy = far.count("connection ok")
        far.wait_logged("connection ok", healthy + 1)
        assert far.host.sshd.logins() > 1
        child.send_signal(signal.SIGTERM)
        assert child.wait(10) == 1
        line = rf"\S+ autossh {child.pid} \d+ hello\r\n".encode()
        assert all(re.fullmatch(line, one) for one in heard) and bool(heard) == echo
        assert len(set(heard)) == len(heard)        # nobody can know the next one


def listening(pid):
    """How many sockets listen in the network of a process, proc(5)."""
    lines = pathlib.Path(f"/proc/{pid}/net/tcp").read_text().splitlines()
    return sum(line.split()[3] == "0A" for line in lines)


@as_root
def test_change_of_the_network_asks_at_once(far):
    """With a poll time of ten minutes."""
    with far.host.popen(far.argv("autossh", "-N", "host"), far.env) as child:
        wait_until(lambda: far.host.sshd.logins() == 1)
        wait_until(lambda: listening(child.pid) == 2)   # ssh, and who takes what comes back
        for n in range(1, 100):
            subprocess.run(["nsenter", "-t", str(child.pid), "-n", "ip", "addr", "add",
                            f"192.0.2.{n}/32", "dev", "lo"], check=True)
            far.wait_logged("the network has changed", n)
            if far.count("connection ok"):      # ssh may not have been ready at first
                break
        assert far.count("connection ok")
        assert far.count("starting ssh") == 1
        child.send_signal(signal.SIGTERM)
        assert child.wait(10) == 1


@as_root
@pytest.mark.skipif(not shutil.which("screen"), reason="no screen")
def test_command_of_the_blog_post(far):
    with contextlib.suppress(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", 20000)).close()
        pytest.skip("something listens at port 20000")
    command = ("AUTOSSH_FIRST_POLL=5 AUTOSSH_POLL=5 autossh -M 20000 -t host "
               "'screen -D -R session_name'")
    term = far.host.start(far.argv("sh", "-c", command), far.env)
    term.type("kept=th''is\n")
    term.type("echo got-$kept\n")
    term.expect("got-this")
    far.wait_logged("connection ok")
    far.host.proxy.drop()
    far.wait_logged("port down, restarting ssh")
    term.type("echo back-$kept\n")
    term.expect("back-this", 60)
    term.type("exit\n")
    assert term.wait_exit() == 0
    term.assert_sane()
