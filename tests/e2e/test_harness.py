"""Proves the harness itself, with plain ssh: what it does, and that it notices."""

import hashlib
import os
import random
import re
import signal
import socket
import subprocess
import sys
import termios

import pytest

import host_program
from harness import (HOST_PROGRAM, PROMPT, RC_FILES, SHARED_PLACES, Proxy, find_shell,
                     kill_link, marked_processes, ssh_children, wait_until)
from patience import scaled
from term import Term, without_drawing


@pytest.fixture
def shell(host):
    term = host.ssh()
    term.expect(PROMPT)
    return term


# The server.

def test_login_and_status(host, shell):
    assert host.output_of(shell, "echo $HOME $SHELL") == f"{host.home} /bin/bash\n"
    assert host.output_of(shell, "echo $BELAY_TEST_ID") == f"{host.id}.host\n"
    assert host.sshd.logins() == host.sshd.connections() == host.proxy.live == 1
    shell.line("exit 7")
    assert shell.wait_exit() == 7
    shell.assert_sane()


@pytest.mark.parametrize("name", RC_FILES)
def test_every_login_shell(name, make_host, tmp_path):
    if not find_shell(name, tmp_path):
        pytest.skip(f"no {name} here")
    term = make_host(name).ssh()
    term.expect(PROMPT)
    term.say("word")
    term.line("exit")
    assert term.wait_exit() == 0


def test_environment_and_config(make_host):
    host = make_host(setenv={"FOO": "two words"}, sshd_config="ForceCommand env",
                     ssh_config="SendEnv LC_*")
    term = host.ssh(env={"LC_TEST": "passed"})
    assert term.wait_exit() == 0
    lines = term.text_lines()
    assert "FOO=two words" in lines and "LC_TEST=passed" in lines
    assert not [line for line in lines if line.startswith(("LD_", "NSS_"))]


def test_stop_and_start(host, shell):
    port = host.sshd.port
    host.sshd.stop()
    assert shell.wait_exit() == 255
    term = host.ssh()
    assert term.wait_exit() == 255
    assert host.proxy.refused == 1
    host.sshd.start()
    assert host.sshd.port == port
    again = host.ssh()
    again.expect(PROMPT)


# The proxy.

def test_cut(host, shell):
    assert host.proxy.cut() == 1
    assert shell.wait_exit() == 255
    wait_until(lambda: host.sshd.connections() == 0)
    assert "reset by peer" in host.sshd.log()


@pytest.mark.parametrize("up,down", [(1, 1), (1, 0), (0, 1)])
def test_drop(host, shell, up, down):
    shell.say("before")
    host.proxy.drop(up=up, down=down)
    shell.line(f"touch {host.out}/arrived; echo ba''ck")
    if up:
        assert not shell.pump(1, lambda: (host.out / "arrived").exists())
    else:
        wait_until((host.out / "arrived").exists)
        assert not shell.pump(0.3, lambda: b"back" in shell.raw)
    assert shell.status is None and host.proxy.live == 1
    host.proxy.heal()
    other = host.ssh()
    other.expect(PROMPT)
    host.proxy.cut()


def test_stall_loses_nothing(host, shell):
    host.proxy.stall()
    shell.line("echo la''te")
    assert not shell.pump(0.5, lambda: b"late" in shell.raw)
    host.proxy.heal()
    shell.expect("late")


def test_drop_new_and_refuse(host):
    host.proxy.drop(new=True)
    term = host.ssh("-o", "ConnectTimeout=1")
    assert term.wait_exit() == 255
    assert host.proxy.accepted == 1 and host.sshd.logins() == 0
    host.proxy.refuse()
    assert host.ssh().wait_exit() == 255
    assert host.proxy.refused == 1
    host.proxy.accept()
    host.ssh().expect(PROMPT)


def test_cut_after_exact_bytes():
    with socket.create_server(("127.0.0.1", 0)) as server:
        proxy = Proxy(server.getsockname()[1])
        proxy.cut_after(100_000, "up", then=[5])
        for size in (100_000, 5):
            client = socket.create_connection(("127.0.0.1", proxy.port))
            peer, _ = server.accept()
            assert _receive_while_sending(client, peer, b"x" * 200_000) == size
            with pytest.raises(ConnectionError):
                client.send(b"x")
                client.recv(1)
            client.close()
            peer.close()
        assert proxy.cuts == 2 and proxy.bytes == {"up": 100_005, "down": 0}
        proxy.close()


def _receive_while_sending(client, peer, data):
    client.setblocking(False)
    peer.settimeout(5)
    size = 0
    while True:
        try:
            data = data[client.send(data):]
        except (BlockingIOError, ConnectionError):
            pass
        try:
            got = len(peer.recv(65536))
        except ConnectionResetError:
            return size
        assert got, "an orderly end instead of a reset"
        size += got


# The terminal.

def test_status_signal_and_stop():
    with Term(["sh", "-c", "kill -STOP $$; kill -TERM $$"]) as term:
        assert term.pump(scaled(5), lambda: term.stops == [signal.SIGSTOP])
        term.signal(signal.SIGCONT)
        assert term.wait_exit() == -signal.SIGTERM
    with Term(["/nonexistent"]) as term:
        assert term.wait_exit() == 127


