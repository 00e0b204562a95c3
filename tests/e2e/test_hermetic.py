"""Proves that the suite itself does not care where it runs, and leaves nothing behind: a small
selection of it, started as it should not be, and ended in the middle."""

import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

import pytest

from harness import HERE, PATH, REPO, all_processes, communicate, wait_until

sys.path.insert(0, str(REPO / "tests"))

import room     # noqa: E402

# What hangs up its terminal, is told of a signal, lists the sessions of the user, and looks at
# places that all of them share.
SELECTION = ("test_closed_window_ends_belay or test_signal_ends_belay or test_list_rename"
             " or test_what_this_machine_remembers or test_shared_directory")
FILES = ("test_shell.py", "test_sessions.py", "test_bootstrap.py")
HOSTILE = {
    "TERM": "nonesuch", "LANG": "xx_YY", "LC_ALL": "tlh", "TZ": "Nowhere/Else", "HOME": "/nonexistent",
    "SHELL": "/bin/false", "XDG_RUNTIME_DIR": "/nonexistent/run", "XDG_CACHE_HOME": "relative",
    "XDG_STATE_HOME": "/proc", "XDG_CONFIG_HOME": "", "SSH_AUTH_SOCK": "/nonexistent/agent",
    "SSH_CONNECTION": "1 2 3 4", "SSH_ASKPASS": "/bin/false", "SSH_ASKPASS_REQUIRE": "force",
    "DISPLAY": ":99", "BELAY_SSH": "/bin/false", "BELAY_RUN_DIR": "/proc/none", "BELAY_DEPTH": "9",
    "BELAY_LINGER": "1", "BELAY_STATUS": "always", "BELAY_SESSION": "0" * 32, "BELAY_ROOT": "/none",
    "BELAY_ASKPASS": "1", "BELAY_ROOM": "1", "PYTHONPATH": "/nonexistent", "TMUX": "/x,1,0",
    "PYTHONOPTIMIZE": "2", "PYTHONWARNINGS": "error", "PYTEST_ADDOPTS": "--no-such-option",
    "AUTOSSH_PORT": "1", "MAKEFLAGS": "-n", "TMPDIR": "/nonexistent", "NOTIFY_SOCKET": "@x",
}


def argv(only=SELECTION, files=FILES):
    """The words that run a selection; as anybody types them."""
    return [sys.executable, "-I", "-B", REPO / "tests/room.py", "--", "/usr/bin/python3", "-B", "-m",
            "pytest", "-p", "no:cacheprovider", "-q", "-k", only, *(HERE / name for name in files)]


def environment(**more):
    kept = {name: os.environ[name] for name in room.VARIABLES if name in os.environ}
    return {"PATH": PATH, **kept, **more}


def passes(child):
    out, _ = communicate(child, timeout=120)
    assert child.returncode == 0 and " passed" in out and "skipped" not in out, out[-3000:]


def start(words, env=None, **more):
    return subprocess.Popen([str(word) for word in words], env=env or environment(),
                            stdin=more.pop("stdin", subprocess.DEVNULL), stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, start_new_session=True, **more)


def test_what_tests_can_be_told_comes_in():
    """`FAULTS=all` once did not, so that all meant four."""
    told = {name for folder in ("e2e", "golden", "soak") for path in (REPO / "tests" / folder).glob("*.py")
            for name in re.findall(r'environ\.get\("(\w+)"', path.read_text())}
    assert told and not told - {*room.VARIABLES}


def test_under_nohup():
    passes(start(["nohup", *argv()]))


def test_what_is_ignored_and_blocked_and_closed_and_low():
    """As from a script's background, a careless service manager, and a shell of bad habits."""
    def spoil():
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGPIPE, signal.SIGHUP,
                       signal.SIGTERM, signal.SIGTSTP, signal.SIGCHLD, signal.SIGWINCH):
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGUSR1, signal.SIGWINCH))
        os.umask(0o777)
        os.close(0)

    words = " ".join(f"'{word}'" for word in argv())
    passes(start(["bash", "-c", f"ulimit -S -n 40; ulimit -S -c 0; exec {words}"],
                 preexec_fn=spoil))


