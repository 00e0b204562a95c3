"""tmux as a second oracle: after the front part of each recording it shows the same text
as the terminal model."""

import gzip
import os
import pathlib
import shutil
import subprocess
import time

import pytest

HERE = pathlib.Path(__file__).resolve().parent
REPO = HERE.parents[2]
RECORDINGS = sorted((HERE / "recordings").glob("*.gz"))
ROWS, COLS = 24, 80
PATIENCE = 60  # seconds; it takes none
MARK = "~all shown~"  # its title, when all has been read

pytestmark = pytest.mark.skipif(not shutil.which("tmux"), reason="no tmux")


@pytest.fixture(scope="module")
def show(tmp_path_factory):
    program = tmp_path_factory.mktemp("show") / "show"
    sources = sorted(REPO.glob("src/term/*.c")) + sorted(REPO.glob("src/base/*.c"))
    subprocess.run(["gcc", "-std=c17", "-O1", "-Isrc", "-D_DEFAULT_SOURCE", "-o", program,
                    HERE / "show.c", *sources], cwd=REPO, check=True)
    return program


class Tmux:
    def __init__(self, tmp_path):
        self.argv = ["tmux", "-S", str(tmp_path / "socket"), "-f", "/dev/null"]

    def __call__(self, *args):
        env = {**os.environ, "LANG": "C.UTF-8", "TERM": "xterm-256color"}
        return subprocess.run([*self.argv, *args], env=env, check=True, text=True,
                              capture_output=True).stdout


@pytest.fixture
def tmux(tmp_path):
    server = Tmux(tmp_path)
    yield server
    server("kill-server")


def rows_of(text):
    rows = [row.rstrip() for row in text.split("\n")]
    return (rows + [""] * ROWS)[:ROWS]


@pytest.mark.parametrize("part", [0.35, 0.6, 0.9])
@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_tmux_shows_the_same(path, part, show, tmux, tmp_path):
    data = gzip.decompress(path.read_bytes())
    data = data[:int(len(data) * part)].decode(errors="ignore").encode()
    # An unfinished sequence would swallow the mark.
    (tmp_path / "bytes").write_bytes(data + b"\x18")
    tmux("new", "-d", "-x", str(COLS), "-y", str(ROWS),
         f"stty raw -echo; cat {tmp_path}/bytes; printf '\\033]2;{MARK}\\007'; sleep 60",
         ";", "set", "-g", "status", "off")
    end = time.monotonic() + PATIENCE
    while tmux("display", "-p", "#{pane_title}").strip() != MARK:
        assert time.monotonic() < end
    shown = tmux("capture-pane", "-p")
    model = subprocess.run([show], input=data + b"\x18", capture_output=True, check=True)
    assert rows_of(shown) == rows_of(model.stdout.decode())