def test_changed_terminal_is_noticed():
    with Term(["stty", "raw", "-echo"]) as term:
        assert term.wait_exit() == 0
        with pytest.raises(AssertionError):
            term.assert_sane()


def test_killed_ssh_leaves_the_terminal_raw(host, shell):
    kill_link(shell)
    shell.signal(signal.SIGKILL)
    assert shell.wait_exit() == -signal.SIGKILL
    with pytest.raises(AssertionError):
        shell.assert_sane()


def test_modes_and_size(host):
    def erase_is_backspace(fd):
        modes = termios.tcgetattr(fd)
        modes[6][termios.VERASE] = b"\x08"
        termios.tcsetattr(fd, termios.TCSANOW, modes)

    term = host.ssh(modes=erase_is_backspace, rows=33, cols=77)
    term.expect(PROMPT)
    assert "erase = ^H;" in host.output_of(term, "stty -a")
    assert host.output_of(term, "stty size") == "33 77\n"
    term.resize(20, 90)
    term.line('until [ "$(stty size)" = "20 90" ]; do sleep 0.1; done; echo ch""anged')
    term.expect("changed")
    term.line("exit")
    assert term.wait_exit() == 0
    term.assert_sane()


def test_screen(host):
    term = host.ssh(emulate=True)
    term.line(r"printf '\033[2J\033[5;10Hhe''re'")
    term.wait_screen("^ {9}here")


def test_expect_says_what_there_was(shell):
    shell.say("something")
    with pytest.raises(AssertionError, match="something"):
        shell.expect("nothing", timeout=0.2)


def test_drawing_is_taken_away():
    drawn = b"ab\x1b7\x1b[1;1Hbelay: waiting\x1b8cd\x1b]0;belay\x07ef"
    assert without_drawing(drawn) == b"abcdef"


# What runs in a session.

def test_program_write(shell):
    shell.line(f"{sys.executable} {HOST_PROGRAM} write 20000")
    shell.expect("hp:begin\n")
    start = shell.at
    digest = shell.expect(re.compile(rb"hp:end (\w+) (\w+)\n")).group(1).decode()
    data = bytes(shell.raw[start:shell.raw.index(b"hp:end")])
    assert data == host_program.lines(20000)
    assert hashlib.sha256(data).hexdigest() == digest


def test_program_read(host, shell):
    data = bytes(random.Random(1).randbytes(50_000))
    shell.line(f"{sys.executable} {HOST_PROGRAM} read {len(data)} {host.out}/read")
    shell.expect("hp:begin\n")
    shell.type(data)
    digest = shell.expect(re.compile(rb"hp:end (\w+) (\w+)\n")).group(2).decode()
    assert (host.out / "read").read_bytes() == data
    assert hashlib.sha256(data).hexdigest() == digest


def test_program_both(shell):
    shell.line(f"{sys.executable} {HOST_PROGRAM} both")
    shell.expect("hp:begin\n")
    shell.expect("tick ")
    shell.type("question\n")
    shell.expect("got question\n")
    shell.type("end\n")
    shell.expect("hp:end ")


# What is left.

def test_leftovers_are_found(host, shell):
    shell.line("(exec setsid sleep 1000 </dev/null >/dev/null 2>&1 &); exit")
    assert shell.wait_exit() == 0
    sleeper = wait_until(lambda: host.running("sleep", "1000"))
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(str(host.run / "session"))
    sock.close()
    cache = host.candidates()[0]
    cache.mkdir(parents=True)
    (cache / "server.tmp.1").touch()
    left = host.leftovers()
    assert len(left) == 3
    assert left[0].startswith(f"process {sleeper.pid}: sleep 1000")
    assert left[1].startswith("socket ") and left[2].startswith("temporary file ")
    os.kill(sleeper.pid, signal.SIGKILL)
    (host.run / "session").unlink()
    (cache / "server.tmp.1").unlink()


def test_close_ends_everything(make_host):
    host = make_host()
    term = host.ssh()
    term.expect(PROMPT)
    term.line("setsid sleep 1000 & echo st''arted")
    term.expect("started")
    wait_until(lambda: host.running("sleep", "1000"))
    sshd = host.sshd.proc.pid
    assert [line for line in host.close(patience=0.5) if "sleep 1000" in line]
    assert not marked_processes(host.id + ".host")
    assert not marked_processes(host.id + ".client")
    assert not os.path.exists(f"/proc/{sshd}") and not host.dir.exists()


def test_children_of_a_client(host):
    script = f"ssh -F {host.cfg} -tt testhost; echo lo''st"
    term = host.start(["sh", "-c", script])
    term.expect(PROMPT)
    assert len(ssh_children(term)) == 1
    assert kill_link(term) == 1
    term.expect("lost")


def test_mounts_and_shared_places_are_cleaned(make_host):
    if os.getuid():
        pytest.skip("needs root to mount")
    host = make_host()
    place = host.home / ".cache"
    try:
        host.mount(place, "-t", "tmpfs", "-o", "size=16k", "none")
    except subprocess.CalledProcessError as error:
        pytest.skip(f"cannot mount here: {error.stdout}")
    with pytest.raises(OSError):
        (place / "file").write_bytes(bytes(30_000))
    new = [path for path in SHARED_PLACES if not path.exists()]
    for path in new:
        path.mkdir()
    host.close()
    assert not host.dir.exists() and not any(path.exists() for path in new)
