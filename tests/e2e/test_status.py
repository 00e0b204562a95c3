"""Proves that the status line is drawn over the screen and taken away without a trace,
whatever becomes of the window meanwhile: in tmux, which breaks lines anew, and in an
emulated terminal that cuts them.
"""

import re
import shutil

import pytest

from harness import PROMPT, belay_argv, wait_until
from tmux import Tmux

SHOWN = {"BELAY_STATUS": None}
LOST = r"^belay: disconnected, \d+ "
needs_tmux = pytest.mark.skipif(not shutil.which("tmux"), reason="no tmux")


def cut(host):
    host.proxy.refuse()
    host.proxy.cut()


def of_belay(lines):
    return [line for line in lines if "belay" in line or "leaves" in line]


@pytest.fixture
def tmux(host):
    with Tmux(host, belay_argv(host)) as term:
        term.wait(re.escape(PROMPT.strip()))
        yield term
        term.line("exit 0")
        wait_until(lambda: not host.processes() and not host.client_processes()
                   or "belay" not in str(host.client_processes()))


def heal(host, term):
    host.proxy.heal()
    term.type(" \x7f")


SIZES = {"narrower": (24, 60), "much narrower": (24, 30), "wider": (24, 150),
         "lower": (12, 100), "higher": (40, 100), "smaller": (12, 60), "larger": (40, 150)}


def numbered(lines):
    return [int(line[4:]) for line in lines if re.fullmatch(r"line\d+", line)]


@needs_tmux
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("rows", [3, 60], ids=["room", "full"])
def test_another_size_of_the_window(host, tmux, rows, size):
    """The lines of the program are short: then it is known where the status line went."""
    tmux.line(f"clear; seq -f line%g {rows}")
    tmux.wait(f"^line{rows}$")
    cut(host)
    assert len(of_belay(tmux.wait(LOST))) == 1
    tmux.resize(*SIZES[size])
    heal(host, tmux)
    wait_until(lambda: not of_belay(tmux.lines()), what="\n".join(tmux.lines()))
    tmux.line("echo he''re")
    shown = tmux.wait("^here$")
    assert not of_belay(shown), "\n".join(shown)
    # What went into the scrollback with the line over it cannot be had back.
    found = numbered(shown)
    assert found == list(range(found[0], rows + 1)), "\n".join(shown)
    assert rows != 3 or (found[0] == 1 and shown[0] == "line1"), "\n".join(shown)


@needs_tmux
@pytest.mark.parametrize("size", SIZES)
def test_another_size_on_the_alternate_screen(host, tmux, size):
    """It is there again at once, once, and the rest of the screen is too."""
    tmux.line(r"printf '\e[?1049h\e[2J\e[Hline1\r\nline2\r\nline3\r\n'; read x; "
              r"printf '\e[?1049l'; echo he''re")
    tmux.wait("^line3$")
    cut(host)
    tmux.wait(LOST)
    tmux.resize(*SIZES[size])
    wait_until(lambda: numbered(tmux.lines()) == [2, 3] and len(of_belay(tmux.lines())) == 1,
               what="\n".join(tmux.lines()))
    host.proxy.heal()
    tmux.type("x")
    wait_until(lambda: numbered(tmux.lines()) == [1, 2, 3] and not of_belay(tmux.lines()),
               what="\n".join(tmux.lines()))
    tmux.type("\r")
    tmux.wait("^here$")


@pytest.mark.parametrize("size", [(40, 60), (40, 30), (40, 150), (60, 100), (60, 150)],
                         ids=str)
@pytest.mark.parametrize("screen", ["main", "alternate"])
def test_a_terminal_that_cuts_lines(host, screen, size):
    term = host.shell(emulate=True, env=SHOWN)
    if screen == "alternate":
        term.line(r"printf '\e[?1049h'; clear")
    term.line("clear; seq -f line%g 3; echo e''nd")
    term.wait_screen("^end$")
    cut(host)
    term.wait_screen(LOST)
    term.resize(*size)
    term.wait_until(lambda: numbered(term.screen.lines()) == [2, 3])
    host.proxy.heal()
    term.type(" \x7f")
    term.wait_until(lambda: not of_belay(term.screen.lines()))
    assert term.screen.lines()[:4] == ["line1", "line2", "line3", "end"]
    host.finish(term)
