"""Versions live together: the programs of version 0.1.0 with today's, in both places.

An old server comes by two ways: as a session that an old client has begun, to which today's
client comes (`begun`), and lying on the host under the name of the one that today's client
would bring (`pair`), so that each message is once said by today's client to an old server.
The same with the two exchanged.

The old programs are built once, out of the repository, into build/versions; where git or the
commit is not there, it is skipped and counted.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess

import pytest

from harness import PROMPT, REPO, belay_argv, belay_path, free_port, kill, wait_until
from test_forwards import (connect, digest, exactly, listens, port_of, service, talk)

COMMIT = "4739ebd6a04110b9795e57d5be03cbbb5a570861"     # version 0.1.0
PLACE = REPO / "build/versions"
BACK = "back in the session"
BYTES = random.Random(1).randbytes(2_000_000)


class Package:
    """A belay and the servers that it carries."""

    def __init__(self, program, servers):
        self.program, self.servers = pathlib.Path(program), pathlib.Path(servers)

    def build(self):
        said = subprocess.run([self.program, "--version"], capture_output=True, text=True)
        return said.stdout.split()[1]

    def argv(self, host, *options, to="testhost"):
        return [self.program, *belay_argv(host, *options, to=to)[1:]]

    def env(self):
        return {"BELAY_SERVERS": self.servers}

    def start(self, host, *options, **more):
        return host.start(self.argv(host, *options), env=self.env(), **more)

    def shell(self, host, *options, **more):
        term = self.start(host, *options, **more)
        term.expect(PROMPT)
        return term

    def piped(self, host, *options, command=(), input=b""):
        return host.piped([*self.argv(host, *options), *command], input, env=self.env())


def made(commit):
    """The directory with the programs of a commit; makes them if they are not there."""
    root = PLACE / commit[:12]
    if (root / "made").exists():
        return root
    tree = subprocess.run(["git", "-c", "safe.directory=*", "archive", commit], cwd=REPO,
                          capture_output=True)
    if tree.returncode:
        pytest.skip(f"no commit {commit[:12]} here: {tree.stderr.decode().strip()}")
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    subprocess.run(["tar", "x", "-C", root], input=tree.stdout, check=True)
    env = {name: value for name, value in os.environ.items()
           if not name.startswith(("MAKE", "BELAY"))}
    subprocess.run(["make", "-s", "BUILD=build", "all"], cwd=root, env=env, check=True,
                   capture_output=True)
    (root / "made").touch()
    return root


@pytest.fixture(scope="session")
def old():
    if not shutil.which("git"):
        pytest.skip("no git")
    PLACE.mkdir(parents=True, exist_ok=True)
    with open(PLACE / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        root = made(COMMIT)
    return Package(root / "build/belay", root / "build/servers")


@pytest.fixture(scope="session")
def today():
    return Package(belay_path(),
                   pathlib.Path(os.environ.get("BELAY_SERVERS") or REPO / "build/servers").absolute())


BOTH = ["old to new", "new to old"]


def name_of_server():
    system = os.uname()
    return f"{system.sysname}-{system.machine}"


@pytest.fixture(params=BOTH)
def pair(request, host, old, today):
    """A client that finds a server of the other version in the place of its own."""
    client, other = (old, today) if request.param == "old to new" else (today, old)
    place = host.candidates()[0]
    place.mkdir(parents=True)
    lies = place / f"server-{client.build()}-{name_of_server()}"
    shutil.copy2(other.servers / name_of_server(), lies)
    yield client
    assert host.server_files() == [lies]    # and nothing else has been brought


@pytest.fixture(params=BOTH)
def begun(request, old, today):
    """Who comes to a session, and who has begun it with a server of its own."""
    return (old, today) if request.param == "old to new" else (today, old)


def cut(host):
    before = host.proxy.accepted
    assert host.proxy.cut()
    wait_until(lambda: host.proxy.accepted > before)


def bye(host, *terms):
    host.finish(*terms)
    host.wait_gone()


# A client with a server of the other version.

def test_a_shell_with_cuts(host, pair):
    term = pair.shell(host, rows=30, cols=90)
    assert host.output_of(term, "stty size") == "30 90\n"
    for word in ("first", "second"):
        cut(host)
        term.say(word)
        assert term.raw.count(word.encode() + b"\r\n") == 1
    term.resize(20, 70)
    term.line('until [ "$(stty size)" = "20 70" ]; do sleep 0.1; done; echo ch""anged')
    term.expect("changed")
    bye(host, term)


@pytest.mark.parametrize("way", ["window", "escape", "killed"])
def test_a_shell_is_left_and_come_back_to(host, pair, way):
    term = pair.shell(host)
    term.line("mark=kept; echo ear''lier")
    term.expect("earlier")
    term.expect(PROMPT)
    {"window": term.hang_up, "escape": lambda: term.type("\r~."),
     "killed": lambda: term.signal(signal.SIGKILL)}[way]()
    wait_until(lambda: not os.path.exists(f"/proc/{term.pid}"), what="belay runs on")
    # Today's comes back to what was left on purpose in its own window only.
    knows = b"--return" in host.piped([pair.argv(host)[0], "--help"], env=pair.env()).stdout
    always = ["--return=always"] if way == "escape" and knows else []
    term = pair.start(host, *always, emulate=True)
    term.expect(BACK)
    term.expect("earlier")
    assert host.output_of(term, "echo $mark") == "kept\n"
    bye(host, term)


def test_a_command_with_cuts(host, pair):
    """Pipes both ways, stderr, and the status."""
    for size, direction in ((300_000, "up"), (1_200_000, "down")):
        host.proxy.cut_after(size, direction)
        cuts = host.proxy.cuts
        done = pair.piped(host, command=["cat; echo error >&2; exit 9"], input=BYTES)
        assert host.proxy.cuts == cuts + 1
        assert hashlib.sha256(done.stdout).digest() == hashlib.sha256(BYTES).digest()
        assert (done.returncode, done.stderr) == (9, b"error\n")


def test_a_command_that_reads_nothing(host, pair):
    done = pair.piped(host, command=["exec <&-; seq 1000; exit 3"], input=BYTES)
    assert done.returncode == 3 and done.stdout.split()[-1] == b"1000"


@contextlib.contextmanager
def forwarding(host, package, *options, listening):
    with host.popen(package.argv(host, *options, "-N"), env=package.env()) as child:
        try:
            wait_until(lambda: listens(("127.0.0.1", listening)))
            yield child
        finally:
            child.terminate()
            child.communicate(timeout=60)


@pytest.mark.parametrize("option", ["-L", "-R"])
def test_a_forward_with_cuts(host, pair, option):
    port, sums = free_port(), free_port()
    with service() as there, service(digest) as adder:
        with forwarding(host, pair, option, f"{port}:127.0.0.1:{port_of(there)}",
                        option, f"{sums}:127.0.0.1:{port_of(adder)}", listening=sums):
            wait_until(lambda: listens(("127.0.0.1", port)))
            with connect(port) as sock, connect(sums) as other:
                assert talk(sock, b"before") == b"before"
                cut(host)
                assert talk(sock, b"after") == b"after"
                host.proxy.cut_after(500_000, "up" if option == "-L" else "down")
                other.sendall(BYTES)
                other.shutdown(socket.SHUT_WR)       # and the answer comes still
                assert exactly(other, 64).decode() == hashlib.sha256(BYTES).hexdigest()
                assert host.proxy.cuts == 2
    host.wait_gone()


def test_a_forward_that_cannot_be(host, pair):
    """The far end says no, and the client says so."""
    with service() as there:
        port = port_of(there)
        done = pair.piped(host, "-oExitOnForwardFailure=yes", "-N", "-R",
                          f"{port}:127.0.0.1:1")
    assert done.returncode == 255 and str(port).encode() in done.stderr


# A session that the other version has begun.

def left(host, package, *options):
    term = package.shell(host, *options)
    term.line("mark=kept; echo ear''lier")
    term.expect("earlier")
    term.expect(PROMPT)
    term.signal(signal.SIGKILL)
    return term


def test_a_session_of_another_version_is_come_back_to(host, begun):
    comes, has = begun
    left(host, has)
    term = comes.start(host, emulate=True)
    term.expect(BACK)
    term.expect("earlier")
    assert host.output_of(term, "echo $mark") == "kept\n"
    cut(host)
    term.say("again")
    bye(host, term)


def test_a_named_session_goes_from_one_to_the_other_and_back(host, begun):
    comes, has = begun
    one = has.shell(host, "--session", "work")
    one.line("mark=one")
    one.expect(PROMPT)
    two = comes.start(host, "--session", "work")
    two.expect("mark=one")
    assert one.wait_exit() == 255
    assert b"another client has taken the session over" in one.raw
    assert host.output_of(two, "echo $mark") == "one\n"
    cut(host)
    two.say("there")
    again = has.start(host, "--session", "work")
    again.expect("there")
    assert two.wait_exit() == 255
    cut(host)
    again.say("back")
    bye(host, again)


def test_versions_share_a_session(host, begun):
    comes, has = begun
    one = has.shell(host, "--session", "both")
    two = comes.start(host, "--session", "both", "--share")
    two.expect("ready")
    watch = comes.start(host, "--session", "both", "--read-only")
    watch.expect("ready")
    one.line("echo from''one")
    for term in (two, watch):
        term.expect("fromone")
    before = host.proxy.accepted
    assert host.proxy.cut() == 3
    wait_until(lambda: host.proxy.accepted >= before + 3)
    two.line("echo from''two")
    for term in (one, two, watch):
        term.expect("fromtwo")
    host.finish(one)
    assert two.wait_exit() == watch.wait_exit() == 0
    host.wait_gone()


def listed(host, package):
    done = package.piped(host, "--list", "--json")
    assert done.returncode == 0, done
    return {one["name"]: one for one in json.loads(done.stdout)}


def test_the_sessions_of_another_version_are_managed(host, begun):
    comes, has = begun
    one = has.shell(host, "--session", "one")
    two = comes.shell(host, "--session", "two")     # its server lies beside the other
    for package in begun:
        assert set(listed(host, package)) == {"one", "two"}
        assert listed(host, package)["one"]["clients"] == 1
    assert comes.piped(host, "--rename", "one:first").returncode == 0
    assert comes.piped(host, "--detach", "first").returncode == 0
    assert one.wait_exit() == 0 and b"detached" in one.raw
    assert comes.piped(host, "--kill", "first").returncode == 0
    wait_until(lambda: set(listed(host, has)) == {"two"})
    # A cut before the last of these commands has said goodbye leaves its session for a minute.
    wait_until(lambda: len([one for one in host.processes() if "hold" in one.argv]) == 1)
    cut(host)
    two.say("still")
    bye(host, two)


# What a client may not have of a session of another version is told.

def test_a_session_that_is_gone_is_told(host, begun):
    comes, has = begun
    term = left(host, has)
    wait_until(lambda: not os.path.exists(f"/proc/{term.pid}"))
    for one in host.processes():    # on the host, so that no client forgets it
        if "hold" in one.argv[1:2]:
            kill(one.pid, signal.SIGTERM)
    host.wait_gone()
    fresh = comes.shell(host)
    assert re.search(rb"belay: [^\r\n]*has ended", fresh.raw)
    bye(host, fresh)


def test_a_session_that_cannot_be_joined_is_told(host, begun):
    """It is full: sixteen look on."""
    comes, has = begun
    one = has.shell(host, "--session", "full")
    crowd = [has.start(host, "--session", "full", "--share") for _ in range(15)]
    for term in crowd:
        term.expect("ready")
    late = comes.start(host, "--session", "full", "--share")
    late.expect(re.compile(rb"belay: [^\r\n]*too many clients"))
    late.signal(signal.SIGKILL)     # it has turned to what the host has instead
    late.wait_exit()
    for other in host.processes():
        if other.name == "screen":
            kill(other.pid)
    host.finish(one)
    for term in crowd:
        assert term.wait_exit() == 0
    host.wait_gone()


RIGHTS = (REPO / "src/server/rights.c").exists()


@pytest.mark.skipif(not RIGHTS, reason="today's server has no table of rights")
@pytest.mark.parametrize("option", ["-L", "-R"])
def test_a_forward_that_an_old_reader_may_not_have_is_told(host, old, today, option):
    """The session is today's; an old client that only looks on asks it for a forward.  While a
    person types, a connection that was refused is told only with -v."""
    one = today.shell(host, "--session", "mine")
    port = free_port()
    with service() as there:
        reader = old.start(host, "-v", "--session", "mine", "--read-only", option,
                           f"{port}:127.0.0.1:{port_of(there)}")
        reader.expect("ready")
        if option == "-L":
            reader.wait_until(lambda: listens(("127.0.0.1", port)))
            with connect(port) as sock:
                assert sock.recv(1) == b""
        reader.expect(re.compile(rb"belay: [^\r\n]*cannot (connect|listen)"))
        host.finish(one)
        assert reader.wait_exit() == 0
    host.wait_gone()


# A package that is replaced while its client runs.

def install(package, root):
    """As `make install` lays it out; the program is put in the place of what was there."""
    (root / "bin").mkdir(parents=True, exist_ok=True)
    shutil.copy2(package.program, root / "bin/belay.new")
    os.replace(root / "bin/belay.new", root / "bin/belay")
    servers = root / "lib/belay/servers"
    shutil.rmtree(servers, ignore_errors=True)
    shutil.copytree(package.servers, servers, ignore=lambda folder, names: [
        name for name in names if not name.startswith(name_of_server())])
    return Package(root / "bin/belay", servers)


def installed_shell(host, package):
    term = host.start(package.argv(host), env={"BELAY_SERVERS": None})
    term.expect(PROMPT)
    return term


def away(host):
    host.proxy.refuse()
    host.proxy.cut()
    wait_until(lambda: host.proxy.refused)


@pytest.mark.parametrize("how", ["replaced", "removed"])
@pytest.mark.parametrize("direction", ["upgrade", "downgrade"])
def test_a_client_outlives_its_package(host, tmp_path, old, today, direction, how):
    before, after = (old, today) if direction == "upgrade" else (today, old)
    package = install(before, tmp_path)
    term = installed_shell(host, package)
    away(host)
    if how == "replaced":
        install(after, tmp_path)
    else:
        shutil.rmtree(tmp_path / "bin")
        shutil.rmtree(tmp_path / "lib")
    host.proxy.heal()
    term.say("back")
    cut(host)
    term.say("again")
    if how == "replaced":       # and a new server comes to lie beside the old one
        other = installed_shell(host, Package(tmp_path / "bin/belay", ""))
        other.say("other")
        cut(host)
        term.say("both")
        other.say("both")
        host.finish(other)
    bye(host, term)


@pytest.mark.parametrize("how", ["replaced", "removed"])
def test_a_client_brings_its_server_again(host, tmp_path, old, today, how):
    """The host has lost the server meanwhile, and this machine the package."""
    term = installed_shell(host, install(today, tmp_path))
    away(host)
    shutil.rmtree(host.candidates()[0])
    if how == "replaced":
        install(old, tmp_path)
    else:
        shutil.rmtree(tmp_path / "bin")
        shutil.rmtree(tmp_path / "lib")
    host.proxy.heal()
    term.say("back", timeout=8)
    bye(host, term)


def test_a_client_that_has_no_server_any_more_says_so(host, tmp_path, today):
    """It was written over where it lay, as no package manager does it; and comes back."""
    package = install(today, tmp_path)
    term = installed_shell(host, package)
    away(host)
    shutil.rmtree(host.candidates()[0])
    kept = {path: path.read_bytes() for path in package.servers.iterdir()}
    for path in kept:
        path.write_bytes(b"")
    host.proxy.heal()
    term.expect("cannot go on with the session: there is no belay-server for ")
    for path, data in kept.items():
        path.write_bytes(data)
    term.say("back", timeout=30)
    bye(host, term)


def test_the_session_of_a_replaced_package_is_come_back_to(host, tmp_path, old, today):
    """A client of the new package takes over what the old one has begun and left."""
    package = install(old, tmp_path)
    term = installed_shell(host, package)
    term.line("mark=kept")
    term.expect(PROMPT)
    install(today, tmp_path)
    term.signal(signal.SIGKILL)
    wait_until(lambda: not os.path.exists(f"/proc/{term.pid}"))
    term = host.start(package.argv(host), env={"BELAY_SERVERS": None})
    term.expect(BACK)
    term.expect("mark=kept")
    assert host.output_of(term, "echo $mark") == "kept\n"
    bye(host, term)