def test_in_a_hostile_environment():
    passes(start(argv(), environment(**HOSTILE)))


def test_beside_a_living_session_of_the_same_user(host):
    """It is in the places that all sessions of a user share, and nobody has told it otherwise."""
    server = pathlib.Path(os.environ.get("BELAY_SERVERS") or REPO / "build/servers",
                          "{0.sysname}-{0.machine}".format(os.uname())).absolute()
    host.sshd.stop()
    del host.sshd.setenv["BELAY_RUN_DIR"]
    host.sshd.start()
    term = host.shell("--session", "foreign")
    holder = host.holder(term)
    assert any(path.startswith(f"/tmp/belay-{os.getuid()}/") for path in holder.argv), holder
    passes(start(argv()))
    term.say("still")
    found = subprocess.run([server, "list"], env={"PATH": PATH, "HOME": str(host.home)},
                           capture_output=True, text=True)
    assert found.stdout.count("foreign") == 1 and found.stdout.count("last: ") == 1
    host.finish(term)


# An end in the middle.

PROBE = '''
def test_long(host):
    term = host.shell("--session", "long")
    term.line("sleep 12345")
    open({mark!r}, "w").write(str(host.dir))
    term.pump(1000, lambda: False)
'''


def running():
    """What a run consists of, its rooms among it."""
    return [one for one in all_processes().values()
            if "sleep" in one.argv[:1] and "12345" in one.argv or "room.py" in " ".join(one.argv)
            and "probe" in " ".join(one.argv)]


@pytest.fixture
def probe():
    """A run of one test that does not end; gives what starts it and the mark that it is on."""
    with tempfile.TemporaryDirectory(prefix="probe-", dir=REPO / "build") as name:
        place = pathlib.Path(name)      # where it is seen from inside and outside
        (place / "conftest.py").symlink_to(HERE / "conftest.py")
        (place / "test_probe.py").write_text(PROBE.format(mark=str(place / "mark")))
        yield (["/usr/bin/python3", "-B", "-m", "pytest", "-p", "no:cacheprovider", "-q",
                place / "test_probe.py"], place / "mark")


@pytest.mark.parametrize("number", ["TERM", "INT", "HUP", "KILL"])
def test_a_run_that_is_ended_leaves_nothing(probe, number):
    words, mark = probe
    child = start(words)
    try:
        wait_until(lambda: mark.exists() and mark.read_text() or child.poll() is not None, 60)
        assert child.poll() is None, child.communicate()[0]
        wait_until(lambda: any("12345" in one.argv for one in running()))
        os.kill(child.pid, getattr(signal, f"SIG{number}"))
        communicate(child, timeout=60)
        assert child.returncode == -getattr(signal, f"SIG{number}")
        wait_until(lambda: not running(), what=f"left: {running()}")
        assert not os.path.exists(mark.read_text())
    finally:
        child.kill()
        child.communicate()


def test_a_run_under_nohup_outlives_its_terminal(probe):
    words, mark = probe
    child = start(["nohup", *words])
    try:
        wait_until(lambda: mark.exists() and mark.read_text())
        os.kill(child.pid, signal.SIGHUP)
        time.sleep(0.5)
        assert child.poll() is None
    finally:
        child.terminate()
        communicate(child, timeout=60)
    wait_until(lambda: not running())


def test_what_is_left_in_a_room_is_told():
    done = subprocess.run(room.argv_of(["sh", "-c", "setsid sleep 12345 & exit 0"]),
                          capture_output=True, text=True)
    assert done.returncode == 1 and f"{room.LEFT}: sleep 12345" in done.stderr
    assert not running()
