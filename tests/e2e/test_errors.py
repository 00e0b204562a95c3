"""Proves that what cannot work ends soon, with a clear line, as ssh would end, and with
the terminal as it was.
"""

import os
import random
import signal

import pytest

from harness import belay_path


def failed(term, *status):
    """Waits for the failure; returns the lines of the program and those of belay."""
    assert term.wait_exit(30) in (status or [255])
    term.assert_sane()
    lines = term.text_lines()
    return lines, [line for line in lines if "belay: " in line]


def one_line(term, *status):
    """The one line in which belay says why it ends."""
    lines, own = failed(term, *status)
    assert len(own) == 1, f"not one line of belay: {lines}"
    return own[0]


@pytest.mark.parametrize("option", ["-9", "-Y9", "--no-such-option"])
def test_unknown_option(host, option):
    lines, own = failed(host.belay(option))
    assert "usage" in "\n".join(lines).lower()
    assert len(own) <= 1 and host.proxy.accepted == 0


def test_no_destination(host):
    lines, own = failed(host.start([belay_path()]))
    assert "usage" in "\n".join(lines).lower()
    assert len(own) <= 1


def test_unknown_host(host):
    lines, _ = failed(host.belay(to="nosuch.invalid"))
    (line,) = filter(None, lines)       # it may be ssh's
    assert "nosuch.invalid" in line


def test_nothing_listens(host):
    """A first connection that is refused is told, not tried for ever."""
    host.sshd.stop()
    host.configure(port=host.sshd.port)
    lines, own = failed(host.belay())
    assert any("refused" in line for line in lines)
    assert len(own) <= 1


def test_refused_login(host):
    host.configure("BatchMode yes", key="stranger")
    lines, own = failed(host.belay())
    assert any("Permission denied" in line for line in lines)
    assert len(own) <= 1
    assert host.proxy.accepted == 1 and host.proxy.refused == 0


def test_changed_host_key(host):
    host.configure(host_key="stranger")
    lines, own = failed(host.belay())
    assert any("HOST IDENTIFICATION HAS CHANGED" in line for line in lines)
    assert len(own) <= 1
    assert host.proxy.accepted == 1


@pytest.mark.parametrize("env", [{"PATH": ""}, {"BELAY_SSH": "/nonexistent/ssh"}])
def test_missing_ssh(host, env):
    line = one_line(host.belay(env=env))
    assert "BELAY_SSH" in line or env.get("BELAY_SSH", "ssh") in line


# Hosts that talk nonsense.

def test_garbage_and_end(make_host, tmp_path):
    (tmp_path / "garbage").write_bytes(random.Random(1).randbytes(100_000))
    host = make_host(sshd_config=f"ForceCommand cat {tmp_path}/garbage; exit 3")
    term = host.belay()
    one_line(term, 255, 3)
    assert len(term.raw) < 2000, "the garbage is shown"


@pytest.mark.parametrize("command", ["cat /dev/zero", "yes", "cat /dev/urandom"])
def test_endless_garbage(make_host, command):
    host = make_host(sshd_config=f"ForceCommand exec {command}")
    term = host.belay()
    one_line(term)
    assert len(term.raw) < 2000, "the garbage is shown"
    host.wait_gone()


@pytest.mark.skip(reason="needs the fake server of tests/")
def test_protocol_of_another_version():
    """A server that speaks another version: one line that names both."""


# Sessions that are gone.

def test_session_that_is_gone(host):
    host.may_leave_sockets = True
    term = host.shell()
    os.kill(host.holder(term).pid, signal.SIGKILL)
    host.proxy.cut()
    assert "session" in one_line(term)


def test_session_that_went_during_an_outage(host):
    host.may_leave_sockets = True
    term = host.shell()
    holder = host.holder(term)
    host.proxy.refuse()
    host.proxy.cut()
    term.wait_until(lambda: host.proxy.refused)
    os.kill(holder.pid, signal.SIGKILL)
    host.proxy.accept()
    assert "session" in one_line(term)
