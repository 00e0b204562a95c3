"""Proves that a session starts on any host: whatever the login shell and its rc files,
whatever lies in the way of the server, whether it must be sent first or is there.
"""

import contextlib
import os
import random
import re
import shutil
import socket
import subprocess
import time

import pytest

from harness import (PATH, PROMPT, RC_FILES, SEED, SHARED_PLACES, TIMEOUT, belay_argv, find_shell,
                     wait_until)
from patience import scaled

# Which of its files each shell reads also when it only runs a command, if any.
NOISY_FILES = {"sh": ".profile", "bash": ".bashrc", "zsh": ".zshenv", "csh": ".cshrc",
               "fish": ".config/fish/config.fish", "tcsh": ".cshrc", "ksh": ".kshrc",
               "mksh": ".mkshrc"}
NOISE = {
    "stdout": r"""printf 'some noise\n\n\n\000\001\002\377\376\r\n\302'
                  printf 'some noise without an end'
                  """,
    "stderr": r"""printf 'some noise\n\n\000\377some noise without an end' >&2
                  """,
}


@pytest.fixture(autouse=True)
def _no_other_server():
    taken = [str(place) for place in SHARED_PLACES if any(place.glob("*server*"))]
    if taken:
        pytest.skip(f"a server lies in {taken} and would be used: remove it")


@pytest.fixture
def with_shell(make_host, tmp_path):
    """Makes a host with this login shell, if it is here."""
    def make(name, **more):
        if not find_shell(name, tmp_path):
            pytest.skip(f"no {name} here")
        return make_host(name, **more)
    return make


def end(term):
    term.line("exit")
    assert term.wait_exit() == 0
    term.assert_sane()


def identity(path):
    return path.stat().st_ino, path.stat().st_mtime_ns, path.read_bytes()


def deployed(host, place=None):
    """The server that lies on the host."""
    files = [path for path in host.server_files(place) if os.access(path, os.X_OK)]
    assert len(files) == 1, f"not one server: {files}"
    return files[0]


# Shells.

@pytest.mark.parametrize("name", RC_FILES)
def test_cold_and_warm_start(name, with_shell):
    host = with_shell(name)
    assert not host.server_files()
    cold = host.shell()
    cold.say("cold")
    end(cold)
    server = deployed(host)
    before, sent = identity(server), host.proxy.bytes["up"]
    warm = host.shell()
    warm.say("warm")
    end(warm)
    assert deployed(host) == server and identity(server) == before
    assert host.proxy.bytes["up"] - sent < sent
    assert host.sshd.logins() == host.proxy.accepted == 2


@pytest.mark.parametrize("where", NOISE)
@pytest.mark.parametrize("name", NOISY_FILES)
def test_noisy_rc_file(name, where, with_shell):
    """Noise is shown as often as the login shell itself makes it, as under ssh.

    On stderr the shell that ssh starts for the bootstrap may be heard once more, as under
    `ssh host command`: ssh's own words and the host's are one stream there.
    """
    host = with_shell(name)
    (host.dir / "noise.sh").write_text(NOISE[where])
    host.home_file(NOISY_FILES[name], f"sh {host.dir}/noise.sh\n")
    plain = host.ssh("-tt")
    plain.expect(PROMPT)
    cold, warm = host.shell(), host.shell()
    for term in (plain, cold, warm):
        term.say("word")
        end(term)
    noise = [term.raw.count(b"some noise") for term in (plain, cold, warm)]
    often = noise[0] + (0 if where == "stdout" else 2)
    assert all(noise[0] <= count <= often for count in noise[1:])


def test_much_noise(host):
    host.home_file(".bashrc", "yes 'noise without end' | head -n 20000\n")
    for _ in range(2):
        term = host.shell()
        assert b"noise" not in term.raw
        end(term)


# What may lie there already.

def test_server_of_another_version_is_left_alone(host):
    end(host.shell())
    server = deployed(host)
    stale = server.with_name(re.sub(r"\d", lambda digit: str(9 - int(digit[0])),
                                    server.name, count=1))
    if stale == server:
        pytest.skip("the name of the server does not tell its version")
    server.unlink()
    stale.write_text("#!/bin/sh\necho stale\n")
    stale.chmod(0o755)
    before = identity(stale)
    end(host.shell())
    assert server.exists() and identity(stale) == before


