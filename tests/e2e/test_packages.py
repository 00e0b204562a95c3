"""Proves that belay comes and goes like anything else: install, uninstall, a package."""

import os
import pathlib
import shutil
import subprocess

import pytest

from harness import PROMPT, REPO, belay_argv

ENV = {name: value for name, value in os.environ.items()
       if name not in ("MAKEFLAGS", "MAKELEVEL", "BELAY_SERVERS")}


def make(*words):
    return subprocess.run(["make", "-s", *map(str, words)], cwd=REPO, env=ENV, check=True,
                          capture_output=True, text=True)


def files(root):
    return sorted(str(path.relative_to(root)) for path in root.rglob("*")
                  if path.is_symlink() or not path.is_dir())


def session_of(host, program):
    """A session by an installed belay, which must find its own server."""
    argv = [program, *belay_argv(host)[1:]]
    term = host.start(argv, env={"BELAY_SERVERS": None})
    term.expect(PROMPT)
    term.say("word")
    host.finish(term)


def test_uninstall_leaves_nothing(tmp_path):
    root = tmp_path / "root"
    make("install", f"DESTDIR={root}")
    installed = files(root)
    assert "usr/local/bin/belay" in installed and "usr/local/bin/belay-autossh" in installed
    assert "usr/local/lib/belay/belay-server" in installed
    assert len(installed) > 10
    make("uninstall", f"DESTDIR={root}")
    assert [str(path.relative_to(root)) for path in root.rglob("*")] == ["usr", "usr/local"]


def test_uninstall_leaves_what_others_put_there(tmp_path):
    root = tmp_path / "root"
    other = root / "usr/local/share/man/man1/other.1"
    make("install", f"DESTDIR={root}")
    other.write_text("")
    make("uninstall", f"DESTDIR={root}")
    assert files(root) == [str(other.relative_to(root))]


def test_installed_belay(host, tmp_path):
    make("install", f"DESTDIR={tmp_path}")
    session_of(host, tmp_path / "usr/local/bin/belay")


@pytest.mark.skipif(not shutil.which("musl-gcc"), reason="no musl-gcc")
def test_a_client_for_any_linux(host, tmp_path):
    """One file, which runs where there is no other, and finds the server beside it."""
    make("static")
    place = tmp_path / "anywhere"
    (place / "servers").mkdir(parents=True)
    shutil.copy(REPO / "build-static/belay", place)
    for path in (REPO / "build-static/servers").iterdir():
        shutil.copy(path, place / "servers")
    session_of(host, place / "belay")
    if os.getuid() == 0:
        said = subprocess.run(["chroot", place, "/belay", "--version"], capture_output=True,
                              check=True, text=True).stdout
        assert said.startswith("belay ") and "no datagrams" not in said


@pytest.fixture(scope="module")
def package():
    for tool in ("dpkg-buildpackage", "dh", "lintian"):
        if not shutil.which(tool):
            pytest.skip(f"no {tool}: tools/deps deb")
    return pathlib.Path(make("deb").stdout.split()[-1])


def test_package_comes_and_goes(host, tmp_path, package):
    """With dpkg, in a root of its own where nothing else is installed."""
    if os.getuid():
        pytest.skip("needs root")
    root = tmp_path / "root"
    (root / "var/lib/dpkg/updates").mkdir(parents=True)
    (root / "var/lib/dpkg/info").mkdir()
    (root / "var/lib/dpkg/status").touch()

    def dpkg(*args):
        subprocess.run(["dpkg", f"--root={root}", "--log=/dev/null", "--force-depends", *args],
                       check=True, capture_output=True, stdin=subprocess.DEVNULL)

    dpkg("-i", package)
    assert "usr/lib/belay/servers/Linux-s390x.gz" in files(root) or not (
        REPO / "build/deps/musl/s390x").exists()
    session_of(host, root / "usr/bin/belay")
    dpkg("--purge", "belay")
    assert [path for path in files(root) if not path.startswith("var/lib/dpkg/")] == []
