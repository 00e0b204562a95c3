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
        "version": r"^belay \((.*)\) ", "licence": r"^License: (.*)$",
        "maintainer": r"^Maintainer: (.*)$", "needs": r"^(?:Build-)?Depends: (.*)$"},
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
    said = set(re.findall(SAID[kind][what], text_of(kind), re.M))
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
    assert said - TOOLS == wanted - {"-"}


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
