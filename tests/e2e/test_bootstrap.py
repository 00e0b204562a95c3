"""Proves that a session starts on any host: whatever the login shell and its rc files,
whatever lies in the way of the server, whether it must be sent first or is there.
"""

import contextlib
import os
import re
import shutil
import subprocess

import pytest

from harness import PATH, PROMPT, RC_FILES, SHARED_PLACES, TIMEOUT, find_shell, wait_until

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
    assert term.pump(TIMEOUT, lambda: term.ended or PROMPT.encode() in term.raw), (
        "neither a session nor a message:\n" + term.tail())
    if term.ended:
        assert term.status == 255
        term.assert_sane()
        assert [line for line in term.text_lines()
                if line.startswith("belay:") and server.name in line]
    else:
        term.say("word")
        end(term)


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
        assert term.pump(TIMEOUT, lambda: term.ended or PROMPT.encode() in term.raw)
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
