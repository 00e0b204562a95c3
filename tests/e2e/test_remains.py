"""Proves that a shell outlives its host, as far as that is possible.

A reboot is played: all that runs on the host is killed, and from then on the kernel tells another
boot id; a file that is mounted over the kernel's tells it, in a namespace of the host's.  Without
root there is no such namespace, and these tests are skipped.
"""

import contextlib
import json
import os
import re
import signal
import socket
import stat
import time

import pytest

import test_agent
from harness import (PROMPT, WINDOW_CLOSES, Sshd, belay_argv, descendants, kill,
                     kill_link, wait_until)

BOOT_ID = "/proc/sys/kernel/random/boot_id"
SHOWN = {"BELAY_STATUS": None}
RESTARTED = re.compile(rb"host restarted [^;]*\d\d:\d\d; new shell")


class Machine:
    """One that can be started again: it has numbers of its own, whose files are mounted."""

    def __init__(self, host, sshd, number):
        self.host, self.sshd = host, sshd
        self.boots = 0
        self.boot_id = sshd.dir / f"boot-{number}"
        self.machine_id = sshd.dir / f"machine-{number}"
        self.machine_id.write_text(f"{number + 1:032x}\n")
        self.number = number
        self.write_boot_id()
        sshd.within = ["unshare", "-m", "sh", "-c",
                       f'mount --bind "$0" {BOOT_ID} && mount --bind "$1" /etc/machine-id'
                       ' && shift && exec "$@"', self.boot_id, self.machine_id]

    def write_boot_id(self):
        self.boots += 1
        self.boot_id.write_text(f"{self.number + 1:08x}-0000-4000-8000-{self.boots:012x}\n")

    def kill_all(self, number=signal.SIGKILL):
        holders = [one for one in self.host.processes() if "hold" in one.argv[1:]]
        for holder in holders:
            below = descendants(holder.pid)
            for one in [holder, *below]:
                kill(one.pid, number)

    def reboot(self, number=signal.SIGKILL):
        """As after a loss of power, or (SIGTERM) in good order."""
        self.sshd.stop()
        self.kill_all(number)
        wait_until(lambda: not [one for one in self.host.processes() if "hold" in one.argv[1:]])
        self.write_boot_id()
        self.sshd.start()
        self.host.proxy.target = ("127.0.0.1", self.sshd.port)

    def remains(self):
        """The files of all machines."""
        return sorted(path for path in (self.host.home / ".local/state/belay/remains").glob("*/*"))


@pytest.fixture
def machine(host):
    if os.getuid():
        pytest.skip("needs root, for another boot id")
    host.sshd.stop()
    one = Machine(host, host.sshd, 0)
    host.sshd.start()
    host.proxy.target = ("127.0.0.1", host.sshd.port)
    host.may_leave_sockets = True   # a power failure takes none away
    return one


def settle(machine, term, *texts):
    """Waits until the file of a session says this.  On a busy machine it may have been written
    before that was so; then it is when the client goes."""
    def told():
        return any(all(text.encode() in path.read_bytes() for text in texts)
                   for path in machine.remains() if path.exists())

    def soon():
        return term.pump(0.05) or told()

    with contextlib.suppress(AssertionError):
        wait_until(soon, 5)
        return
    kill_link(term)
    wait_until(soon, what=f"{texts} is not in {machine.remains()}")


def work_in(host, machine, term, name="work", command="sleep 1000"):
    """Brings a shell into a directory, in which something runs, and its remains to the disk."""
    (host.home / name).mkdir(exist_ok=True)
    term.line(f"cd {name}; {command}")
    settle(machine, term, f"{host.home}/{name}", "sleep")


def noticed(term):
    """Behind that, what is typed is not thrown away any more (KEYBOARD_NOTICED_US)."""
    term.expect("ready$")       # drawn by the model it is cut in two
    time.sleep(0.8)


def in_new_shell(term, where="~/work", was="sleep"):
    term.expect(RESTARTED)
    term.expect(f" in {where} (was: {was})")


def end_all(host, machine, *terms):
    host.finish(*terms)
    wait_until(lambda: not machine.remains(), what="something is left of sessions that ended")


# The window that waits.

def test_the_window_is_in_a_new_shell_where_it_was(host, machine):
    term = host.shell(env=SHOWN, cols=150)
    session = host.output_of(term, "echo $BELAY_SESSION")
    work_in(host, machine, term)
    machine.reboot()
    in_new_shell(term)
    noticed(term)
    assert host.output_of(term, "pwd") == f"{host.home}/work\n"
    assert host.output_of(term, "echo $BELAY_SESSION") == session
    end_all(host, machine, term)


