"""Proves that belay comes and goes like anything else: install, uninstall, a package."""

import hashlib
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from harness import HERE, PROMPT, REPO, belay_argv

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


# ---- a release, and packages of it ----

def need(*tools):
    for tool in tools:
        if not shutil.which(tool):
            pytest.skip(f"no {tool}: tools/deps packages")


@pytest.fixture(scope="module")
def release():
    """The folder that `make dist` fills."""
    need("zopfli")
    if not (REPO / ".git").exists():
        pytest.skip("not a checkout of the repository")
    names = subprocess.run([REPO / "tools/cross", "names"], capture_output=True, text=True)
    missing = [name for name in names.stdout.split()
               if not (REPO / f"build/servers/{name}.gz").exists()]
    if missing:
        pytest.skip(f"no server for {', '.join(missing)}: make servers")
    make("dist")
    return REPO / "build/dist"


def archive_of(folder):
    return next(folder.glob("belay-*.tar.gz"))


def sum_of(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def copy(release, tmp_path):
    """The release in a place of its own, and beside it a source of BearSSL, which is this machine's
    library as far as recipes can tell: there is no network.  Its checksum is put into them."""
    place = tmp_path / "release"
    shutil.copytree(release, place)
    library = subprocess.run(["gcc", "-print-file-name=libbearssl.a"], capture_output=True,
                             text=True).stdout.strip()
    if not library.startswith("/"):
        pytest.skip("no libbearssl.a: tools/deps build")
    source = tmp_path / "bearssl-0.6"
    (source / "inc").mkdir(parents=True)
    for path in pathlib.Path("/usr/include").glob("bearssl*.h"):
        shutil.copy(path, source / "inc")
    (source / "Makefile").write_text(f"lib:\n\tmkdir -p build\n\tcp {library} build/\n")
    (source / "LICENSE.txt").touch()
    made = place / "bearssl-0.6.tar.gz"
    subprocess.run(["tar", "czf", made, "-C", tmp_path, source.name], check=True)
    facts = (REPO / "packaging/facts").read_text()
    real = re.search(r"^bearssl-sha256: (.*)$", facts, re.M).group(1)
    recipe = place / "PKGBUILD"
    recipe.write_text(recipe.read_text().replace(real, sum_of(made)))
    return place


def servers_of(root):
    return {path.name: path.read_bytes() for path in (root / "lib/belay/servers").iterdir()}


def is_the_release(root):
    """All servers are there, the same bits as here; the client is of their build."""
    names = servers_of(root)
    made = {path.name: path.read_bytes() for path in (REPO / "build/servers").glob("*.gz")}
    assert {name: names.get(name) for name in made} == made
    said = subprocess.run([root / "bin/belay", "--version"], capture_output=True, text=True).stdout
    assert said.split()[1] == (REPO / "build/build-id").read_text().strip()
    return said


def test_a_release_is_the_same_bits_twice(release, tmp_path):
    """Also under another umask, and when what is packed was touched."""
    first = sum_of(archive_of(release))
    said = (release / "SHA256SUMS").read_text()
    assert f"{first}  {archive_of(release).name}\n" in said
    assert first in (release / "PKGBUILD").read_text() and first in (release / "belay.rb").read_text()
    os.utime(REPO / "README.md")
    subprocess.run(["sh", "-c", "umask 077; exec make -s dist URL=https://example.org/x"], cwd=REPO,
                   env=ENV, check=True, capture_output=True)
    assert sum_of(archive_of(release)) == first
    for recipe, url in (("PKGBUILD", '("https://example.org/x/belay-$pkgver.tar.gz"'),
                        ("belay.rb", f'url "https://example.org/x/{archive_of(release).name}"')):
        assert url in (release / recipe).read_text()
    make("dist")


def test_a_release_whose_sources_were_changed_brings_no_server(copy):
    """What was made of other sources is not taken for theirs."""
    subprocess.run(["tar", "xzf", archive_of(copy)], cwd=copy, check=True)
    tree = next(copy.glob("belay-*/"))

    def brought():
        plan = subprocess.run(["make", "-n", "all"], cwd=tree, env=ENV, check=True,
                              capture_output=True, text=True).stdout
        return "cp servers/" in plan

    assert brought()
    with (tree / "src/server/main.c").open("a") as file:
        file.write("/* changed */\n")
    assert not brought()


def test_rpm(host, copy, tmp_path):
    """Built as the release's own file says, and looked at."""
    need("rpmbuild", "rpmlint", "rpm2cpio", "cpio")
    top = tmp_path / "rpm"
    subprocess.run(["rpmbuild", "-ta", "--nodeps", "--define", f"_topdir {top}", archive_of(copy)],
                   env=ENV, check=True, capture_output=True)
    made = list(top.rglob("*.rpm"))
    assert len(made) == 2
    said = subprocess.run(["rpmlint", "-r", REPO / "packaging/rpm/belay.rpmlintrc", *made,
                           REPO / "packaging/rpm/belay.spec"], capture_output=True, text=True)
    assert " 0 errors, 0 warnings" in said.stdout, said.stdout
    root = tmp_path / "root"
    root.mkdir()
    subprocess.run(f"rpm2cpio {top}/RPMS/*/*.rpm | cpio -idm --quiet", shell=True, cwd=root, check=True)
    assert "no datagrams" in is_the_release(root / "usr")
    session_of(host, root / "usr/bin/belay")


def test_pacman(host, copy, tmp_path):
    """makepkg's package comes and goes with pacman, in a root of its own."""
    need("makepkg", "pacman", "bsdtar", "fakeroot")
    if os.getuid():
        pytest.skip("needs root")
    for path in (copy, *copy.iterdir()):
        shutil.chown(path, "nobody")
    for path in (tmp_path, tmp_path.parent, tmp_path.parents[1]):   # pytest's own
        path.chmod(0o755)
    subprocess.run(["setpriv", "--reuid", "nobody", "--clear-groups", "env", f"HOME={copy}", "makepkg",
                    "--nodeps", "--noconfirm"], cwd=copy, env=ENV, check=True, capture_output=True)
    root = tmp_path / "root"
    (root / "var/lib/pacman").mkdir(parents=True)

    def pacman(*words):
        subprocess.run(["pacman", "--root", root, "--dbpath", root / "var/lib/pacman", "--noconfirm",
                        "--logfile", "/dev/null", *words], check=True, capture_output=True)

    pacman("-U", "-dd", "--noscriptlet", next(copy.glob("*.pkg.tar*")))
    assert "no datagrams" not in is_the_release(root / "usr")
    session_of(host, root / "usr/bin/belay")
    pacman("-R", "belay")
    assert [path for path in files(root) if not path.startswith("var/lib/pacman/")] == []


def test_nix(host, copy, tmp_path):
    """The recipe, with nix, in a store of its own; nixpkgs is played by this machine (nixpkgs.nix)."""
    need("nix-build")
    if os.environ.get("PACKAGES") != "all":
        pytest.skip("make conformance T=packages")
    library = tmp_path / "bearssl/lib"
    library.mkdir(parents=True)
    shutil.copy(subprocess.run(["gcc", "-print-file-name=libbearssl.a"], capture_output=True,
                               text=True).stdout.strip(), library)
    subprocess.run(["tar", "xzf", archive_of(copy)], cwd=copy, check=True)
    (copy / "default.nix").write_text(
        f"import {next(copy.glob('belay-*/'))}/packaging/nix {{ pkgs = import {HERE}/nixpkgs.nix "
        f'{{ path = "{os.environ["PATH"]}"; bearssl = "{library.parent}"; }}; }}\n')
    places = {f"NIX_{name}_DIR": str(tmp_path / f"nix/{name.lower()}")
              for name in ("STORE", "STATE", "LOG", "CONF")}
    subprocess.run(["nix-build", "--option", "sandbox", "false", "--option", "build-users-group", ""],
                   cwd=copy, env={**ENV, **places, "HOME": str(copy)}, check=True, capture_output=True)
    assert "no datagrams" not in is_the_release(copy / "result")
    session_of(host, copy / "result/bin/belay")


@pytest.fixture(scope="module")
def package(release):
    need("dpkg-buildpackage", "dh", "lintian")
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
    is_the_release(root / "usr")
    session_of(host, root / "usr/bin/belay")
    dpkg("--purge", "belay")
    assert [path for path in files(root) if not path.startswith("var/lib/dpkg/")] == []
