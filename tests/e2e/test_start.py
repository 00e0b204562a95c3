"""The first login is looked after like every later one: what happens to the network while it
runs, where there is none yet, and what is told then; a command is run once, whatever happens."""

import pathlib
import socket
import subprocess
import sys
import threading
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench/lab"))

import lab as laboratory  # noqa: E402
from harness import belay_argv, wait_until  # noqa: E402

WHY_NOT = laboratory.missing()
in_lab = pytest.mark.skipif(bool(WHY_NOT), reason=str(WHY_NOT))
LOGIN = 0.8     # seconds, with the laboratory's round trip
DOUBT = 2       # so long a login may be silent
SYN = 1         # so often a connection is asked for
WAITS = "no answer yet; waiting for one"
# Whose the connection is: belay's, or (a host key that may have to be asked about) ssh's.
BY = {"belay": "StrictHostKeyChecking yes", "ssh": "StrictHostKeyChecking ask"}
# Of a login of 14 round trips: the connection, the keys, the login, the command.
MOMENTS = [0.02, 0.1, 0.2, 0.35, 0.5, 0.65]


@pytest.fixture(params=BY)
def lab(request):
    with laboratory.Lab(rtt=0.05) as one:
        one.host.configure(f"HostName {laboratory.HOST}\n{BY[request.param]}",
                           port=one.host.sshd.port)
        one.by = request.param
        yield one


def within(lab, seconds):
    return seconds + LOGIN + 0.7


@in_lab
@pytest.mark.parametrize("moment", MOMENTS)
def test_another_address_at_any_moment(lab, moment):
    term = lab.start(belay_argv(lab.host))
    time.sleep(moment)
    lab.roam()
    term.expect("ready$", within(lab, DOUBT))
    term.line("echo he''re")
    term.expect("here")


@in_lab
@pytest.mark.parametrize("moment", [None, 0.1, 0.35, 0.5])
def test_a_network_that_is_silent_for_a_while(lab, moment):
    """From the beginning, or from that moment of the login on."""
    if moment is None:
        lab.down()
    term = lab.start(belay_argv(lab.host))
    if moment:
        time.sleep(moment)
        lab.down()
    time.sleep(8)
    lab.up()
    term.expect("ready$", within(lab, DOUBT if moment else SYN + 1))


@in_lab
def test_a_command_is_run_once(lab):
    """Also where one attempt has begun it and another one takes it over.  (Of a host that belay
    has not met, it is not known whether another program runs there: it hangs as under ssh.)"""
    lab.run([*belay_argv(lab.host), "true"])
    for number, moment in enumerate([*MOMENTS[1:], 0.55, 0.6]):
        log = lab.host.home / f"log{number}"
        term = lab.start([*belay_argv(lab.host), f"echo run >> {log}; echo do''ne; sleep 1"])
        time.sleep(moment)
        lab.roam()
        term.expect("done", within(lab, DOUBT))
        assert term.wait_exit() == 0
        assert log.read_text() == "run\n"


@in_lab
def test_a_command_that_begins_late_is_not_run_again(lab):
    """The login shell of the first attempt hangs until the command has long ended by another."""
    lab.run([*belay_argv(lab.host), "true"])
    lab.host.home_file(".bashrc", """\
if mkdir "$HOME/first" 2>/dev/null; then
    while ! [ -e "$HOME/go" ]; do sleep 0.05; done
    touch "$HOME/went"
fi
""")
    log = lab.host.home / "log"
    term = lab.start([*belay_argv(lab.host), f"echo run >> {log}; echo do''ne"])
    wait_until(lambda: (lab.host.home / "first").exists())
    lab.leave()     # the host does not hear of the end of the connection
    lab.arrive()
    term.expect("done", within(lab, DOUBT))
    assert term.wait_exit() == 0
    (lab.host.home / "go").touch()
    wait_until(lambda: (lab.host.home / "went").exists())
    wait_until(lambda: not any("attach" in one.argv for one in lab.host.processes()))
    time.sleep(0.5)
    assert log.read_text() == "run\n"


@in_lab
def test_no_way_to_the_host(lab):
    """A shell waits and says so; a command ends in ssh's words, unless it is to wait."""
    laptop = lab._laptop
    laboratory._ip("-n", laptop, "route", "del", "default")
    with lab.on_laptop():
        done = lab.host.piped([*belay_argv(lab.host), "true"])
        theirs = lab.host.piped(["ssh", *belay_argv(lab.host)[1:], "true"])
    assert (done.returncode, done.stderr) == (theirs.returncode, theirs.stderr)
    assert done.returncode == 255
    shell = lab.start(belay_argv(lab.host))
    command = lab.start([*belay_argv(lab.host, "--wait"), "echo do''ne"])
    for term in shell, command:
        term.expect("Network is unreachable")
        term.expect(WAITS)
    shell.pump(3)
    assert shell.raw.count(b"Network is unreachable") == 1
    assert shell.raw.count(WAITS.encode()) == 1
    lab._arrive()
    # One more may have been made between the address and the route; and the host has no
    # server yet.
    shell.expect("ready$", within(lab, 1))
    command.expect("done", within(lab, 1))