def truncated(path, size):
    """Whether it is: a program that still runs, on its way out, cannot be."""
    with contextlib.suppress(OSError):
        os.truncate(path, size)
        return True
    return False


@pytest.mark.parametrize("what", ["truncated", "empty", "not executable"])
def test_server_that_is_broken(host, what):
    end(host.shell())
    host.wait_gone()
    server = deployed(host)
    if what != "not executable":
        wait_until(lambda: truncated(server, 100 if what == "truncated" else 0))
    else:
        server.chmod(0o644)
    term = host.belay()
    assert term.pump(scaled(TIMEOUT), lambda: term.ended or PROMPT.encode() in term.raw), (
        "neither a session nor a message:\n" + term.tail())
    if term.ended:
        assert term.status == 255
        term.assert_sane()
        assert [line for line in term.text_lines()
                if line.startswith("belay:") and server.name in line]
    else:
        term.say("word")
        end(term)


# Damage: at most one login more and one line, and never twice.

def damages(size):
    """Ways in which a file of this size is not what it was."""
    for at in (1, 16, 100, 4096, size // 3, size - 4096, size - 1):
        yield f"cut at {at}", lambda data, at=at: data[:at]
        yield f"zeros from {at}", lambda data, at=at: data[:at] + bytes(len(data) - at)
    yield "all zeros", lambda data: bytes(len(data))
    yield "something else", lambda data: b"#!/bin/sh\nexit 255\n"
    yield "ends by a signal", lambda data: b"#!/bin/sh\nkill -SEGV $$\n"
    yield "says it is ready", lambda data: b"#!/bin/sh\necho $2 ready\n"
    yield "says nonsense", lambda data: b"#!/bin/sh\necho $2 ready; echo nonsense; cat\n"


def whole_of(server):
    """The bytes of a server that may be damaged."""
    whole = server.read_bytes()
    if b"__asan_init" in whole:
        pytest.skip("what a sanitizer has to say of a damaged program is no report")
    return whole


def put(server, data):
    other = server.with_name("other")       # the old one may still run
    other.write_bytes(data)
    other.chmod(0o700)
    other.rename(server)


def start_on_damage(host, server, data):
    """A start with this in the server's place; returns how many logins it took."""
    put(server, data)
    logins = host.sshd.logins()
    done = host.piped([*belay_argv(host), "echo word"], timeout=60)
    assert (done.returncode, done.stdout) == (0, b"word\n"), done
    own = [line for line in done.stderr.decode(errors="replace").splitlines()
           if line.startswith("belay:")]
    count = host.sshd.logins() - logins
    assert len(own) == count - 1 and all("anew" in line for line in own), own
    return count


def test_damaged_server_is_sent_anew(host):
    end(host.shell())
    server = deployed(host)
    whole = whole_of(server)
    for what, spoil in damages(len(whole)):
        count = start_on_damage(host, server, spoil(whole))
        assert count <= 2, what
        assert host.server_files() == [server], what
        logins = host.sshd.logins()
        assert host.piped([*belay_argv(host), "true"]).returncode == 0
        assert host.sshd.logins() == logins + 1, f"{what}: a lasting fault"
        assert server.read_bytes() == whole or count == 1, what


def test_flipped_bytes(host):
    end(host.shell())
    server = deployed(host)
    whole = whole_of(server)
    rng = random.Random(SEED)
    for _ in range(int(os.environ.get("BELAY_E2E_FLIPS", "24"))):
        at, by = rng.randrange(len(whole)), rng.randrange(1, 256)
        data = bytearray(whole)
        data[at] ^= by
        try:
            assert start_on_damage(host, server, bytes(data)) <= 2
        except Exception as error:
            raise AssertionError(f"seed {SEED}: byte {at} ^ {by}") from error


def test_lost_connection_is_no_damage(host):
    """ssh says so; the server stays as it is, and so does the number of logins."""
    end(host.shell())
    server = deployed(host)
    put(server, b"#!/bin/sh\ntouch $HOME/begun; cat >/dev/null\n")
    term = host.belay()
    term.wait_until((host.home / "begun").exists)
    host.proxy.cut()
    assert term.wait_exit() == 255
    assert host.sshd.logins() == 2
    assert server.read_text().startswith("#!/bin/sh")


# A server that is installed on the host.

def installed(host, text=None):
    """A belay-server on the host's PATH: a copy of the one that was carried, or this."""
    path = host.dir / "installed/belay-server"
    path.parent.mkdir()
    if text is None:
        end(host.shell())
        host.wait_gone()
        shutil.move(deployed(host), path)
    else:
        path.write_text(text)
        path.chmod(0o755)
    host.sshd.stop()
    host.sshd.setenv["PATH"] = f"{path.parent}:{PATH}"
    host.sshd.start()
    return path


def test_installed_server_is_used(host):
    path = installed(host)
    term = host.shell()
    assert host.holder(term).exe == str(path)
    host.proxy.cut()
    term.say("back")
    end(term)
    assert not host.server_files()


@pytest.mark.parametrize("text", ["#!/bin/sh\necho 0.0.9-0123456789ab\n", "#!/bin/sh\nexit 1\n",
                                  "no program\n"])
def test_installed_server_of_another_build_is_not_used(host, text):
    installed(host, text)
    term = host.shell()
    assert host.holder(term).exe == str(deployed(host))
    end(term)


# Uploads that do not succeed.

def upload_bytes(host):
    """How many bytes go up at the least in a warm start, and in a cold one."""
    sizes = []
    for _ in range(2):
        before = host.proxy.bytes["up"]
        term = host.shell()
        sizes.append(host.proxy.bytes["up"] - before)
        end(term)
    shutil.rmtree(host.candidates()[0])
    return sizes[1], sizes[0]


def test_interrupted_upload(host):
    warm, cold = upload_bytes(host)
    assert cold - warm > 4000, "nothing was uploaded"
    for part in (0.1, 0.5, 0.9):
        host.proxy.cut_after(int(warm + part * (cold - warm)), "up")
        cuts = host.proxy.cuts
        term = host.belay()
        assert term.pump(scaled(TIMEOUT), lambda: term.ended or PROMPT.encode() in term.raw)
        assert host.proxy.cuts == cuts + 1
        if term.ended:          # to give up is allowed before there is a session
            assert term.status == 255
            term.assert_sane()
            term = host.shell()
        term.say("word")
        assert not [one for one in host.processes() if "tmp." in one.exe]
        end(term)
        assert deployed(host).stat().st_size > 1000
        shutil.rmtree(host.candidates()[0])


def spoil_cache(host, how):
    """Makes the first candidate directory one that cannot take or run a server."""
    cache = host.candidates()[0].parent
    try:
        if how == "full":
            host.mount(cache, "-t", "tmpfs", "-o", "size=16k,mode=700", "none")
        elif how == "noexec":
            host.mount(cache, "-t", "tmpfs", "-o", "noexec,mode=700", "none")
        elif os.getuid():
            host.home.chmod(0o555)
        else:
            host.mount(host.home, "--bind", host.home)
            subprocess.run(["mount", "-o", "remount,ro,bind", host.home], check=True)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"cannot mount here: {error.stdout}")
    return cache


