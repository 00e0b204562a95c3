"""Every package says the same of belay: what packaging/facts lists."""

import pathlib
import re
import subprocess

import pytest

REPO = pathlib.Path(__file__).resolve().parents[2]
PACKAGING = REPO / "packaging"
KINDS = ("debian", "homebrew", "arch", "rpm", "nix")
# Where each file says what, the value in the group; several files for Debian.
SAID = {
    "debian": {
        "name": r"^Package: (.*)$", "summary": r"^Description: (.*)$",
        "version": r"^belay \((.*)\) ", "licence": r"^License: (.*)$", "needs": r"^(?:Build-)?Depends: (.*)$"},
    "homebrew": {
        "name": r"^class (\w+) < Formula$", "summary": r'^  desc "(.*)"$',
        "version": r'^  version "(.*)"$', "licence": r'^  license "(.*)"$',
        "needs": r'^  depends_on "(.*)"'},
    "arch": {
        "name": r"^pkgname=(.*)$", "summary": r"^pkgdesc='(.*)'$", "version": r"^pkgver=(.*)$",
        "licence": r"^license=\((.*)\)$", "maintainer": r"^# Maintainer: (.*)$",
        "needs": r"^(?:make)?depends=\((.*)\)$"},
    "rpm": {
        "name": r"^Name: (.*)$", "summary": r"^Summary: (.*)$", "version": r"^Version: (.*)$",
        "licence": r"^License: (.*)$", "needs": r"^(?:Build)?Requires: (.*)$"},
    "nix": {
        "name": r'^  pname = "(.*)";$', "summary": r'^    description = "(.*)";$',
        "version": r'^  version = "(.*)";$', "licence": r"licenses\.(\w+);$",
        "needs": r"pkgs\.((?:openssh|gzip|glibc\.static|bearssl)\b)"},
}
# What is part of a build anywhere, and the packages' own tools.
TOOLS = {"make", "glibc", "debhelper-compat"}


def facts():
    lines = [line for line in (PACKAGING / "facts").read_text().splitlines()
             if line and not line.startswith("#")]
    found = dict(line.split(": ", 1) for line in lines)
    found["version"] = re.search(r"^VERSION := (.*)$", (REPO / "Makefile").read_text(),
                                 re.M).group(1)
    return found


def text_of(kind):
    return "\n".join(path.read_text() for path in sorted((PACKAGING / kind).rglob("*"))
                     if path.is_file())


def test_licence_is_that_of_the_repository():
    assert (REPO / "LICENSE").read_text().startswith(f"{facts()['licence']} License\n")


@pytest.mark.parametrize("what", ["name", "summary", "version", "licence", "maintainer"])
@pytest.mark.parametrize("kind", KINDS)
def test_package_says(kind, what):
    if what not in SAID[kind]:
        assert what == "maintainer"      # such packages have none
        return
    said = re.findall(SAID[kind][what], text_of(kind), re.M)
    said = said[:1] if what == "version" else set(said)     # the last one of a changelog
    fold = str.lower if kind in ("homebrew", "nix") else str
    assert {fold(one) for one in said} == {fold(facts()[what])}


@pytest.mark.parametrize("kind", KINDS)
def test_package_needs(kind):
    said = set()
    for line in re.findall(SAID[kind]["needs"], text_of(kind), re.M):
        line = re.sub(r"\$\{[^}]*\}|\([^)]*\)", "", line)
        said |= set(re.findall(r"[\w.-]+", line))
    wanted = {facts()[what].split()[KINDS.index(kind)]
              for what in ("ssh", "gzip", "compiler", "static", "bearssl")}
    assert said - TOOLS == wanted - {"-", "resource"}


@pytest.mark.parametrize("kind", KINDS)
def test_package_brings_what_is_not_packaged(kind):
    """From its own place, and with its checksum."""
    said = [facts()[what] in text_of(kind) for what in ("bearssl-source", "bearssl-sha256")]
    assert said == [facts()["bearssl"].split()[KINDS.index(kind)] == "resource"] * 2


def test_the_version_is_everywhere():
    """The first of CHANGELOG.md, what the man pages end with, and what the README installs."""
    version = facts()["version"]
    assert re.search(r"^## (.*)$", (REPO / "CHANGELOG.md").read_text(), re.M)[1] == version
    for page in (REPO / "doc").glob("*.[1-8]"):
        assert re.search(r"^\.Os belay (.*)$", page.read_text(), re.M)[1] == version, page.name
    said = re.findall(r"belay[-_](\d+\.\d+\.\d+)", (REPO / "README.md").read_text())
    assert set(said) == {version}


def test_nobody_has_an_address_that_is_none():
    """Not that of this machine, and none that was made up."""
    tracked = subprocess.run(["git", "-c", "safe.directory=*", "ls-files"], cwd=REPO, text=True,
                             capture_output=True).stdout.split()
    found = [name for name in tracked if (REPO / name).is_file() and not name.startswith("tests/")
             and re.search(rb"[\w.]@(localhost|example)\b", (REPO / name).read_bytes())]
    assert not found


def test_copyright_of_the_package_is_the_licence():
    def words(path):
        return " ".join(re.findall(r"[\w\"]+", path.read_text()))
    assert (words(REPO / "LICENSE").split("The belay authors ")[1]
            in words(PACKAGING / "debian/copyright"))


def test_scripts_are_read_by_their_shells():
    for argv in (["bash", "-n", "packaging/arch/PKGBUILD"], ["ruby", "-c",
                 "packaging/homebrew/belay.rb"]):
        if subprocess.run(["which", argv[0]], capture_output=True).returncode:
            continue
        subprocess.run(argv, cwd=REPO, check=True, capture_output=True)
