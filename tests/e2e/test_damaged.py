"""Proves that a damaged file of those that belay keeps on the client costs at most a login and
a line, and once: bytes that are others, a file that is cut short, and something else in its
place.
"""

import random
import re
import shutil
import signal

import pytest

from test_machines import as_machine
from test_share import SHARES, end_masters
from harness import PROMPT, SEED, WINDOW_CLOSES, belay_argv, belay_path, kill, wait_until

FLIPS = 4           # bytes of a file that are tried
CUTS = 3            # lengths


def flipped(data, rng):
    for at in rng.sample(range(len(data)), min(FLIPS, len(data))):
        other = rng.choice([0, 0xff, 0x0a, 0x20, data[at] ^ 1 << rng.randrange(8)])
        yield f"byte {at} is {other:#x}", data[:at] + bytes([other]) + data[at + 1:]


def cut(data, rng):
    for size in {0, len(data) - 1, *rng.sample(range(len(data)), CUTS - 2)}:
        yield f"cut at {size}", data[:size]


def others(data, rng):
    yield "random bytes", rng.randbytes(5000)
    yield "a line without end", b"1" * 100_000
    yield "no line, many times", b"\n" * 70_000
    yield "itself, many times", data * (70_000 // len(data))


def damages(data, rng):
    """(what, the bytes) of files that are damaged; None: a directory is in its place."""
    for kind in (flipped, cut, others):
        yield from kind(data, rng)
    yield "a directory", None


def put(path, data):
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    if data is None:
        path.mkdir()
    else:
        path.write_bytes(data)


@pytest.fixture
def rng():
    print(f"seed {SEED}: set BELAY_E2E_SEED to repeat")
    return random.Random(SEED)


def logins_of(host, what):
    """Runs a command; it works, with a line at most.  Returns how many logins it took."""
    before = host.proxy.accepted
    done = host.piped(belay_argv(host, to="--") + ["testhost", "echo fi''ne"])
    text = done.stderr.decode(errors="replace")
    assert (done.returncode, done.stdout) == (0, b"fine\n"), f"{what}: {text}"
    assert text.count("\n") <= 1, f"{what}: {text}"
    return host.proxy.accepted - before


def damage_cache(host, name, most, rng):
    """Damages a file of hosts: the next run takes as many logins as the first at most, and the
    one after it a single one, since what the file held has been found out again."""
    path = host.client_home / "cache/belay" / name
    assert logins_of(host, "the first") <= most
    data = path.read_bytes()
    key = data.split()[0].lstrip(b"0")
    for what, bad in damages(data, rng):
        print(what)
        put(path, bad)
        assert logins_of(host, what) <= most, what
        if bad is not None:
            assert logins_of(host, f"after {what}") == 1
            assert key in re.findall(rb"0*(\w{10,})", path.read_bytes()), what


def test_hosts_whose_key_is_known(make_host, rng):
    host = make_host(ssh_config="StrictHostKeyChecking ask")
    damage_cache(host, "key-known-hosts", 1, rng)


def test_hosts_where_another_program_runs(make_host, rng):
    damage_cache(make_host(sshd_config="ForceCommand echo fine"), "foreign-hosts", 1, rng)


def test_hosts_where_the_server_has_run(host, rng):
    damage_cache(host, "serving-hosts", 1, rng)


def test_hosts_where_the_server_cannot_run(make_host, rng):
    host = make_host()
    as_machine(host, "pdp11")
    host.sshd.stop()
    host.sshd.start()
    host.proxy.target = ("127.0.0.1", host.sshd.port)
    damage_cache(host, "plain-hosts", 2, rng)


def test_the_board_of_a_shared_login(host, rng):
    """Two windows are there with a login each at most, and once they are closed one login is for
    both again."""
    def windows():
        before = host.proxy.accepted
        terms = [host.shell(env=SHARES) for _ in range(2)]
        for term in terms:
            host.finish(term)
        end_masters(host)
        return host.proxy.accepted - before

    host.finish(host.shell())
    assert windows() == 1
    (path,) = (host.client_home / "runtime/belay").glob("login-*")
    data = path.read_bytes()
    for what, bad in damages(data, rng):
        print(what)
        put(path, bad)
        assert windows() <= 2, what
        if bad is not None:
            assert windows() == 1, f"after {what}"


def test_settings(host, rng):
    """They are the person's, and are not mended: what is wrong is named with its line, and nothing
    begins; else it begins."""
    path = host.client_home / "config/belay/config"
    path.parent.mkdir(parents=True, exist_ok=True)
    data = b"Host *\n  History 500\nMatch host testhost\n  GiveUp 60s\n  Predict never\n"
    seen = set()
    for what, bad in damages(data, rng):
        print(what)
        put(path, bad)
        path.chmod(0o700)
        done = host.piped(belay_argv(host, to="--") + ["testhost", "echo fi''ne"])
        text = done.stderr.decode(errors="replace")
        assert done.returncode in (0, 255), f"{what}: {text}"
        assert done.stdout == (b"" if done.returncode else b"fine\n"), what
        if done.returncode:
            assert re.fullmatch(r"belay: [^\0-\x1f\x7f]*config[^\0-\x1f\x7f]*\n", text), (what, text)
        seen.add(done.returncode)
    put(path, data)
    path.chmod(0o600)
    assert logins_of(host, "mended") == 1
    assert seen == {0, 255}


@pytest.mark.parametrize("name", ["cache/belay", "state/belay", "state/belay/sessions"])
def test_no_directory(host, name):
    """A file is where the directory ought to be."""
    path = host.client_home / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("no directory\n")
    for _ in range(2):
        assert logins_of(host, name) == 1
    term = host.shell()
    host.finish(term)
    assert path.read_text() == "no directory\n"


def leave(host):
    """A shell session that is left; returns its file and its data."""
    term = host.shell("--new", env=WINDOW_CLOSES)
    term.hang_up()
    folder = host.client_home / "state/belay/sessions"
    (path,) = folder.iterdir()
    wait_until(lambda: not host.client_processes())
    return path, path.read_bytes()


def test_a_session_that_was_left(host, rng):
    """It is returned to, or another begins; and all of them are listed."""
    path, data = leave(host)
    for what, bad in damages(data, rng):
        print(what)
        put(path, bad)
        before = host.proxy.accepted
        term = host.start(belay_argv(host))
        term.line("echo he''re")
        term.expect("here\r\n")
        assert host.proxy.accepted - before <= 2, what
        own = [line for line in term.text_lines() if "belay: " in line]
        assert len(own) <= 1, f"{what}: {own}"
        listed = host.piped([belay_path(), "--list"])
        assert listed.returncode == 0 and not listed.stderr, what
        assert not re.search(rb"[\0-\x09\x0b-\x1f\x7f]", listed.stdout), (what, listed.stdout)
        json = host.piped([belay_path(), "--list", "--json"])
        assert json.returncode == 0, what
        term.expect(PROMPT)
        term.line("exit 0")
        assert term.wait_exit() == 0, what
        put(path, None)
        path.rmdir()
        for one in host.processes():    # those that nobody knows of any more
            if "hold" in one.argv[1:]:
                kill(one.pid, signal.SIGTERM)
        host.wait_gone()
        for other in path.parent.iterdir():
            put(other, b"")
            other.unlink()
        path, data = leave(host)
    for one in host.processes():
        if "hold" in one.argv[1:]:
            kill(one.pid, signal.SIGTERM)