@pytest.mark.parametrize("how", ["full", "noexec", "read-only"])
def test_next_directory_is_taken(how, make_host, tmp_path):
    if os.getuid() and how != "read-only":
        pytest.skip("needs root to mount")
    runtime = tmp_path / "runtime"
    runtime.mkdir(mode=0o700)
    host = make_host(setenv={"XDG_RUNTIME_DIR": runtime})
    cache = spoil_cache(host, how)
    term = host.shell("-v")
    assert [line for line in term.text_lines()
            if line.startswith("belay:") and f"{cache}/belay" in line]
    server = deployed(host, runtime / "belay")
    assert host.holder(term).exe == str(server)
    end(term)
    warm = host.shell()
    assert host.holder(warm).exe == str(server)
    end(warm)


def test_shared_directory_is_taken(host):
    spoil_cache(host, "read-only")
    term = host.shell()
    server = host.holder(term).exe
    assert server.startswith(tuple(f"{place}/" for place in SHARED_PLACES))
    place = os.path.dirname(server)
    assert os.stat(place).st_mode & 0o777 == 0o700
    end(term)


def test_cache_directory_of_the_environment(make_host, tmp_path):
    host = make_host(setenv={"XDG_CACHE_HOME": tmp_path / "else where"})
    term = host.shell()
    assert host.holder(term).exe == str(deployed(host, tmp_path / "else where/belay"))
    end(term)