def test_nothing_that_was_typed_for_what_is_gone_reaches_the_new_shell(host, machine):
    """`y` and Enter for a program that asked, while it and its host were going; and such that are
    typed as the new shell begins."""
    term = host.shell(env=SHOWN, cols=150)
    work_in(host, machine, term)
    host.proxy.drop(up=True, down=True)
    machine.sshd.stop()
    term.expect("belay: testhost: ")
    term.type(f"touch {host.home}/typed\r")
    term.type("y\r")
    host.proxy.heal()
    host.proxy.cut()
    machine.reboot()
    while b"new shell" not in term.raw:
        term.type(f"touch {host.home}/typed\ry\r")
        term.pump(0.05)
    for _ in range(5):
        term.type(f"touch {host.home}/typed\r")
        term.pump(0.05)
    term.expect(re.compile(rb"\d+ bytes that you typed were not sent"))
    noticed(term)
    assert not (host.home / "typed").exists()
    end_all(host, machine, term)


def test_a_session_that_was_killed_is_asked_about(host, machine):
    term = host.shell(env=SHOWN, cols=150)
    work_in(host, machine, term)
    machine.kill_all()
    term.type("y\r")       # for what ran there
    term.expect("it ended or was killed on the host; Enter begins another, ~. leaves")
    term.expect("the session ended on the host; for a new one: press Enter")
    assert not [one for one in host.processes() if "hold" in one.argv]
    term.type("n")          # nothing but Enter begins one
    time.sleep(1)
    assert b"new shell" not in term.raw
    term.type("\r")
    term.expect("the session ended on the host; new shell in ~/work (was: sleep)")
    term.expect("; 1 byte that you typed was not sent")
    noticed(term)
    assert host.output_of(term, "pwd") == f"{host.home}/work\n"
    end_all(host, machine, term)


def test_who_is_asked_may_leave(host, machine):
    term = host.shell(env=SHOWN, cols=150)
    work_in(host, machine, term)
    machine.kill_all()
    term.expect("for a new one")    # before that, what is typed waits for the session
    term.expect("to leave press ~, then .")
    term.type("no")         # goes nowhere, so that it stays the beginning of a line
    term.pump(0.5)
    term.type("~.")
    assert term.wait_exit() == 255
    assert b"2 bytes that you typed were not sent" in term.raw
    back = host.belay(env=SHOWN, cols=150)
    back.expect("the session ended on the host; new shell in ~/work (was: sleep)")
    back.expect(PROMPT)
    end_all(host, machine, back)


@pytest.mark.parametrize("again", ["ask", "always", "never"])
def test_again(host, machine, again):
    term = host.shell(f"--again={again}", env=SHOWN, cols=150)
    work_in(host, machine, term)
    if again == "ask":
        machine.reboot()
        term.expect("the host was restarted; for a new session: press Enter")
        time.sleep(0.9)
        term.type("\r")
        in_new_shell(term)
    elif again == "always":
        machine.kill_all()
        term.expect("the session ended on the host; new shell in ~/work")
    else:
        machine.reboot()
        term.expect("the host has been rebooted; the session is gone")
        assert term.wait_exit() == 255
        return
    noticed(term)
    end_all(host, machine, term)


def test_a_command_ends(host, machine):
    with host.popen(belay_argv(host) + ["echo begun; sleep 1000"]) as child:
        assert child.stdout.readline() == b"begun\n"
        machine.reboot()
        out, err = child.communicate(timeout=60)
        assert child.returncode == 255 and b"rebooted" in err and not out
    assert not machine.remains()


def test_forwards_are_there_again(host, machine):
    listens = host.dir / "here.sock"
    leads = host.dir / "there.sock"
    term = host.shell("-L", f"{listens}:{leads}", "-o", "StreamLocalBindUnlink=yes", env=SHOWN,
                      cols=150)
    work_in(host, machine, term)
    machine.reboot(signal.SIGTERM)
    in_new_shell(term)
    noticed(term)
    term.line("python3 -c \"import socket; s = socket.socket(socket.AF_UNIX); "
              f"s.bind('{leads}'); s.listen(); print('lis' + 'tens'); "
              "c = s.accept()[0]; c.sendall(b'through'); c.close()\"")
    term.expect("listens")
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(listens))
        assert client.recv(100) == b"through"
    term.expect(PROMPT)
    end_all(host, machine, term)


