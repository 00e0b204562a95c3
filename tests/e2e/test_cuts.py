"""Proves that a session survives every failure of the network, and that no byte of
either direction is lost, doubled or out of order.

All randomness comes from SEED, which is printed; BELAY_E2E_SEED sets it.
"""

import hashlib
import os
import random
import re
import signal
import sys

import pytest

import host_program
from harness import HOST_PROGRAM, PROMPT, SEED, kill_link, ssh_children
from term import without_drawing

SOON = 15       # seconds in which a dead link must have been replaced
CUTS = 200
LINES = 200_000
END = re.compile(rb"hp:end (\w+) (\w+)\n")


@pytest.fixture
def rng():
    print(f"seed {SEED}: set BELAY_E2E_SEED to repeat")
    return random.Random(SEED)


def run_program(term, *args):
    """Starts host_program.py; returns the offset at which its output begins."""
    term.line(" ".join(map(str, (sys.executable, HOST_PROGRAM, *args))))
    term.expect("hp:begin\n")
    return term.at


def program_result(term, start, timeout=60):
    """The output of the program, once it is proved to be what it wrote."""
    match = term.expect(END, timeout)
    data = without_drawing(term.raw[start:match.start()])
    output, input_ = (group.decode() for group in match.groups())
    return data, hashlib.sha256(data).hexdigest() == output, input_


def same(have, want):
    """Whether two byte strings are equal; says where they are not."""
    if have == want:
        return True
    at = next((at for at, pair in enumerate(zip(have, want)) if pair[0] != pair[1]),
              min(len(have), len(want)))
    print(f"{len(have)} bytes instead of {len(want)}; they differ at {at}:\n"
          f"have {have[max(at - 40, 0):at + 80]}\nwant {want[max(at - 40, 0):at + 80]}")
    return False


def away(host, term):
    """Takes the network away until proxy.accept(); returns when belay has noticed."""
    host.proxy.refuse()
    host.proxy.cut()
    term.wait_until(lambda: host.proxy.refused)


def run_when_away(host, term, command):
    """Types a command, takes the network away, and only then lets the command run."""
    out = host.out
    term.line(f"touch {out}/here; until [ -e {out}/go ]; do sleep 0.05; done; {command}")
    term.wait_until((out / "here").exists)
    away(host, term)
    (out / "go").touch()


# One failure each.

def cut_by_reset(host, term):
    assert host.proxy.cut() == 1


def cut_by_kill(host, term):
    assert kill_link(term)


def cut_by_end(host, term):
    assert kill_link(term, signal.SIGTERM)


@pytest.mark.parametrize("cut", [cut_by_reset, cut_by_kill, cut_by_end])
def test_link_that_ends(host, cut):
    term = host.shell()
    term.type("echo one li''ne in ")
    term.expect("one li''ne in ")
    cut(host, term)
    term.type("tw''o parts\r")
    term.expect("one line in two parts", SOON)
    assert host.proxy.accepted >= 2
    host.finish(term)


@pytest.mark.parametrize("up,down", [(True, True), (True, False), (False, True)])
def test_link_that_falls_silent(host, up, down):
    term = host.shell()
    term.say("before")
    host.proxy.drop(up=up, down=down)
    term.say("after", SOON)
    assert host.proxy.accepted >= 2
    term.wait_until(lambda: len(host.relays()) <= 1, what="the end of the old relay")
    assert term.raw.count(b"after\r\n") == 1
    host.finish(term)


def test_stall_that_passes(host):
    """Whether the old link comes back or a new one wins, all arrives once."""
    term = host.shell()
    for round_ in range(3):
        host.proxy.stall()
        term.line(f"echo ro''und-{round_}")
        term.pump(1 + round_)   # how long the network is away
        host.proxy.heal()
        term.expect(f"round-{round_}", SOON)
        assert term.raw.count(b"round-%d\r\n" % round_) == 1
    host.finish(term)


def test_network_away_and_back(host):
    """New connections fail in the two ways of a dead network, then pass."""
    term = host.shell()
    host.proxy.refuse()
    host.proxy.cut()
    term.wait_until(lambda: host.proxy.refused >= 3)
    host.proxy.drop(new=True)
    accepted = host.proxy.accepted
    term.wait_until(lambda: host.proxy.accepted > accepted)
    host.proxy.heal()
    term.say("back", timeout=60)
    host.finish(term)


def test_typed_during_an_outage(host, rng):
    term = host.shell()
    want = b"".join(b"%04d %016x\n" % (at, rng.getrandbits(64)) for at in range(200))
    run_program(term, "read", len(want), host.out / "read")
    away(host, term)
    for at in range(0, len(want), 97):
        term.type(want[at:at + 97])
        term.pump(0.01)
    host.proxy.accept()
    digest = term.expect(END, 30).group(2).decode()
    assert same((host.out / "read").read_bytes(), want)
    assert digest == hashlib.sha256(want).hexdigest()
    term.expect(PROMPT)
    host.finish(term)


def test_output_during_an_outage(host):
    term = host.shell()
    run_when_away(host, term, "seq -f 'line %04.0f' 1 300; "
                  f"touch {host.out}/written; echo la''st")
    term.wait_until((host.out / "written").exists)
    assert b"line 0300" not in term.raw
    host.proxy.accept()
    term.expect("last", 30)
    want = "".join(f"line {number:04}\r\n" for number in range(1, 301)).encode()
    assert want in without_drawing(term.raw)
    host.finish(term)