# What other users have put there.

NEIGHBOUR = 65533
needs_root = pytest.mark.skipif(os.getuid() != 0, reason="needs root, to be somebody else, too")


@pytest.fixture
def shared(host):
    """The first shared place, free, and ours after the test."""
    spoil_cache(host, "read-only")
    place = SHARED_PLACES[0]
    yield place
    if place.is_symlink() or place.is_file():
        place.unlink()
    shutil.rmtree(place, ignore_errors=True)


def starts_elsewhere(host, place):
    term = host.shell()
    exe = host.holder(term).exe
    assert not exe.startswith(f"{place}/") and "server-" in exe
    assert host.output_of(term, "echo $EVIL") == "\n"
    end(term)


def evil_server(place, host):
    """A program that would say so in the session's environment."""
    system = os.uname()
    build = subprocess.run([belay_argv(host)[0], "--version"], capture_output=True,
                           text=True).stdout.split()[1]
    path = place / f"server-{build}-{system.sysname}-{system.machine}"
    path.write_text("#!/bin/sh\necho evil >/tmp/belay-evil\nexport EVIL=1\n")
    path.chmod(0o755)
    return path


@needs_root
def test_shared_directory_of_a_neighbour(host, shared):
    shared.mkdir()
    os.chown(evil_server(shared, host), NEIGHBOUR, NEIGHBOUR)
    os.chown(shared, NEIGHBOUR, NEIGHBOUR)
    starts_elsewhere(host, shared)


@needs_root
def test_link_of_a_neighbour_in_the_shared_place(host, shared, tmp_path):
    """It leads to a directory and a program of ours: what -O and -x say yes to."""
    evil_server(tmp_path, host)
    shared.symlink_to(tmp_path)
    os.chown(shared, NEIGHBOUR, NEIGHBOUR, follow_symlinks=False)
    starts_elsewhere(host, shared)
    assert len(list(tmp_path.iterdir())) == 1


@needs_root
def test_session_names_no_program_that_a_neighbour_can_replace(host, shared):
    """Where the server lies in a shared directory, which may be removed from outside."""
    term = host.shell()
    assert host.holder(term).exe.startswith(f"{shared}/")
    assert host.output_of(term, "echo $BELAY_SERVER") == "\n"
    assert host.output_of(term, "echo $BELAY_SESSION").strip()
    end(term)


@needs_root
def test_neighbour_in_the_place_of_sockets_stops_nobody(make_host, tmp_path):
    """He owns the directory, and a socket by the session's name whose queue is full."""
    run = tmp_path / "run"
    host = make_host(setenv={"BELAY_RUN_DIR": run})
    run.mkdir(mode=0o700)
    term = host.shell()
    session = host.output_of(term, "echo $BELAY_SESSION").strip()
    path = run / session
    assert path.is_socket()
    # As when the directory was removed, and made anew by him.
    run.rename(tmp_path / "gone")
    run.mkdir(mode=0o755)
    with socket.socket(socket.AF_UNIX) as listener, contextlib.ExitStack() as queue:
        listener.bind(str(path))
        listener.listen(0)
        with contextlib.suppress(BlockingIOError):
            while True:
                one = queue.enter_context(socket.socket(socket.AF_UNIX))
                one.setblocking(False)
                one.connect(str(path))
        os.chown(path, NEIGHBOUR, NEIGHBOUR)
        path.chmod(0o777)
        os.chown(run, NEIGHBOUR, NEIGHBOUR)
        host.proxy.cut()
        term.say("back")        # by a socket made anew elsewhere
        end(term)


# What is not used any more.

def test_old_servers_go_when_another_lands(host):
    end(host.shell())
    server = deployed(host)
    day = 24 * 3600
    ages = {"server-old": 31, "server-younger": 29, "mine": 400}
    for name, days in ages.items():
        path = server.with_name(name)
        path.write_text(name)
        os.utime(path, (time.time() - days * day,) * 2)
    server.unlink()
    end(host.shell())
    assert sorted(path.name for path in host.server_files()) == sorted(
        ["mine", "server-younger", server.name])
    os.utime(server, (time.time() - 20 * day,) * 2)     # it is used
    end(host.shell())
    assert server.stat().st_mtime > time.time() - day
