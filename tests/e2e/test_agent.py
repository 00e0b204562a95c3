"""The user's agent on the host: what ssh promises of a forwarded one holds."""

import os
import pathlib
import select
import socket
import subprocess

import pytest
from harness import PATH, belay_argv, wait_until
from peer import AGENT, ATTACH, NEW, PTY, READ_ONLY, RESUME, SHARE, Peer, frame

USES_AGENT = "IdentityAgent SSH_AUTH_SOCK\n"


class Agent:
    """An ssh-agent; with `log` what it says."""

    def __init__(self, folder):
        self.path = str(folder / "agent.sock")
        self._log = folder / "agent.log"
        with self._log.open("wb") as log:
            self.child = subprocess.Popen(["ssh-agent", "-d", "-a", self.path],
                                          stdout=log, stderr=log)
        self.env = {"SSH_AUTH_SOCK": self.path}
        wait_until(lambda: os.path.exists(self.path))

    def add(self, *options, more=None):
        subprocess.run(["ssh-add", "-q", *map(str, options)], check=True,
                       env={**self.env, "PATH": PATH, **(more or {})})

    def log(self):
        return self._log.read_text(errors="replace")


@pytest.fixture
def agent(host):
    one = Agent(host.dir)
    host.configure(USES_AGENT)
    yield one
    one.child.terminate()
    one.child.wait()


def test_the_agent_keeps_its_path(host, agent):
    agent.add(host.keys / "client")
    term = host.shell("-A", env=agent.env)
    path = host.output_of(term, "echo $SSH_AUTH_SOCK").strip()
    assert path != agent.path and path.startswith((str(host.run), str(host.home)))
    key = host.output_of(term, "ssh-add -l")
    assert "SHA256:" in key
    for _ in range(2):
        host.proxy.cut()
        assert host.output_of(term, "ssh-add -l; echo $SSH_AUTH_SOCK") == f"{key}{path}\n"
    host.finish(term)
    wait_until(lambda: not os.path.exists(path))


def test_without_an_agent_there_is_none(host):
    host.configure(USES_AGENT)
    term = host.shell("-A", env={"SSH_AUTH_SOCK": "/nowhere"})
    assert host.output_of(term, "echo ${SSH_AUTH_SOCK-none}").strip() == "none"
    host.finish(term)


@pytest.mark.parametrize("options", [[], ["-A", "-a"], ["-A", "--session", "x", "--share"]])
def test_only_who_asks_forwards_one(host, agent, options):
    """And the last word counts, as under ssh."""
    term = host.shell(*options, env=agent.env)
    wanted = options[-1:] == ["--share"]
    assert (host.output_of(term, "echo ${SSH_AUTH_SOCK-none}").strip() == "none") != wanted
    host.finish(term)


def as_under_ssh(host, agent, command, options=("-A",), **more):
    """What a command on the host says, by ssh and by belay, which must be the same."""
    said = []
    for program in (["ssh", "-F", host.cfg, "-T", *options, "testhost"],
                    belay_argv(host, *options)):
        done = host.piped([*program, command], env=agent.env, **more)
        said.append((done.returncode, done.stdout))
    assert said[0] == said[1]
    return said[0]


def test_a_key_for_certain_hosts_is_for_these(host, agent):
    """ssh-add -h: a key that may be used to come here, but not from here."""
    known = host.dir / "known_hosts"
    agent.add("-H", known, "-h", "testhost", host.keys / "client")
    status, said = as_under_ssh(host, agent, "ssh-add -l")
    assert status == 1 and b"no identities" in said
    agent.add("-D")
    agent.add(host.keys / "client")
    status, said = as_under_ssh(host, agent, "ssh-add -l")
    assert status == 0 and b"SHA256:" in said


def test_nor_after_an_outage(host, agent):
    agent.add("-H", host.dir / "known_hosts", "-h", "testhost", host.keys / "client")
    term = host.shell("-A", env=agent.env)
    host.proxy.cut()
    assert "no identities" in host.output_of(term, "ssh-add -l")
    host.finish(term)


def test_it_loads_nothing_from_afar(host, agent):
    """The guard against providers that a host names (CVE-2023-38408)."""
    said = "remote addition of providers is disabled"
    status, _ = as_under_ssh(host, agent, "echo | ssh-add -s /usr/lib/libnothing.so")
    assert status
    wait_until(lambda: agent.log().count(said) == 2, what=agent.log()[-2000:])


@pytest.mark.parametrize("how", ["sshd_config", "authorized_keys"])
def test_where_the_host_forbids_it_there_is_none(make_host, how):
    config = "AllowAgentForwarding no" if how == "sshd_config" else ""
    host = make_host(sshd_config=config)
    agent = Agent(host.dir)
    try:
        host.configure(USES_AGENT)
        if how == "authorized_keys":
            keys = host.dir / "keys"
            keys.write_text("no-agent-forwarding " + (host.keys / "client.pub").read_text())
            host.sshd.stop()
            host.sshd.config = f"AuthorizedKeysFile {keys}"
            host.sshd.start()
        term = host.shell("-A", env=agent.env)
        assert host.output_of(term, "echo ${SSH_AUTH_SOCK-none}").strip() == "none"
        assert not [name for name in os.listdir(host.run) if "agent" in name]
        host.finish(term)
    finally:
        agent.child.terminate()
        agent.child.wait()


def test_rc_of_the_host_sees_it(host, agent):
    saw = host.dir / "rc.saw"
    host.home_file(".ssh/rc", f"echo ${{SSH_AUTH_SOCK-none}} >>{saw}; ssh-add -l >>{saw}\n")
    agent.add(host.keys / "client")
    term = host.shell("-A", env=agent.env)
    first, key = saw.read_text().splitlines()
    assert first != "none" and "SHA256:" in key
    host.proxy.cut()
    assert host.output_of(term, "echo again") == "again\n"
    assert len(saw.read_text().splitlines()) == 4
    host.finish(term)