@in_lab
def test_it_can_be_left_while_it_waits(lab):
    lab.down()
    term = lab.start(belay_argv(lab.host))
    term.expect(WAITS)
    term.type("\x03")
    assert term.wait_exit() != 0


def shell_ends(host, *options):
    """How a shell on a terminal ends that cannot begin, and what it says."""
    term = host.start(belay_argv(host, *options))
    assert term.wait_exit() == 255
    return term.raw.decode()


def test_a_refused_connection_ends_at_once(host):
    host.sshd.stop()
    host.configure(port=host.sshd.port)
    said = shell_ends(host)
    assert "Connection refused" in said and WAITS not in said


@in_lab
@pytest.mark.parametrize("way", [True, False])
def test_a_name_that_nobody_knows(lab, way):
    """There is no such host, or no network that knows it."""
    names = lab.host.dir / "nsswitch.conf"
    names.write_text("hosts: files\n")
    if not way:
        laboratory._ip("-n", lab._laptop, "route", "del", "default")
    lab.host.configure(f"HostName nosuch.example\n{BY[lab.by]}")
    term = lab.start(["unshare", "-m", "sh", "-c",
                      f"mount --bind {names} /etc/nsswitch.conf && exec \"$@\"", "sh",
                      *belay_argv(lab.host)])
    term.expect("ssh: Could not resolve hostname nosuch.example: Name or service not known")
    if way:
        assert term.wait_exit(5) == 255
    else:
        term.expect(WAITS)


class Deaf:
    """Accepts, and says nothing to the first so many connections; the others are the host's."""

    def __init__(self, port, deaf):
        self.accepted, self.deaf, self.target = 0, deaf, port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.open = []
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.accepted += 1
            self.open.append(client)
            if self.accepted <= self.deaf:
                continue
            server = socket.create_connection(("127.0.0.1", self.target))
            for pair in ((client, server), (server, client)):
                threading.Thread(target=self.copy, args=pair, daemon=True).start()

    @staticmethod
    def copy(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        for one in (self.listener, *self.open):
            one.close()


@pytest.fixture
def deaf(request):
    made = []

    def make(host, count, extra):
        made.append(Deaf(host.sshd.port, count))
        host.configure(extra, port=made[-1].port)
        return made[-1]
    yield make
    for one in made:
        one.close()


@pytest.mark.parametrize("by", BY)
def test_a_host_that_accepts_and_says_nothing(host, deaf, by):
    door = deaf(host, 1, BY[by])
    term = host.start(belay_argv(host))
    term.expect("ready$", DOUBT + 2)
    assert door.accepted == 2
    host.finish(term)


def test_a_host_that_says_nothing_for_long_is_not_hammered(host, deaf):
    door = deaf(host, 100, BY["belay"])
    term = host.start(belay_argv(host))
    term.expect(WAITS)
    term.pump(16)
    assert door.accepted <= 5
    term.type("\x03")
    term.wait_exit()


def locked_key(host):
    """The user's key is locked, and the only one that is let in."""
    key = host.dir / "locked"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", key],
                   check=True)
    host.sshd.stop()
    host.sshd.config = f"AuthorizedKeysFile {key}.pub"
    host.sshd.start()
    return f"IdentityFile {key}"


ASKS = "Enter passphrase for key"


@pytest.mark.parametrize("by", BY)
def test_a_question_that_is_asked_is_left_alone(host, by):
    """However long the person takes, nothing runs beside it, and nothing ends it."""
    host.configure(f"{locked_key(host)}\n{BY[by]}", port=host.sshd.port)
    before = host.sshd.log().count("Connection from ")
    term = host.start(belay_argv(host))
    term.expect(ASKS)
    term.pump(3 * DOUBT)
    assert host.sshd.log().count("Connection from ") == before + 1
    assert term.raw.count(ASKS.encode()) == 1
    assert WAITS.encode() not in term.raw
    term.line("secret")
    term.expect("ready$")
    host.finish(term)


def test_a_login_that_wants_a_person_begins_anew(host, deaf):
    """Its first connection is swallowed; what runs beside it asks nobody anything."""
    key = locked_key(host)
    door = deaf(host, 1, key)
    term = host.start(belay_argv(host))
    term.expect(ASKS, DOUBT + 3)
    assert door.accepted == 3
    term.line("secret")
    term.expect("ready$")
    host.finish(term)