def test_window_changed_during_an_outage(host):
    term = host.shell()
    away(host, term)
    term.resize(22, 88)
    host.proxy.accept()
    term.line('until [ "$(stty size)" = "22 88" ]; do sleep 0.1; done; echo ch""anged')
    term.expect("changed", 30)
    host.finish(term)


def test_shell_that_ends_during_an_outage(host):
    term = host.shell()
    run_when_away(host, term, "echo la''st; exit 9")
    term.wait_until(lambda: not host.running("-bash"))
    host.proxy.accept()
    assert term.wait_exit(30) == 9
    assert without_drawing(term.raw).count(b"last\r\n") == 1
    term.assert_sane()


def test_sshd_away_for_a_while(host):
    host.configure(port=host.sshd.port)     # connections are refused by the kernel
    term = host.shell()
    host.sshd.stop()
    term.line("echo af''ter")
    term.pump(4)                            # how long it is away
    assert term.status is None
    host.sshd.start()
    term.expect("after", 30)
    host.finish(term)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_shared_connection_that_dies(make_host, number):
    host = make_host()
    host.configure(f"ControlMaster auto\nControlPath {host.client_home}/cm")
    assert host.ssh("-M", "-N", "-f").wait_exit() == 0
    master = next(one for one in host.client_processes() if one.name == "ssh")
    term = host.shell()
    os.kill(master.pid, number)
    host.proxy.cut()
    term.say("back", SOON)
    host.finish(term)
    if number == signal.SIGSTOP:
        os.kill(master.pid, signal.SIGKILL)


def test_old_links_are_closed(host):
    term = host.shell()
    for round_ in range(6):
        (host.proxy.cut, lambda: kill_link(term))[round_ % 2]()
        term.say(f"round-{round_}", SOON)
    term.wait_until(lambda: host.sshd.connections() == 1 and len(host.relays()) <= 1
                    and len(ssh_children(term)) == 1, what="the end of the old links")
    host.finish(term)


# Streams, byte by byte.

def test_output_at_full_speed(host, rng):
    term = host.shell()
    sizes = [rng.randrange(20_000, 600_000) for _ in range(8)]
    host.proxy.cut_after(sizes[0], "down", sizes[1:])
    start = run_program(term, "write", LINES)
    data, _, _ = program_result(term, start, 90)
    assert same(data, host_program.lines(LINES))
    assert host.proxy.cuts >= 4
    host.proxy.heal()
    host.finish(term)


def test_input_at_full_speed(host, rng):
    term = host.shell()
    want = host_program.lines(6000)
    run_program(term, "read", len(want), host.out / "read")
    sizes = [rng.randrange(8_000, 25_000) for _ in range(6)]
    host.proxy.cut_after(sizes[0], "up", sizes[1:])
    term.type(want)
    digest = term.expect(END, 60).group(2).decode()
    assert same((host.out / "read").read_bytes(), want)
    assert digest == hashlib.sha256(want).hexdigest()
    assert host.proxy.cuts >= 3
    host.proxy.heal()
    term.expect(PROMPT)
    host.finish(term)


def test_input_of_a_cooked_terminal(host, rng):
    term = host.shell()
    path = host.out / "typed"
    term.line(f"stty -echo; cat >{path}; stty echo; echo do''ne")
    term.wait_until(path.exists)
    want = [b"%04d %08x\n" % (number, rng.getrandbits(32)) for number in range(1000)]
    for first in range(0, 1000, 100):
        if first % 300 == 0:
            host.proxy.cut()
        term.type(b"".join(want[first:first + 100]))
        term.pump(0.05)
    term.type("\x04")
    term.expect("done", 30)
    assert same(path.read_bytes(), b"".join(want))
    host.finish(term)


def test_hundreds_of_cuts(host, rng):
    term = host.shell()
    start = run_program(term, "both")
    first = host.proxy.accepted
    want = []
    for number in range(CUTS):
        # Not only links that die young: belay may make such wait for each other.
        term.pump(0.25 if number % 2 else rng.random() * 0.03)
        if rng.random() < 0.1:
            kill_link(term)
        else:
            host.proxy.cut()
        want.append(b"%05d %08x\n" % (number, rng.getrandbits(32)))
        term.type(want[-1][:7])
        term.type(want[-1][7:])
        term.expect(b"got " + want[-1], SOON)
    term.type("end\n")
    data, right, input_ = program_result(term, start)
    known = re.compile(rb"(tick|got) \d+ \w+")
    assert right, [line for line in data.split(b"\n") if not known.fullmatch(line)]
    assert input_ == hashlib.sha256(b"".join(want) + b"end\n").hexdigest()
    ticks = re.findall(rb"^tick (\d+) ", data, re.M)
    assert list(map(int, ticks)) == list(range(1, len(ticks) + 1))
    assert re.findall(rb"^got (.*\n)", data, re.M) == want
    assert host.proxy.accepted - first >= CUTS
    assert host.sshd.logins() > CUTS
    host.finish(term)


def test_cuts_while_connecting(host, rng):
    """The link is cut at every stage of its start, and then is let through."""
    term = host.shell()
    sizes = sorted(rng.randrange(50, 6_000) for _ in range(8))
    host.proxy.cut_after(sizes[0], "down", sizes[1:])
    host.proxy.cut()
    term.line("echo thr''ough")
    term.pump(30, lambda: b"through" in term.raw or host.proxy.cuts > len(sizes))
    assert host.proxy.cuts >= 3
    host.proxy.heal()
    term.expect("through", 30)
    assert term.raw.count(b"through\r\n") == 1
    host.finish(term)