def test_the_agent_is_there_again(host, machine):
    host.configure(test_agent.USES_AGENT)
    agent = test_agent.Agent(host.dir)
    try:
        agent.add(host.keys / "client")
        term = host.shell("-A", env=SHOWN | agent.env, cols=150)
        key = host.output_of(term, "ssh-add -l")
        assert "SHA256:" in key
        work_in(host, machine, term)
        machine.reboot()
        in_new_shell(term)
        noticed(term)
        assert host.output_of(term, "ssh-add -l") == key
        end_all(host, machine, term)
    finally:
        agent.child.terminate()
        agent.child.wait()


def test_it_takes_no_longer_than_a_login(host, machine):
    host.finish(host.shell())
    began = time.monotonic()
    first = host.shell()
    login = time.monotonic() - began
    host.finish(first)
    term = host.shell()
    work_in(host, machine, term)
    machine.sshd.stop()
    machine.kill_all()
    machine.write_boot_id()
    term.pump(1)
    logins = machine.sshd.log().count("Accepted publickey")
    machine.sshd.start()
    host.proxy.target = ("127.0.0.1", machine.sshd.port)
    term.type("\x15")      # tries at once
    wait_until(lambda: "Accepted publickey" in machine.sshd.log()[-3000:])
    began = time.monotonic()
    term.expect("new shell")
    noticed(term)
    assert time.monotonic() - began - 0.9 < 2 * login + 0.5
    assert machine.sshd.log().count("Accepted publickey") <= logins + 2     # one, or one beside it
    end_all(host, machine, term)


# Another window.

def test_the_next_window_is_there_too(host, machine):
    term = host.shell(env=WINDOW_CLOSES)
    work_in(host, machine, term)
    term.hang_up()
    wait_until(lambda: not os.path.exists(f"/proc/{term.pid}"), what="belay runs on")
    machine.reboot()
    back = host.belay(cols=150)
    in_new_shell(back)
    back.expect(PROMPT)
    assert host.output_of(back, "pwd") == f"{host.home}/work\n"
    end_all(host, machine, back)


def test_a_name_finds_what_is_left(host, machine):
    term = host.shell("--session", "mine", env=WINDOW_CLOSES)
    work_in(host, machine, term)
    term.hang_up()
    wait_until(lambda: not os.path.exists(f"/proc/{term.pid}"), what="belay runs on")
    machine.reboot()
    back = host.belay("--session", "mine", cols=150)
    in_new_shell(back)
    back.expect(PROMPT)
    (left,) = machine.remains()
    settle(machine, back, "mine")
    assert len(machine.remains()) == 1
    end_all(host, machine, back)


def test_two_clients(host, machine):
    """The one that comes second is beside the other, whichever it is."""
    one = host.shell("--session", "both", env=SHOWN, cols=150)
    two = host.belay("--session", "both", "--share", env=SHOWN, cols=150)
    two.expect("ready$")
    work_in(host, machine, one)
    machine.reboot()
    for term in one, two:
        in_new_shell(term)
        noticed(term)
    one.line("echo from-''one")
    two.expect("from-one")
    two.expect(PROMPT)
    two.line("echo from-''two")
    one.expect("from-two")
    assert len([term for term in host.processes() if "hold" in term.argv[1:]]) == 1
    one.line("exit 0")
    assert one.wait_exit() == 0 and two.wait_exit() == 0


def test_windows_that_share_a_login(host, machine):
    """Each is where it was; one of them has logged in for both."""
    shared = {**SHOWN, "BELAY_ALONE": None}
    host.finish(host.shell(env=shared))     # where the server has been before
    terms = [host.shell(env=shared, cols=150) for _ in range(2)]
    for i, term in enumerate(terms):
        work_in(host, machine, term, name=f"work{i}")
    machine.reboot()
    for i, term in enumerate(terms):
        in_new_shell(term, where=f"~/work{i}")
        noticed(term)
    end_all(host, machine, *terms)


def test_the_list_shows_what_is_left(host, machine):
    term = host.shell("--session", "mine")
    work_in(host, machine, term)
    listed = host.piped(belay_argv(host, "--list", "--json"))
    (row,) = json.loads(listed.stdout)
    assert not row["remains"]
    machine.sshd.stop()
    term.type("\r~.")
    term.wait_exit()
    machine.reboot()
    (row,) = json.loads(host.piped(belay_argv(host, "--list", "--json")).stdout)
    assert row["remains"] and row["name"] == "mine" and row["running"] == "sleep"
    assert row["directory"] == f"{host.home}/work" and row["last_line"] == ""
    table = host.piped(belay_argv(host, "--list")).stdout.decode()
    assert re.search(r"mine +sleep +\d+ s +gone +~/work", table), table
    done = host.piped(belay_argv(host, "--kill", "mine"))
    assert done.returncode == 0 and not machine.remains()
    assert b"no sessions" in host.piped(belay_argv(host, "--list")).stdout
    assert host.piped(belay_argv(host, "--kill", "mine")).returncode == 1


