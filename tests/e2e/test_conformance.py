"""Proves that what calls ssh rides through cuts with belay in its place: a small part of
`make conformance`, with less data; and some of OpenSSH's own tests pass.
"""

import itertools
import os
import pathlib
import random
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "conformance"))

import cases        # noqa: E402
import openssh      # noqa: E402
import tools        # noqa: E402
from harness import SEED, belay_path    # noqa: E402

SIZE = 3_000_000


@pytest.mark.parametrize("name", [
    "git clone", "git push", "rsync to the host", "rsync from the host",
    "scp to the host", "scp from the host", "scp -O from the host", "sftp get"])
def test_with_cuts(make_host, name):
    print(f"seed {SEED}: set BELAY_E2E_SEED to repeat")
    try:
        cases.run(name, make_host(**cases.host_options()),
                  random.Random(f"{SEED} {name}"), SIZE)
    except cases.Missing as missing:
        pytest.skip(str(missing))


@pytest.mark.parametrize("name", ["expect", "VS Code's line"])
def test_beside_ssh(make_host, name):
    """Twice with a cut each; the others are in `make conformance`."""
    try:
        tools.run(name, make_host(**cases.host_options()))
    except cases.Missing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def places():
    """The suite of OpenSSH, by way."""
    reason = openssh.missing()
    if reason:
        pytest.skip(reason)
    os.makedirs("/run/sshd", exist_ok=True)
    made = {way: openssh.Place(way, belay_path(), n) for n, way in enumerate(openssh.WAYS)}
    yield made
    for place in made.values():
        place.close()


@pytest.mark.parametrize("way, name", zip(itertools.cycle(openssh.WAYS), openssh.QUICK))
def test_of_openssh_itself(places, way, name):
    """Those of its regression suite that take little; all of them are in `make conformance`."""
    result = openssh.judge(places[way], name)
    assert result.result == "passed", result.said
