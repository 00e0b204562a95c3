"""Proves that belay connects where it can, that nobody notices but by the time it takes,
and that ssh connects where belay cannot do as it does.
"""

import contextlib
import os
import pathlib
import re
import signal
import socket
import subprocess

import pytest

from harness import belay_argv, kill_link, ssh_children, wait_until

OURS = re.compile(r"belay: \S+ port \d+: connected")
RELAY = """\
import os, socket, sys, threading
sock = socket.create_connection((sys.argv[1], int(sys.argv[2])))
def copy(read, write):
    while True:
        data = read()
        if not data:
            os._exit(0)
        write(data)
threading.Thread(target=copy, args=(lambda: sock.recv(65536),
                                    lambda data: os.write(1, data))).start()
copy(lambda: os.read(0, 65536), sock.sendall)
"""


def run(host, *options, command=("true",), **more):
    """A command through belay -v; returns the status and what was said."""
    done = host.piped([*belay_argv(host, "-v", *options), *command], **more)
    return done.returncode, done.stderr.decode()


def is_ours(host, *options):
    status, said = run(host, *options)
    assert status == 0, said
    return bool(OURS.search(said))


def ours(term):
    """The connections of ours that a belay -v in a terminal has told of."""
    return OURS.findall(term.raw.decode(errors="replace"))


def relay(host):
    """A program that ssh can be told to connect with."""
    path = host.dir / "relay.py"
    path.write_text(RELAY)
    return f"/usr/bin/python3 {path} %h %p"


@contextlib.contextmanager
def black_hole(family=socket.AF_INET, port=0):
    """A port of loopback where nobody is refused and nobody gets through."""
    with socket.socket(family) as listener, contextlib.ExitStack() as stack:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", port))
        listener.listen(0)
        for _ in range(4):      # until its queue is full
            filler = stack.enter_context(socket.socket(family))
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def test_the_connection_is_ours(host):
    assert is_ours(host)
    status, said = run(host, command=("echo $SSH_CONNECTION >&2",))
    assert status == 0
    assert re.search(r"^127\.0\.0\.1 \d+ 127\.0\.0\.1 \d+$", said, re.M), said


def connections_of(pid):
    """Its TCP connections."""
    tables = [pathlib.Path(f"/proc/net/{name}").read_text() for name in ("tcp", "tcp6")]
    inodes = {line.split()[9] for table in tables for line in table.splitlines()[1:]}
    found = 0
    for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            found += os.readlink(entry).removeprefix("socket:[").rstrip("]") in inodes
    return found


def test_the_connection_is_left_to_ssh(host):
    """When it has logged in, and on a reconnect too: if ssh closes it, it is closed."""
    term = host.shell("-v")
    assert ours(term)
    assert connections_of(term.pid) == 0
    kill_link(term)
    term.expect("connecting -> up")
    assert connections_of(term.pid) == 0
    host.finish(term)


@pytest.mark.parametrize("option", [
    "CheckHostIP yes", "BindAddress 127.0.0.1", "BindInterface lo",
    "ConnectionAttempts 2", "CanonicalizeHostname yes", "ProxyCommand {relay}",
    "NoHostAuthenticationForLocalhost yes",
])
def test_left_to_ssh(host, option):
    host.configure(option.format(relay=relay(host)))
    assert not is_ours(host)


def test_a_shell_that_ssh_cannot_use_for_us(host):
    status, said = run(host, env={"SHELL": "/bin/true"})
    assert status == 0 and not OURS.search(said)


@pytest.mark.parametrize("options", [[], ["-q"], ["-o", "LogLevel=FATAL"]])
@pytest.mark.parametrize("where", ["refused", "unknown"])
def test_words_are_those_of_ssh(host, options, where):
    if where == "refused":
        host.sshd.stop()
        host.configure(port=host.sshd.port)
    else:
        host.configure("HostName nosuch.invalid")
    ours = host.piped([*belay_argv(host, *options), "true"])
    theirs = host.piped(["ssh", *belay_argv(host, *options)[1:], "true"])
    assert (ours.returncode, ours.stderr) == (theirs.returncode, theirs.stderr)
    assert ours.stderr or options


def test_connect_timeout(host):
    with black_hole() as port:
        host.configure("ConnectTimeout 1", port=port)
        status, said = run(host)
    assert status == 255
    assert f"ssh: connect to host 127.0.0.1 port {port}: Connection timed out\n" \
        in said.replace("\r", "")


