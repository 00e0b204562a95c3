"""What terminals do when something is erased or moved while the cursor waits behind the last column, and
that the model does as most of them: for each sequence what most programs show, and where two are
as many, the one that loses nothing."""

import collections
import os
import pathlib
import shutil
import subprocess
import sys
import time

import pytest

from test_tmux import show      # noqa: F401 (a fixture)

HERE = pathlib.Path(__file__).resolve().parent
PATIENCE = 60
SEQUENCES = {"EL0": "\033[K", "EL1": "\033[1K", "EL2": "\033[2K", "ED0": "\033[J",
             "ED1": "\033[1J", "ED2": "\033[2J", "ECH": "\033[X", "DCH": "\033[P",
             "ICH": "\033[@", "SGR": "\033[m", "SU": "\033[S", "SD": "\033[T"}
# Whether the cursor goes on waiting (+), and what is erased: nothing, the last cell, all.
TABLE = """
            EL0  EL1  EL2  ED0  ED1  ED2  ECH  DCH  ICH  SGR  SU   SD
xterm       -1   -*   -*   -1   -*   -*   -1   -1   -1   +0   +0   +0
vte         +0   -*   +*   -1   -*   +*   -1   -1   -1   +0   +0   +0
kitty       +0   +*   +*   +0   +*   +*   +0   +0   +0   +0   +0   +0
alacritty   +1   +*   +*   +1   +*   +*   +1   +1   +1   +0   +0   +0
urxvt       +1   +*   +*   +1   +*   +*   +0   +0   +0   +0   +0   +0
tmux        +0   +*   +*   +0   +*   +*   +0   +0   +0   +0   +0   +0
screen      +1   +*   +*   +1   +*   +*   +1   +1   +1   +0   +0   +0
model       +0   +*   +*   +1   +*   +*   +0   +0   +0   +0   +0   +0
"""
HEAD, *BODY = (line.split() for line in TABLE.strip().splitlines())
KNOWN = {row[0]: dict(zip(HEAD, row[1:])) for row in BODY}
TERMINALS = [name for name in KNOWN if name != "model"]


def argv_of(name, program):
    if name == "vte":
        return [sys.executable, str(HERE / "edge_vte.py"), *program]
    if name == "kitty":
        return ["kitty", "--config", "NONE", *program]
    if name == "tmux":
        program = ["tmux", "-L", f"edge{os.getpid()}", "-f", "/dev/null", "new-session",
                   *program]
    if name == "screen":
        program = ["screen", "-c", "/dev/null", *program]
    return [name if name in ("urxvt", "alacritty") else "xterm", "-e", *program]


def is_there(name):
    if name == "vte":
        script = "import gi; gi.require_version('Vte', '2.91'); from gi.repository import Vte"
        return subprocess.run([sys.executable, "-c", script], capture_output=True).returncode == 0
    return bool(shutil.which(name)) and (name not in ("tmux", "screen") or shutil.which("xterm"))


@pytest.fixture(scope="module")
def display(tmp_path_factory):
    if not shutil.which("Xvfb"):
        pytest.skip("no Xvfb")
    directory = tmp_path_factory.mktemp("display")
    read, write = os.pipe()
    with subprocess.Popen(["Xvfb", "-displayfd", str(write), "-screen", "0", "1400x900x24",
                           "-fbdir", directory, "-nolisten", "tcp"],
                          pass_fds=[write], stderr=subprocess.DEVNULL) as server:
        os.close(write)
        with open(read, encoding="ascii") as told:
            number = told.readline().strip()
        yield f":{number}", directory / "Xvfb_screen0"
        server.terminate()


@pytest.mark.parametrize("name", TERMINALS)
def test_what_the_table_says_is_so(name, display, tmp_path):
    if not is_there(name):
        pytest.skip(f"no {name}")
    number, framebuffer = display
    output = tmp_path / "output"
    colour = "green" if name == "screen" else "true"
    program = [sys.executable, str(HERE / "edge_probe.py"), str(framebuffer), colour, str(output),
               *(f"{name}={sequence}" for name, sequence in SEQUENCES.items())]
    env = {**os.environ, "DISPLAY": number, "LANG": "C.UTF-8", "LIBGL_ALWAYS_SOFTWARE": "1",
           "HOME": str(tmp_path), "SCREENDIR": str(tmp_path / "screens")}
    (tmp_path / "screens").mkdir(mode=0o700)
    with subprocess.Popen(argv_of(name, program), env=env, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as terminal:
        end = time.monotonic() + PATIENCE
        while not output.exists() and terminal.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
        if terminal.poll() is None:
            terminal.terminate()
    if not output.exists():
        pytest.skip(f"{name} does not run here")
    found = {}
    for line in output.read_text().splitlines():
        what, waits, erased, cols = line.split()
        found[what] = "-+"[int(waits)] + ("*" if erased == cols else erased)
    assert found == KNOWN[name]


def test_the_model_does_as_most():
    for what in HEAD:
        votes = collections.Counter(KNOWN[name][what] for name in TERMINALS)
        most = max(votes.values())
        assert KNOWN["model"][what] == min(v for v in votes if votes[v] == most)


@pytest.mark.parametrize("what", HEAD)
def test_the_model_does_what_the_table_says(what, show):      # noqa: F811
    def shown(text):
        return subprocess.run([show], input="\r\n" + "x" * 80 + SEQUENCES[what] + text,
                              check=True, text=True, capture_output=True).stdout

    waits, erased = KNOWN["model"][what]
    assert shown("").count("x") == {"0": 80, "1": 79, "*": 0}[erased]
    row = next(row for row in shown("y").split("\n") if "y" in row)
    assert row.index("y") == (0 if waits == "+" else 79)