# What is on the disk.

def test_what_is_on_the_disk(host, machine):
    """Neither what was shown nor a command line, nor the environment; for nobody else."""
    term = host.shell(env={"LC_SECRET": "in-environment"})
    term.line("echo sho''wn; PS1='ready$ ' SECRET=in-environment")
    term.expect("shown")
    work_in(host, machine, term, command="sleep 1000 # in-words")
    term.type("\x03")
    term.expect(PROMPT)
    term.line("exec -a sleep sleep 999")
    wait_until(lambda: [one for one in host.processes() if one.argv == ["sleep", "999"]])
    kill_link(term)     # when the client goes it is written, 30 s or not
    term.pump(3)
    (path,) = machine.remains()
    text = path.read_bytes()
    for secret in (b"shown", b"in-environment", b"in-words", b"999", b"PS1"):
        assert secret not in text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.parent.parent.stat().st_mode) == 0o700
    machine.kill_all()


def test_history_is_kept_where_it_is_wanted(host, machine):
    term = host.shell("--keep-history", env=WINDOW_CLOSES)
    term.line("seq -f 'row-%g' 300")
    term.expect("row-300")
    work_in(host, machine, term, command="sleep 999")
    settle(machine, term, "row-300")
    term.hang_up()
    wait_until(lambda: not os.path.exists(f"/proc/{term.pid}"), what="belay runs on")
    machine.reboot()
    back = host.belay(cols=150)
    in_new_shell(back, was="sleep 999")
    back.expect("row-1\r\n")
    back.expect("row-300\r\n")
    back.expect(PROMPT)
    back.expect(PROMPT)
    assert not [one for one in host.processes() if one.argv[:1] == ["sleep"]]   # nor typed
    assert host.output_of(back, "pwd") == f"{host.home}/work\n"
    end_all(host, machine, back)


def test_a_full_disk(host, machine):
    """The session goes on, and what was written before is whole."""
    state = host.home / ".local/state"
    machine.sshd.stop()
    host.mount(state, "-t", "tmpfs", "-o", "size=256k,mode=700", "none")
    machine.sshd.start()        # in a namespace that has it
    host.proxy.target = ("127.0.0.1", machine.sshd.port)
    term = host.shell("--keep-history")
    work_in(host, machine, term)
    (path,) = machine.remains()
    before = path.read_bytes()
    with contextlib.suppress(OSError):
        (state / "fill").write_bytes(bytes(1 << 20))
    term.type("\x03")
    term.expect(PROMPT)
    term.line("seq 20000; cd /; sleep 998")
    term.expect("20000")
    term.hang_up()
    time.sleep(2)       # it is written a second after the client went
    assert path.read_bytes() == before
    assert [one.name for one in path.parent.iterdir()] == [path.name]
    machine.kill_all()


def test_two_machines_with_one_home(host):
    """Each has its own; and where the other one answers the window waits."""
    if os.getuid():
        pytest.skip("needs root, to be two machines")
    host.may_leave_sockets = True
    machines = []
    for i in range(2):
        folder, run = host.dir / f"sshd-{i}", host.dir / f"run-{i}"
        folder.mkdir()
        run.mkdir(mode=0o700)
        sshd = Sshd(folder, host.sshd.shell, {**host.sshd.setenv, "BELAY_RUN_DIR": run})
        sshd.home = host.home
        sshd._write_users()
        machines.append(Machine(host, sshd, i))
        sshd.start()
    one, two = machines
    host.proxy.target = ("127.0.0.1", one.sshd.port)
    term = host.shell("--session", "mine", env=SHOWN, cols=150)
    work_in(host, one, term)
    one.sshd.stop()
    one.kill_all()
    one.write_boot_id()
    host.proxy.target = ("127.0.0.1", two.sshd.port)
    host.proxy.cut()
    term.expect("another machine of this name answers")
    other = host.belay("--session", "mine", "--new", env=SHOWN, cols=150)
    other.expect(PROMPT)
    assert b"new shell" not in other.raw       # what is left on the first is not the second's
    host.finish(other)
    assert b"new shell" not in term.raw
    one.sshd.start()
    host.proxy.target = ("127.0.0.1", one.sshd.port)
    term.type("\x15")
    in_new_shell(term)
    noticed(term)
    end_all(host, one, term)
    host.wait_gone()
    for machine in machines:
        machine.sshd.stop()