def test_many_at_once(host, agent):
    agent.add(host.keys / "client")
    term = host.shell("-A", env=agent.env)
    said = host.output_of(term, "for i in $(seq 40); do ssh-add -l & done; wait 2>/dev/null")
    assert said.count("SHA256:") == 40
    host.finish(term)


def test_who_looks_on_forwards_none(host, agent):
    term = host.shell("--session", "both")
    watch = host.belay("--session", "both", "--read-only", "-A", env=agent.env)
    watch.expect("ready")
    assert len(host.relays()) == 2
    for one in host.relays():
        assert b"SSH_AUTH_SOCK" not in pathlib.Path(f"/proc/{one.pid}/environ").read_bytes()
    host.finish(term)
    assert watch.wait_exit() == 0


# Which agent it is, with agents of our own.

class Place:
    """Stands for the socket that a link's sshd has made."""

    def __init__(self, path):
        self.path = str(path)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(self.path)
        self.socket.listen()
        self.socket.settimeout(20)

    def asked(self):
        return bool(select.select([self.socket], [], [], 0)[0])

    def close(self):
        self.socket.close()


@pytest.fixture
def places(tmp_path):
    made = [Place(tmp_path / name) for name in ("first", "second", "third")]
    yield made
    for one in made:
        one.close()


@pytest.fixture
def session(tmp_path):
    """Makes links: session(agent's path or None, **hello)."""
    env = {"PATH": PATH, "HOME": str(tmp_path), "SHELL": "/bin/sh",
           "BELAY_RUN_DIR": str(tmp_path / "run"),
           **{name: os.environ[name] for name in os.environ if "SAN_OPT" in name}}
    links = []

    def link(agent, **hello):
        more = {"SSH_AUTH_SOCK": agent.path} if agent else {}
        links.append(Peer({**env, **more}, session=bytes(16), kind=PTY,
                          **{"flags": AGENT, "command": b"read x", **hello}).grant())
        assert links[-1].welcome
        return links[-1]

    link.stable = str(tmp_path / "run" / ("00" * 16 + ".agent"))
    link.gone = lambda: not any((tmp_path / "run").iterdir())
    yield link
    link(None, request=ATTACH, flags=0).send(frame("BYE", code=2))
    wait_until(link.gone)
    for one in links:
        one.close()


def ask(session):
    """A program's connection to the stable path."""
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(20)
    sock.connect(session.stable)
    return sock


def leads_to(session, place):
    with ask(session) as here:
        here.sendall(b"question")
        there, _ = place.socket.accept()
        with there:
            there.settimeout(20)
            assert there.recv(100) == b"question"
            there.sendall(b"a" * 100000)
            got = b""
            while len(got) < 100000:
                got += here.recv(65536)
            here.sendall(b"more")
            assert there.recv(100) == b"more"
            here.close()
            assert there.recv(100) == b""


def leads_nowhere(session):
    with ask(session) as here:
        assert here.recv(1) == b""


def test_it_is_the_one_of_the_link_in_use(session, places):
    first, second, third = places
    owner = session(first, request=NEW)
    leads_to(session, first)
    again = session(second, request=RESUME, client=owner.client)
    owner.expect(lambda: owner.over)
    leads_to(session, second)
    # A connection ends with the link that it leads to.
    with ask(session) as here:
        there, _ = second.socket.accept()
        last = session(third, request=RESUME, client=owner.client)
        assert here.recv(1) == b"" and there.recv(1) == b""
        there.close()
    leads_to(session, third)
    assert not first.asked() and not second.asked()
    last.close()
    again.close()
    wait_until(lambda: _refused(session))


def _refused(session):
    with ask(session) as here:
        return here.recv(1) == b""


def test_nobody_s_agent_is_shown_that_is_not_meant_to_be(session, places):
    first, second, third = places
    owner = session(first, request=NEW)
    session(second, request=ATTACH, flags=READ_ONLY | SHARE | AGENT)
    session(third, request=ATTACH, flags=SHARE)
    leads_to(session, first)
    owner.send(frame("BYE", code=4))
    owner.expect(lambda: owner.over)
    leads_nowhere(session)
    other = session(first, request=ATTACH, flags=SHARE | AGENT)
    leads_to(session, first)
    other.send(frame("BYE", code=4))
    other.expect(lambda: other.over)
    leads_nowhere(session)
    assert not any(place.asked() for place in places)


def test_a_socket_that_is_gone(session, places):
    session(places[0], request=NEW)
    os.unlink(places[0].path)
    leads_nowhere(session)


def test_what_a_client_says_of_its_origin_does_not_count(session, places):
    """Only the relay knows."""
    lie = frame("ORIGIN", agent=places[1].path.encode(), connection=b"")
    session(places[0], request=NEW, more=lie)
    leads_to(session, places[0])
    assert not places[1].asked()


def test_too_many(session, places):
    """One more waits to be accepted, and is served when another has ended."""
    session(places[0], request=NEW)
    held = [(ask(session), places[0].socket.accept()[0]) for _ in range(64)]
    with socket.socket(socket.AF_UNIX) as last:
        last.settimeout(20)
        last.connect(session.stable)
        for program, agent in held:
            program.close()
            agent.settimeout(20)
            assert agent.recv(1) == b""
            agent.close()
        led = places[0].socket.accept()[0]
        led.close()
        assert last.recv(1) == b""
    leads_to(session, places[0])
