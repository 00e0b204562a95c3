"""A real terminal as the last judge: what tmux shows before a belay is killed, its history,
screens, cursor, colours and modes, it shows in a new window when another one has come back."""

import os
import re
import shlex
import shutil
import signal
import subprocess

import pytest
from harness import all_processes, belay_argv, wait_until
from patience import scaled

pytestmark = pytest.mark.skipif(not shutil.which("tmux"), reason="no tmux")

ROWS, COLS = 24, 80
STATE = ("cursor_x cursor_y cursor_flag cursor_shape alternate_on insert_flag wrap_flag"
         " origin_flag keypad_flag keypad_cursor_flag mouse_any_flag mouse_standard_flag"
         " mouse_button_flag mouse_sgr_flag scroll_region_upper scroll_region_lower pane_title"
         " pane_tabs").split()

# It shows something, a word at last, and goes on with each Enter.
PROGRAM = r"""
stty -echo
clear
i=0
while [ $i -lt 90 ]; do
    i=$((i + 1))
    printf '\033[3%d;1mrow %d\033[0m \033[4m%s\033[0m \033[48;5;%dmx\033[0m\n' \
        $((i % 8)) $i 漢字e$(printf '\314\201')👍🏽 $((i + 100))
    [ $((i % 9)) -ne 0 ] || printf 'a line that is longer than the window is wide %0150d\n' $i
done
printf '\033]2;the title\033\\\033[?1h\033=\033[?1002h\033[?1006h\033[?2004h\033[4;20r'
printf '\033[3g\033[5G\033H\033[10;30H\033[35mhere'
read x
printf '\033[?1049h\033[2J\033[?25l\033[?1002l\033[?1000h\033[3;7H\033[7mthe other screen'
read x
printf '\033[?1049l\033[?25h\033[?1000l\033[?1002h'
read x
"""


class Tmux:
    """One pane after the other, of the same size."""

    def __init__(self, host):
        self.host = host
        self.argv = ["tmux", "-S", str(host.dir / "tmux"), "-f", "/dev/null"]
        self.env = host.client_env(LANG="C.UTF-8")
        self.windows = 0

    def __call__(self, *args):
        return subprocess.run([*self.argv, *map(str, args)], env=self.env, check=True,
                              text=True, capture_output=True, timeout=scaled(20)).stdout

    def open(self, argv):
        """A new window with this program; what follows is about that one."""
        command = "exec " + shlex.join(map(str, argv))
        if not self.windows:
            self("new-session", "-d", "-x", COLS, "-y", ROWS, "sleep 1000")
            self("set", "-g", "status", "off")
            self("set", "-g", "history-limit", 200000)
        self("new-window", "-t", ":9" if self.windows else ":8", command)
        self.windows += 1

    def type(self, *keys):
        self("send-keys", *keys)

    def rows(self):
        """History and screen, with colours."""
        return self("capture-pane", "-e", "-p", "-S", "-").split("\n")

    def state(self):
        """The modes and what is on the screen."""
        shown = self("display-message", "-p", "\n".join(f"{name}=#{{{name}}}" for name in STATE))
        return shown, self("capture-pane", "-e", "-p")

    def wait(self, what):
        wait_until(lambda: what in self("capture-pane", "-p"), what=f"{what!r} is not shown")

    def kill(self):
        pid = int(self("display-message", "-p", "#{pane_pid}"))
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: pid not in all_processes())


@pytest.fixture
def tmux(host):
    one = Tmux(host)
    yield one
    one("kill-server")


def same(tmux, state):
    """Waits for that state; what differs is told."""
    try:
        wait_until(lambda: tmux.state() == state)
    except AssertionError:
        assert tmux.state() == state


def finish(host):
    assert host.piped(belay_argv(host, "--kill", "shown")).returncode == 0
    host.wait_gone()


@pytest.mark.parametrize("screen", ["main", "other"])
def test_what_tmux_shows_after_a_crash(host, tmux, screen):
    host.home_file("program", PROGRAM)
    tmux.open(belay_argv(host, "--session", "shown"))
    tmux.wait("ready$")
    tmux.type("sh program", "Enter")
    tmux.wait("here")
    main, rows = tmux.state(), tmux.rows()
    if screen == "other":
        tmux.type("Enter")
        tmux.wait("the other screen")
    shown = tmux.state()
    tmux.kill()

    tmux.open(belay_argv(host, "--session", "shown"))
    same(tmux, shown)
    if screen == "other":
        tmux.type("Enter")
        same(tmux, main)
    # Before the first row of the session stands only what belay said.
    now = tmux.rows()
    begin = next(n for n, row in enumerate(now) if "row 1\033" in row)
    was = next(n for n, row in enumerate(rows) if "row 1\033" in row)
    assert now[begin:] == rows[was:]
    assert begin <= was + 2
    finish(host)


# More than what is retained; and the same on the other screen, left with its modes.
LONG = [r"seq -f 'line %08.0f and some more to fill the row with text' 80000",
        r"printf '\033[?1049h\033[?1000h'; yes 'on the other screen' | head -c 5000000;"
        r" printf '\033[?1049l\033[?1000l'; seq -f 'line %08.0f' 500"]


@pytest.mark.parametrize(("command", "lines", "rows"),
                         [(LONG[0], 80000, None), (LONG[1], 500, None),
                          (LONG[0], 80000, 45), (LONG[0], 80000, 8)],
                         ids=["main", "other", "higher", "lower"])
def test_every_line_is_there_once_after_a_long_outage(host, tmux, command, lines, rows):
    tmux.open(belay_argv(host, "--session", "shown"))
    tmux.wait("ready$")
    tmux.type(f"clear; sleep 1; {command}; touch ~/done", "Enter")
    wait_until(lambda: host.running("sleep", "1"))
    host.proxy.refuse()
    host.proxy.cut()
    wait_until(lambda: (host.home / "done").exists(), timeout=60)
    if rows:
        tmux("resize-window", "-y", rows)
    host.proxy.heal()
    tmux.wait(f"line {lines:08}")
    tmux.wait("ready$")
    numbers = [int(row[5:13]) for row in tmux.rows() if re.match(r"line \d{8}", row)]
    assert numbers == list(range(1, lines + 1))
    state = tmux.state()[0]
    assert "alternate_on=0" in state and "mouse_any_flag=0" in state
    finish(host)