def test_addresses_are_tried_side_by_side(host):
    """ssh alone would wait for the first one, for minutes."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(black_hole(socket.AF_INET6, host.proxy.port))
        except OSError as error:
            pytest.skip(f"no IPv6 here: {error}")
        hosts = host.dir / "hosts"
        hosts.write_text("::1 both.test\n127.0.0.1 both.test\n")
        host.configure("HostName both.test")
        done = host.piped(["unshare", "-m", "sh", "-c",
                           f"mount --bind {hosts} /etc/hosts && exec \"$@\"", "sh",
                           *belay_argv(host, "-v"), "true"])
    said = done.stderr.decode()
    if "unshare" in said or "mount" in said:
        pytest.skip("no names of one's own: this wants root")
    assert done.returncode == 0, said
    assert "belay: ::1 port" in said and OURS.search(said), said


def test_question_about_a_new_key(host):
    """It names the address, which an ssh that is given a connection does not know."""
    host.configure("StrictHostKeyChecking ask")
    key = host.dir / "known_hosts"
    key.rename(host.dir / "kept")
    term = host.start([*belay_argv(host, "-v"), "true"])
    term.expect(re.compile(rb"authenticity of host '[^']*\(\[?127\.0\.0\.1\]?[:0-9]*\)'"))
    term.expect("?")
    term.line("yes")
    assert term.wait_exit() == 0
    assert "testhost" in key.read_text()
    assert is_ours(host)


def test_question_about_a_key_that_is_forgotten_meanwhile(host):
    """ssh-keygen -R during a session: the question on the reconnect names the address, too."""
    host.configure("StrictHostKeyChecking ask")
    term = host.shell(env={"BELAY_STATUS": None}, emulate=True)
    (host.dir / "known_hosts").write_text("")
    host.proxy.cut()
    term.wait_screen("ANOTHER HOST KEY.*press Enter")
    term.line("")
    term.wait_screen(r"authenticity of host 'testhost \(\[127\.0\.0\.1\]")
    for page in range(2, 7):
        term.line("")
        term.wait_screen(rf"\({page}/6, ")
    term.line("yes")
    term.say("answered")
    assert "testhost" in (host.dir / "known_hosts").read_text()
    host.finish(term)


def test_a_shared_connection_is_used(host):
    def settled():
        """The client's last word, which ends a session, goes through the master as well."""
        return not [one for one in host.processes() if "hold" in one.argv]

    path = host.dir / "master"
    host.configure(f"ControlPath {path}")
    assert is_ours(host)        # no master yet
    with host.popen(["ssh", "-F", host.cfg, "-MN", "testhost"]) as master:
        wait_until(path.exists)
        before = host.proxy.accepted
        assert not is_ours(host)
        assert host.proxy.accepted == before
        wait_until(settled)
        master.terminate()
    host.configure(f"ControlPath {path}\nControlMaster auto\nControlPersist yes")
    assert not is_ours(host)
    wait_until(settled)
    subprocess.run(["ssh", "-F", host.cfg, "-O", "exit", "testhost"], check=True,
                   env=host.client_env(), stderr=subprocess.DEVNULL)


def test_a_dead_shared_connection_does_not_hang_us(host):
    path = host.dir / "master"
    host.configure(f"ControlPath {path}")
    with host.popen(["ssh", "-F", host.cfg, "-MN", "testhost"]) as master:
        wait_until(path.exists)
        host.proxy.drop()
        done = host.piped([*belay_argv(host), "echo through"])
        assert (done.returncode, done.stdout) == (0, b"through\n"), done
        assert b"the shared connection does not answer" in done.stderr
        master.kill()


def test_reconnects_are_ours_too(host):
    term = host.shell("-v")
    assert len(ours(term)) == 1
    host.proxy.cut()
    term.wait_until(lambda: len(ours(term)) == 2)
    term.say("after")
    host.finish(term)


def test_the_configuration_is_looked_at_again(host):
    """At home there is no proxy, somewhere else there is."""
    away = host.dir / "away"
    host.configure(f"Match exec \"test -e {away}\"\n"
                   f"ProxyCommand sh -c 'echo x >>{away}; {relay(host)}'\nMatch all")
    term = host.shell("-v")
    away.touch()
    host.proxy.cut()
    term.wait_until(away.read_text)
    term.say("after")
    assert len(ours(term)) == 1
    host.finish(term)


def test_nothing_is_left_of_an_attempt_that_hangs(host):
    """The lookups, the connection and ssh go when belay is told to end."""
    with black_hole() as port:
        host.configure(port=port)
        term = host.belay()
        term.wait_until(lambda: ssh_children(term))
        term.signal(signal.SIGTERM)
        assert term.wait_exit() == 255
