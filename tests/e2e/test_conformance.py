"""Proves that what calls ssh rides through cuts with belay in its place: a small part of
`make conformance`, with less data.
"""

import pathlib
import random
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "conformance"))

import cases        # noqa: E402
from harness import SEED    # noqa: E402

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
