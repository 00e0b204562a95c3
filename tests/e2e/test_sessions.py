"""Leaving a session and coming back to it, several clients, managing sessions."""

import json
import os
import pathlib
import re
import shutil
import signal
import time

import pytest
from harness import (Host, PATH, PROMPT, WINDOW_CLOSES, Sshd, belay_argv, belay_path, kill, wait_until)
from peer import CLOSES_LAST, NEW, PIPES, Peer, frame
from tmux import Tmux

BACK = "back in the session"


# What happens while nobody is there takes its time: it begins with this file, and is looked at in
# its end.

HOOK = 'on-away echo "$BELAY_AWAY_WHAT|$BELAY_AWAY|$BELAY_AWAY_STATUS|$BELAY_SESSION" >>'
CLOCK = r"\d\d:\d\d"


class Alone:
    """A window that was closed, and one whose network is away."""

    def __init__(self, folder):
        self.host = host = Host()
        self.told, self.here = host.home / "told", folder / "here"
        host.home_file(".config/belay/server.conf", f"{HOOK}{self.told}\n")
        left = host.shell("--session", "left", env=WINDOW_CLOSES)
        left.line("""PROMPT_COMMAND='printf "\\e]133;D;$?\\a"'""")
        left.line(r"(sleep 3; printf '\a\e]777;notify;it;is done\a'; printf '\a') &")
        left.line("clear; sh -c 'for i in $(seq 34); do echo at$i; sleep 1; done; exit 3'")
        left.expect("at1")
        self.other = host.shell(
            "--new", "--on-away", f'echo "$BELAY_AWAY_WHAT|$BELAY_AWAY" >>{self.here}',
            emulate=True, env={"BELAY_STATUS": None})
        self.other.line("clear; sh -c 'for i in 1 2 3 4 5; do echo it$i; sleep 1; done; cat'")
        self.other.expect("it2")
        left.hang_up()
        host.proxy.refuse()
        host.proxy.cut()

    def kinds(self):
        """What the command on the host was told last of each."""
        lines = self.told.read_text().splitlines() if self.told.exists() else ()
        return {line.split("|")[0]: line for line in lines}


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    made = Alone(tmp_path_factory.mktemp("alone"))
    yield made
    assert not made.host.close()


def test_nobody_is_there_yet(alone):
    assert not alone.told.exists()


def left_shell(host, how):
    """A shell with something in it, left in one of the ways there are."""
    term = host.shell(env=WINDOW_CLOSES)
    term.line("mark=kept; echo ear''lier")
    term.expect("earlier")
    term.expect(PROMPT)
    how(term)
    wait_until(lambda: not os.path.exists(f"/proc/{term.pid}"), what="belay runs on")
    return term


def end_sessions(host):
    done = host.piped([*belay_argv(host), "--list", "--json"])
    for session in json.loads(done.stdout):
        host.piped([*belay_argv(host), "--kill", session["id"]])
    host.wait_gone()


WAYS = {"window": lambda term: term.hang_up(),
        "TERM": lambda term: term.signal(signal.SIGTERM),
        "killed": lambda term: term.signal(signal.SIGKILL),
        "escape": lambda term: term.type("\r~.")}


@pytest.mark.parametrize("way", WAYS)
def test_a_shell_that_was_left_is_come_back_to(host, way):
    left_shell(host, WAYS[way])
    # What is left on purpose is come back to in the same window only.
    term = host.belay(*["--return=always"] * (way == "escape"), emulate=True)
    term.expect(BACK)
    term.expect("earlier")  # its screen
    term.line("echo $mark-''here")
    term.expect("kept-here")
    term.expect(PROMPT)
    host.finish(term)
    assert len(host.processes()) == 0 or wait_until(lambda: not host.processes())


def test_leaving_says_how_to_come_back_and_to_end(host):
    term = left_shell(host, WAYS["escape"])
    assert term.wait_exit() == 255
    term.assert_sane()
    how = re.search(rb"`belay (.*)` comes back to it here, `belay --session (\w+) (.*)` "
                    rb"anywhere; `belay --kill (\w+) (.*)` ends it", term.raw)
    assert how and how[1] == how[3] == how[5] == f"-F {host.cfg} testhost".encode()
    assert how[2] == how[4]
    back = host.belay("--session", how[2].decode())
    back.line("echo $mark-''here")
    back.expect("kept-here")
    back.type("\r~.")
    assert back.wait_exit() == 255
    done = host.piped([belay_path(), "--kill", how[4].decode(), *how[5].decode().split()])
    assert done.returncode == 0, done
    host.wait_gone()
    fresh = host.shell("--return=always")
    assert b"belay:" not in fresh.raw   # who ended it here is not told of it
    host.finish(fresh)


def test_leaving_without_a_link(host):
    term = host.shell()
    host.proxy.refuse()
    host.proxy.cut()
    term.type("\r~.")
    assert term.wait_exit() == 255
    term.assert_sane()
    host.proxy.heal()
    back = host.belay("--return=always")
    back.expect(BACK)
    back.expect("ready")
    host.finish(back)


TWICE = r'''
"$@"
echo end-of-''one
"$@"
echo end-of-''two
'''


def test_what_is_left_on_purpose_is_come_back_to_in_its_window_only(host):
    window = host.start(["sh", "-c", TWICE, "sh", *belay_argv(host)], emulate=True)
    window.expect("ready")
    window.line("mark=kept; echo -$mark''-")
    window.expect("-kept-")
    window.type("\r~.")
    window.expect("end-of-one")
    window.expect(BACK)
    window.line("echo $mark-''here")
    window.expect("kept-here")
    window.type("\r~.")
    window.expect("end-of-two")
    elsewhere = host.belay()
    elsewhere.expect("was left elsewhere")
    elsewhere.expect("ready")
    assert host.output_of(elsewhere, "echo -$mark-") == "--\n"
    host.finish(elsewhere)
    end_sessions(host)


# As expect(1) and its like do it: the program is the leader of a terminal of its own, which
# is closed in the end.
DRIVES = """
import os, pty, sys
def spawn():
    pid, fd = pty.fork()
    if not pid:
        os.execv(sys.argv[1], sys.argv[1:])
    return fd
def expect(fd, *words):
    data = b""
    while not any(word in data for word in words):
        data += os.read(fd, 4096)
    return [word for word in words if word in data]
one = spawn()
expect(one, b"ready")
os.write(one, b"read -p sec''ret: answer; echo got=$answer\\n")
expect(one, b"secret:")
os.close(one)
two = spawn()
expect(two, b"ready")
os.write(two, b"echo an''swer\\n")
print(*expect(two, b"got=", b"answer"))
"""


@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_a_program_that_drives_a_shell_does_not_meet_the_last_one(host, term):
    done = host.piped(["/usr/bin/python3", "-c", DRIVES, *belay_argv(host)],
                      env={"TERM": term})
    assert done.stdout == b"b'answer'\n", done
    end_sessions(host)


def test_what_a_program_drove_without_keys_for_us_ends_with_it(host):
    """As TRAMP has it: nobody would come back to it."""
    term = host.shell("-e", "none", env=WINDOW_CLOSES | {"TERM": "dumb"})
    term.hang_up()
    host.wait_gone()
    fresh = host.shell()
    assert b"belay:" not in fresh.raw
    host.finish(fresh)


def test_never_and_always(host):
    left_shell(host, WAYS["window"])
    fresh = host.shell("--return=never")
    assert host.output_of(fresh, "echo -$mark-") == "--\n"
    host.finish(fresh)
    back = host.shell("--return=always")
    assert host.output_of(back, "echo -$mark-") == "-kept-\n"
    host.finish(back)
    done = host.piped([*belay_argv(host), "--return=perhaps"])
    assert done.returncode == 255 and b"--return=perhaps" in done.stderr


def test_a_new_one_when_asked_for(host):
    left_shell(host, WAYS["window"])
    fresh = host.shell("--new")
    assert host.output_of(fresh, "echo -$mark-") == "--\n"
    host.finish(fresh)
    old = host.shell()
    assert host.output_of(old, "echo -$mark-") == "-kept-\n"
    host.finish(old)


def test_a_session_in_use_is_not_taken(host):
    one, other = host.shell(), host.shell()
    assert host.output_of(one, "echo $$") != host.output_of(other, "echo $$")
    host.finish(one, other)


def test_a_named_session_is_made_and_taken_over(host):
    one = host.shell("--session", "work")
    one.line("mark=one; echo so''me")
    one.expect("some")
    one.expect(PROMPT)
    two = host.belay("--session=work")
    two.expect("some")
    assert one.wait_exit() == 255
    one.assert_sane()
    assert b"another client has taken the session over" in one.raw
    two.line("echo $mark-''two")
    two.expect("one-two")
    two.expect(PROMPT)
    host.finish(two)


def test_taken_over_while_away(host):
    one = host.shell("--session", "work")
    host.proxy.drop()
    two = host.belay("--session", "work")
    two.expect("ready")
    host.proxy.heal()
    assert one.wait_exit() == 255
    assert b"another client has taken the session over" in one.raw
    host.finish(two)


def test_clients_share_a_session(host):
    one = host.shell("--session", "both")
    two = host.belay("--session", "both", "--share")
    two.expect("ready")
    one.line("echo from''one")
    two.expect("fromone")
    two.line("echo from''two")
    one.expect("fromtwo")
    watch = host.belay("--session", "both", "--read-only")
    watch.expect("fromtwo")
    watch.line("echo from''watch")
    two.line("echo at''last")
    watch.expect("atlast")
    assert b"fromwatch" not in watch.raw + one.raw
    one.expect("atlast")
    host.finish(one)
    assert two.wait_exit() == 0
    assert watch.wait_exit() == 0


def test_a_client_that_stalls_holds_nobody_up(host):
    one = host.shell("--session", "both")
    two = host.belay("--share")  # the one that this machine has
    two.expect("ready")
    one.signal(signal.SIGSTOP)
    # Far more than what is retained, or fits into all the buffers on the way.
    two.line("yes 0123456789 | head -c 12000000; echo at''last")
    two.expect("atlast")
    two.expect(PROMPT)
    one.signal(signal.SIGCONT)
    one.expect("atlast")
    host.finish(two)
    assert one.wait_exit() == 0


def test_the_window_of_who_typed_last_counts(host):
    one = host.shell("--session", "both", rows=30, cols=90)
    two = host.belay("--session", "both", "--share", rows=20, cols=70)
    two.expect("ready")
    assert host.output_of(two, "stty size") == "20 70\n"
    # With the first keys, not behind them.
    assert host.output_of(one, "stty size") == "30 90\n"
    host.finish(one)
    assert two.wait_exit() == 0


def framed(term, rows, cols):
    """The screen within the frame, of a window that has one."""
    lines = [line.ljust(cols + 1) for line in term.screen.lines()]
    edges = (all(line[cols] == "|" for line in lines[:rows])
             and lines[rows].startswith("-" * cols + "+")
             and not any(line.strip() for line in lines[rows + 1:]))
    return [line[:cols].rstrip() for line in lines[:rows]] if edges else None


def test_a_session_fits_the_smallest_window(host):
    large = host.shell("--session", "both", "--fit", rows=30, cols=90, emulate=True)
    large.line("seq -f before%g 50")
    large.expect("before50")
    large.expect(PROMPT)
    small = host.belay("--session", "both", "--share", rows=20, cols=70, emulate=True)
    small.expect("before50")
    assert host.output_of(small, "stty size") == "20 70\n"

    def alike():
        return framed(large, 20, 70) == [line.rstrip() for line in small.screen.lines()]
    large.wait_until(lambda: small.pump() or alike())
    # What would wrap, scroll and stand elsewhere in the large one, typed there.
    large.line("seq -f during%g 30; printf '%0100d' 7; tput cup 99 99; printf x; echo; echo en''d")
    small.wait_screen("^end")
    large.wait_until(lambda: small.pump() or alike())
    large.line(r"printf '\e[?1049h\e[5;9r\e[9;1H'; seq 7; printf '\e[?1h\e[99;99Hx\e[H'; cat")
    small.wait_screen("^ {69}x$")
    large.wait_until(lambda: small.pump() or alike())
    small.resize(10, 40)
    large.wait_until(lambda: small.pump() or framed(large, 10, 40) is not None)
    small.resize(20, 70)
    large.type("\x03")
    small.expect("^C")
    small.expect(PROMPT)
    large.line(r"printf '\e[r\e[?1l\e[?1049l'; echo ba''ck")
    large.wait_until(lambda: small.pump() or "back" in (framed(large, 20, 70) or ()))
    # It is alone again: what has scrolled by meanwhile is in its own scrollback.
    small.type("\r~.")
    small.wait_exit()
    large.line("echo here-''again; stty size")
    large.wait_screen("^30 90")
    assert not any("|" in line for line in large.screen.lines())
    shown = [line for line in large.screen.main_text() if re.match(r"before|during", line)]
    assert shown == [f"before{n}" for n in range(1, 51)] + [f"during{n}" for n in range(1, 31)]
    host.finish(large)


def test_readers_and_those_who_do_not_ask_change_nothing(host):
    large = host.shell("--session", "both", "--fit", rows=30, cols=90)
    reader = host.belay("--session", "both", "--read-only", "--fit", rows=20, cols=70)
    reader.expect("ready")
    assert host.output_of(large, "stty size") == "30 90\n"
    reader.type("\r~.")
    host.finish(large)


def manage(host, *words):
    return host.piped(belay_argv(host, *words))


def listed(host):
    done = manage(host, "--list", "--json")
    assert done.returncode == 0, done
    return json.loads(done.stdout)


def test_list_rename_detach_kill(host):
    term = host.shell("--session", "first")
    term.line("sleep 1000")
    wait_until(lambda: host.running("sleep", "1000"))
    found = listed(host)
    assert [(one["name"], one["running"], one["clients"], one["kind"]) for one in found] \
        == [("first", "sleep", 1, "terminal")]
    table = manage(host, "--list").stdout.decode()
    assert re.search(r"^  \w{8}  first +sleep +\d+ s +1 +~$", table, re.M), table
    assert re.search(r"^ +last:  ready\$ sleep 1000$", table, re.M), table
    assert manage(host, "--rename", "first:second").returncode == 0
    assert listed(host)[0]["name"] == "second"
    assert manage(host, "--rename", "second:no good").returncode == 255
    assert manage(host, "--rename", "second").returncode == 255
    assert manage(host, "--detach", "second").returncode == 0
    assert term.wait_exit() == 0
    assert b"detached" in term.raw
    term.assert_sane()
    assert listed(host)[0]["clients"] == 0
    gone = manage(host, "--kill", "nobody")
    assert gone.returncode == 1 and b"nobody" in gone.stderr
    assert manage(host, "--kill", found[0]["id"][:6]).returncode == 0
    wait_until(lambda: listed(host) == [])
    assert manage(host, "--list").stdout == b"no sessions\n"


def test_the_one_that_is_come_back_to_is_marked_and_the_youngest_first(host):
    host.finish(host.shell())           # where the cache is, and the server
    first = host.shell("--session", "first")
    left_shell(host, WAYS["window"])
    lines = manage(host, "--list", "--return=always").stdout.decode().splitlines()
    marked = [line for line in lines if line.startswith(">")]
    assert len(marked) == 1 and "first" not in marked[0], lines
    sessions = [line for line in lines[1:] if re.match(r"[> ] \w{8}  ", line)]
    assert len(sessions) == 2, lines
    host.finish(first, host.shell("--return=always"))


def test_several_are_ended_and_idle_ones(host):
    for name in ("one", "two", "three"):
        host.shell("--session", name).signal(signal.SIGKILL)
    busy = host.shell("--session", "busy")
    busy.line("sleep 1000 &")
    busy.expect(PROMPT)
    busy.signal(signal.SIGKILL)
    used = host.shell("--session", "used")
    wait_until(lambda: sorted(one["clients"] for one in listed(host)) == [0, 0, 0, 0, 1])
    assert manage(host, "--kill", "one,two").returncode == 0
    wait_until(lambda: {one["name"] for one in listed(host)} == {"three", "busy", "used"})
    done = manage(host, "--kill", "--idle")
    assert re.fullmatch(rb"ended \w{8}\n", done.stdout), done
    wait_until(lambda: {one["name"] for one in listed(host)} == {"busy", "used"})
    known = host.piped([*belay_argv(host)[:1], "--list"]).stdout.decode()
    assert "one" not in known and "two" not in known, known
    # Without a destination: this machine knows where it is.
    done = host.piped([*belay_argv(host)[:-1], "--kill", "busy"])
    assert done.returncode == 0, done
    wait_until(lambda: {one["name"] for one in listed(host)} == {"used"})
    host.finish(used)


def test_what_a_host_says_of_its_sessions_does_nothing_to_the_terminal(host):
    term = host.shell("--session", "first")
    term.line(r"stty -echo; printf 'ev\342\200\256il'; cat")
    term.expect("il")
    shown = host.belay("--list")
    shown.wait_exit()
    assert b"\033" not in shown.raw and b"\342\200\256" not in shown.raw, shown.raw
    assert b"ev?il" in shown.raw, shown.raw
    term.type("\x04")
    host.finish(term)


def test_a_host_that_belay_leaves(host):
    """Not while there is a session; then nothing is left there, and the next start lands anew."""
    keeps = [host.home / ".local/state/belay/sessions", host.home / ".cache/belay/serving-hosts"]
    term = host.shell("--new", env=WINDOW_CLOSES)
    for path in keeps:      # of a belay that this account runs there
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine\n")
    term.hang_up()
    wait_until(lambda: not host.client_processes())
    done = host.piped(belay_argv(host, "--remove"))
    assert done.returncode == 1 and b"end them first" in done.stderr
    assert host.server_files()
    (session,) = (one for one in host.processes() if "hold" in one.argv[1:])
    kill(session.pid, signal.SIGTERM)
    host.wait_gone()
    done = host.piped(belay_argv(host, "--remove"))
    assert done.returncode == 0 and not done.stderr, done
    removed = done.stdout.decode().splitlines()
    assert any("/belay/server-" in line for line in removed), removed
    left = [path for path in host.home.rglob("*") if "belay" in str(path) and not path.is_dir()]
    assert sorted(left) == sorted(keeps)
    assert host.piped(belay_argv(host, "--remove")).stdout == b""
    assert host.piped([*belay_argv(host, "--remove"), "ls"]).returncode == 255
    term = host.shell("--new")
    assert host.server_files()
    host.finish(term)


def test_managing_from_inside(host):
    term = host.shell("--session", "inner")
    assert "inner" in host.output_of(term, "$BELAY_SERVER list")
    term.line("$BELAY_SERVER rename $BELAY_SESSION outer; $BELAY_SERVER detach")
    assert term.wait_exit() == 0
    assert b"detached" in term.raw
    back = host.belay("--session", "outer")
    back.expect("ready")
    host.finish(back)


def test_what_cannot_be_remembered_is_said(host, tmp_path):
    (tmp_path / "state").write_bytes(b"")       # no directory can be made there
    term = host.shell(env={"XDG_STATE_HOME": tmp_path / "state"})
    assert b"cannot remember this session: Not a directory" in term.raw
    host.finish(term)


def test_what_this_machine_remembers(host):
    left_shell(host, WAYS["window"])
    term = host.shell("--session", "named")
    done = host.piped([*belay_argv(host)[:1], "--list", "--json"])
    found = {one["name"]: one for one in json.loads(done.stdout)}
    assert set(found) == {"", "named"}
    assert found["named"]["open"] and not found[""]["open"]
    assert found[""]["host"] == "testhost"
    table = host.piped([*belay_argv(host)[:1], "--list"]).stdout.decode()
    assert re.search(r"^\w{8} +testhost +named +.*open$", table, re.M), table
    host.finish(term, host.shell())
    done = host.piped([*belay_argv(host)[:1], "--list"])
    assert done.stdout == b"no sessions\n"


# History: as much as the link has time for.

NARROW = 8000  # bytes a second: 64 kbit/s
ROWS = 3000
LEFT_OUT = re.compile(rb"\[belay: (\d+) lines of history left out: the link is slow\]\r\n")


@pytest.fixture
def left_rows(host):
    """A shell that has written many rows, left."""
    term = host.shell()
    term.line(f"seq -f 'row %05.0f of all that has been written' {ROWS}; echo e''nd")
    term.expect("end")
    term.expect(PROMPT)
    term.signal(signal.SIGKILL)
    wait_until(lambda: not os.path.exists(f"/proc/{term.pid}"), what="belay runs on")
    return host


def rows_of(term):
    return [int(n) for n in re.findall(rb"row (\d{5}) of", bytes(term.raw))]


def test_a_narrow_link_gets_the_youngest_rows_and_soon_the_screen(left_rows):
    host = left_rows
    host.proxy.limit(NARROW)
    term = host.belay("--history", "20000", "--history-time", "2")
    term.expect(BACK)
    before = host.proxy.bytes["down"]
    term.expect("end")
    term.expect("ready")
    # As much as it carries in the 2 s, and what has stood in the way before.
    assert host.proxy.bytes["down"] - before < 4 * NARROW
    rows = rows_of(term)
    gaps = [(a, b) for a, b in zip(rows, rows[1:]) if b != a + 1]
    assert rows[0] == 1 and rows[-1] == ROWS and len(gaps) == 1
    assert int(LEFT_OUT.search(term.raw)[1]) == gaps[0][1] - gaps[0][0] - 1
    assert ROWS - gaps[0][1] > 100 > gaps[0][0]
    host.proxy.limit(None)
    host.finish(term)


@pytest.mark.parametrize("rate", [None, 10 * NARROW], ids=["fast", "patient"])
def test_all_rows_come_where_there_is_time(left_rows, rate):
    host = left_rows
    host.proxy.limit(rate)
    term = host.belay("--history", "20000", *["--history-time=0"] * bool(rate))
    term.expect("end")
    term.expect("ready")
    assert rows_of(term) == list(range(1, ROWS + 1))
    host.finish(term)


# A long outage: the program does not wait, and what its bytes were the model tells.

LINES = 80_000  # more than what is retained


def test_a_long_outage_loses_no_line(host):
    term = host.shell()
    term.line("sleep 1; seq -f 'line %08.0f and some more to fill the row with text'"
              f" {LINES}; touch ~/done")
    wait_until(lambda: host.running("sleep", "1"))
    host.proxy.refuse()
    host.proxy.cut()
    wait_until(lambda: (host.home / "done").exists(), timeout=60)
    host.proxy.heal()
    term.expect(f"line {LINES:08}", timeout=60)
    term.expect("ready")
    numbers = [int(n) for n in re.findall(rb"line (\d{8}) and", bytes(term.raw))]
    assert b"could not be kept" not in term.raw
    # Once each, but for those that stood on the screen when the bytes ended: they are
    # drawn again where they were.
    again = [n for n, after in zip(numbers, numbers[1:]) if after <= n]
    assert len(again) <= 1 and sorted(set(numbers)) == list(range(1, LINES + 1))
    assert len(numbers) - LINES <= 40
    host.finish(term)


def test_in_a_silent_outage_the_program_goes_on(host):
    term = host.shell()
    term.line(f"sleep 1; seq -f 'line %08.0f and some more' {LINES}; touch ~/done")
    wait_until(lambda: host.running("sleep", "1"))
    host.proxy.drop(new=True)
    wait_until(lambda: (host.home / "done").exists(), timeout=30)
    host.proxy.heal()
    host.proxy.cut()
    term.expect(f"line {LINES:08}", timeout=60)
    host.finish(term)


# The last words.

def full_screen(host):
    term = host.shell("--session", "shown")
    term.line(r"stty -echo; printf 'half a line\033[?1049h\033[5;5Hfull sc''reen'; cat >/dev/null")
    term.expect("full screen")
    return term


def check_last_words(term, words):
    """They come behind the other screen, in a line of their own."""
    term.expect(words)
    term.wait_exit()
    before, _, after = bytes(term.raw).rpartition(b"belay: ")
    assert before.count(b"\033[?1049l") == 1 and before.endswith(b"\n")
    assert b"\033[?1049" not in after


def test_last_words_are_not_on_the_other_screen(host):
    term = full_screen(host)
    term.type("\r~.")
    check_last_words(term, "the session goes on")
    other = host.belay("--session", "shown")
    other.expect("full screen")
    other.type("\x03")
    other.expect(PROMPT)
    host.finish(other)


def test_who_loses_the_session_reads_it_on_the_main_screen(host):
    term = full_screen(host)
    other = host.belay("--session", "shown")
    other.expect("full screen")
    check_last_words(term, "another client has taken the session over")
    other.type("\x03")
    other.expect(PROMPT)
    host.finish(other)


# The end.

def settle(child):
    """Until the host knows that the client knows of the session."""
    assert child.stdout.readline() == b"on\n"
    child.stdin.write(b"both ways\n")
    child.stdin.flush()
    assert child.stdout.readline() == b"both ways\n"


def test_a_killed_client_takes_its_command_along(host):
    with host.popen(belay_argv(host) + ["echo on; exec cat"]) as child:
        settle(child)
        child.kill()
        child.communicate()
    host.wait_gone()


def ends_first(env):
    """Whether, of two clients whose input ends alone, that one ends at once which lets none end
    before its link; of the other it is less clear."""
    other, certain = (Peer(env, session=os.urandom(16), request=NEW, kind=PIPES, flags=flags,
                           command=b"exec cat").grant() for flags in (0, CLOSES_LAST))
    for one in (other, certain):
        one.send(frame("PING", stamp=1))
        one.expect(lambda: "PONG" in one.names)
    for one in (other, certain):
        one.child.stdin.close()
    certain.expect(lambda: certain.over)
    first = other.lives()
    other.expect(lambda: other.over)
    for one in (other, certain):
        one.close()
    return first


def test_whose_input_ends_alone_was_killed(tmp_path):
    env = {"PATH": PATH, "HOME": str(tmp_path), "SHELL": "/bin/sh",
           "BELAY_RUN_DIR": str(tmp_path / "run"),
           **{name: os.environ[name] for name in os.environ if "SAN_OPT" in name}}
    # A busy machine may look too late, but not each time.
    assert any(ends_first(env) for _ in range(5))


def test_a_session_nobody_comes_back_to_ends(host):
    term = host.shell("--linger", "2s")
    term.signal(signal.SIGKILL)
    host.wait_gone()


def test_a_command_nobody_comes_back_to_ends(host):
    with host.popen(belay_argv(host) + ["echo on; exec cat"],
                    env={"BELAY_LINGER": "2"}) as child:
        settle(child)
        host.proxy.refuse()
        host.proxy.cut()
        host.wait_gone()
        child.kill()
        child.communicate()
    host.proxy.heal()


# Where a cleaner has been.

@pytest.mark.parametrize("way", ["come back", "list", "named", "resume"])
def test_a_session_whose_socket_was_removed_is_there(host, way):
    name = ["--session", "work"] * (way == "named")
    term = host.shell(*name)
    term.line("mark=kept")
    term.expect(PROMPT)
    if way == "resume":
        host.proxy.refuse()
        host.proxy.cut()
    else:
        term.signal(signal.SIGKILL)
    shutil.rmtree(host.run)
    host.proxy.heal()
    if way == "list":
        assert [one["kind"] for one in listed(host)] == ["terminal"]
    if way != "resume":
        term = host.belay(*name)
        term.expect("mark=kept")
    term.line("echo $mark-''here")
    term.expect("kept-here")
    term.expect(PROMPT)
    assert sorted(map(len, os.listdir(host.run))) == [32]
    host.finish(term)


# Where logind ends what a user has started.

BUSCTL = r"""#!/bin/sh
echo "$*" >> "$BELAY_ROOT/asked"
case $* in
*get-property*) printf 'b true\nas 1 "root"\n' ;;
*) echo 0::/user.slice/user-0.slice/user@0.service/app.slice/belay-1.scope >"$BELAY_ROOT/proc/self/cgroup" ;;
esac
"""
ENDS = "this host ends the session with your last login"


@pytest.fixture
def logind(make_host, tmp_path):
    """Makes a host with a logind as its configuration says."""
    def make(conf, lingers=True, session=True):
        for folder in ("bin", "proc/self", "etc/systemd/logind.conf.d", "var/lib/systemd/linger"):
            (tmp_path / folder).mkdir(parents=True)
        (tmp_path / "bin/busctl").write_text(BUSCTL)
        (tmp_path / "bin/busctl").chmod(0o755)
        scope = "session-7.scope" if session else "cron.service"
        (tmp_path / "proc/self/cgroup").write_text(f"0::/user.slice/user-0.slice/{scope}\n")
        (tmp_path / "etc/systemd/logind.conf").write_text("[Login]\n#KillUserProcesses=no\n")
        (tmp_path / "etc/systemd/logind.conf.d/50-mine.conf").write_text(conf)
        if lingers:
            (tmp_path / "var/lib/systemd/linger/tester").touch()
        return make_host(setenv={"BELAY_ROOT": tmp_path, "PATH": f"{tmp_path}/bin:{PATH}"})
    return make


def asked(tmp_path):
    path = tmp_path / "asked"
    return path.read_text().splitlines() if path.exists() else []


@pytest.mark.parametrize("lingers", [True, False])
def test_a_session_gets_a_scope_where_logind_would_end_it(logind, tmp_path, lingers):
    host = logind("[Login]\nKillUserProcesses=yes\n", lingers)
    term = host.shell()
    pid = host.holder(term).pid
    assert asked(tmp_path)[1:] == [
        "--user call org.freedesktop.systemd1 /org/freedesktop/systemd1"
        " org.freedesktop.systemd1.Manager StartTransientUnit ssa(sv)a(sa(sv))"
        f" belay-{pid}.scope fail 2 PIDs au 1 {pid} CollectMode s inactive-or-failed 0"]
    assert (ENDS.encode() in term.raw) == (not lingers)
    assert "BELAY_ENDS" not in host.output_of(term, "env")
    host.finish(term)


@pytest.mark.parametrize(("conf", "session"), [("", True), ("KillUserProcesses=yes\n", False)],
                         ids=["not set", "not in a login"])
def test_elsewhere_nobody_is_asked(logind, tmp_path, conf, session):
    host = logind(conf, session=session)
    term = host.shell()
    assert not asked(tmp_path) and ENDS.encode() not in term.raw
    host.finish(term)


# What is shown while the link does not answer, and what is left when all is over.

SHOWN = {"BELAY_STATUS": None}


def outage(host, term, during):
    host.proxy.refuse()
    host.proxy.cut()
    during()
    host.proxy.heal()
    term.type(" \x7f")  # a key: the next attempt is made now
    wait_until(lambda: host.proxy.live > 0)


@pytest.mark.parametrize("screen", ["main", "alternate"])
def test_the_status_line_leaves_no_trace(host, screen):
    term = host.shell(emulate=True, env=SHOWN)
    if screen == "main":
        term.line("clear; seq 60; echo e''nd")
    else:
        term.line(r"printf '\e[?1049h\e[2J\e[5;5H'; echo e''nd")
    term.expect("end")
    term.expect(PROMPT)
    before = term.screen.lines()
    outage(host, term, lambda: term.wait_screen(r"belay: testhost: .*\d s"))
    wait_until(lambda: not term.pump(0.05) and "belay:" not in "\n".join(term.screen.lines()))
    assert term.screen.lines() == before
    host.finish(term)


def test_where_nothing_can_be_drawn_the_title_tells(host):
    term = host.shell(env=SHOWN)
    outage(host, term, lambda: term.expect("\033]2;belay: "))
    term.expect("\033[23;2t")
    host.finish(term)


def test_what_the_program_left_on_is_switched_off(host):
    term = host.shell()
    term.line(r"printf '\e[?1000h\e[?1006h\e[?25l\e[5 q\e[1;31m'; exit 0")
    assert term.wait_exit() == 0
    last = bytes(term.raw)[term.raw.rindex(b"logout"):]
    for off in (b"\033[?1000l", b"\033[?1006l", b"\033[?25h", b"\033[0 q"):
        assert off in last, off
    plain = host.shell()
    host.finish(plain)
    assert b"\033[?1000l" not in plain.raw


def test_questions_are_answered_while_nobody_is_there(host):
    host.home_file("ask.py", ASK)
    term = host.shell()
    term.line("sleep 1; /usr/bin/python3 ~/ask.py; touch ~/done")
    wait_until(lambda: host.running("sleep", "1"))
    host.proxy.refuse()
    host.proxy.cut()
    wait_until(lambda: (host.home / "done").exists())
    host.proxy.heal()
    term.expect("as''ked".replace("''", ""))
    assert b"answers: '\\x1b[" in term.raw
    assert b"\033[6n" not in term.raw[term.raw.index(b"before"):] and b"\033[c" not in term.raw
    assert b"b\033[31mc" in term.raw  # what is no question is there
    term.expect("ready")
    host.finish(term)


ASK = r"""
import os, select, sys, termios, tty
old = termios.tcgetattr(0)
tty.setraw(0)
os.write(1, b"before a")
for part in (b"\033[", b"6n", b"b\033[31mc\033[m\033", b"[c"):
    os.write(1, part)
    select.select([], [], [], 0.05)
seen = b""
while seen.count(b"\033") < 2 and select.select([0], [], [], 10)[0]:
    seen += os.read(0, 100)
termios.tcsetattr(0, termios.TCSANOW, old)
print("answers:", ascii(seen.decode()), "asked")
"""


# A name that leads to several machines.

@pytest.fixture
def two_machines(host):
    """Two hosts behind the name and with the home directory of `host`; which of them answers
    is what to(i) says."""
    if os.getuid():
        pytest.skip("needs root, to be two machines")
    others = []
    for i in range(2):
        number = host.dir / f"machine-{i}"
        number.write_text(f"{i + 1:032x}\n")
        run = host.dir / f"run-{i}"
        run.mkdir(mode=0o700)
        folder = host.dir / f"sshd-{i}"
        folder.mkdir()
        one = Sshd(folder, host.sshd.shell, {**host.sshd.setenv, "BELAY_RUN_DIR": run})
        one.home = host.home
        one._write_users()
        one.within = ["unshare", "-m", "sh", "-c",
                      'mount --bind "$0" /etc/machine-id && exec "$@"', number]
        others.append(one.start())

    def to(i):
        host.proxy.target = ("127.0.0.1", others[i].port)

    to(0)
    yield to
    for one in others:
        one.stop()


def test_another_machine_of_the_name_answers(host, two_machines):
    """It says nothing of the session: that goes on when its own machine answers again."""
    term = host.shell(env={"BELAY_STATUS": None}, cols=160)
    term.line("mark=kept")
    term.expect(PROMPT)
    holders = len(host.processes())
    two_machines(1)
    host.proxy.cut()
    term.expect("another machine of this name answers")
    two_machines(0)
    term.type("\x15")
    term.line("echo $mark-''here")
    term.expect("kept-here")
    assert len(host.processes()) == holders
    host.finish(term)
    host.wait_gone()


def test_sessions_that_were_left_on_two_machines(host, two_machines):
    """A shell comes back to what was left on the machine that answers, and never starts
    another one in the place of what is on the other."""
    for i in range(2):
        two_machines(i)
        term = host.belay(env=WINDOW_CLOSES)
        term.expect(PROMPT)
        assert (b"another machine of this name answers" in term.raw) == (i == 1)
        term.line(f"mark=machine{i}; echo do''ne")
        term.expect("done")
        term.hang_up()
        wait_until(lambda: not os.path.exists(f"/proc/{term.pid}"), what="belay runs on")
    for i in range(2):
        two_machines(i)
        term = host.belay()
        term.expect(BACK)
        term.line("echo $mark-''here")
        term.expect(f"machine{i}-here")
        host.finish(term)
    host.wait_gone()


# Questions of the program's, which a terminal answers among the keys.

ASKS = (r"stty raw -echo min 0 time 30; printf '\033[6n'; a=$(head -c 20 | tr -dc '0-9;R'); "
        r'stty sane; echo "an""swer=$a." ')


@pytest.mark.parametrize("other", ["sharer", "reader"])
def test_of_two_terminals_one_answers(host, other):
    term = host.shell(emulate=True)
    more = host.belay("--share" if other == "sharer" else "--read-only", emulate=True)
    more.expect("ready$")
    for _ in range(3):
        term.line("clear; " + ASKS.replace("min 0 time 30", "min 0 time 20"))
        term.wait_until(lambda: b"answer=" in more.raw[more.at:] or more.pump(0.05))
        assert term.expect(re.compile(rb"answer=([0-9;R]*)\."))[1] == b"1;1R"
        more.expect("answer=")
        term.expect(PROMPT)
    term.line("echo e''nd")
    term.expect("end")
    more.type("\r~.")
    more.wait_exit()
    host.finish(term)


def test_what_is_asked_in_an_outage_is_answered_once_and_in_time(host):
    """Silent: the program's question is on its way to the terminal until the link is back."""
    term = host.shell(emulate=True)
    term.line("touch waits; while [ ! -e go ]; do sleep 0.1; done; " + ASKS + "| tee said")
    term.wait_until((host.home / "waits").exists)
    host.proxy.drop(new=True)
    (host.home / "go").touch()
    said = host.home / "said"
    term.wait_until(lambda: said.exists() and b"." in said.read_bytes())
    assert re.search(rb"answer=\d+;\d+R\.", said.read_bytes()), said.read_bytes()
    host.proxy.heal()
    term.expect("answer=")
    term.expect(PROMPT)
    term.line("echo e''nd")
    term.expect("echo e''nd")
    term.expect("end")
    lines = [line for line in term.text_lines() if "ready$" in line]
    assert "R" not in lines[-1], lines      # nothing was typed by the terminal
    host.finish(term)


# This machine was started again.


def went_down(host):
    """As if the machine had been started again since."""
    boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip().replace("-", "")
    for path in (host.client_home / "state/belay/sessions").iterdir():
        path.write_text(path.read_text().replace(boot, "0" * 31 + "1"))


@pytest.mark.skipif(not shutil.which("tmux"), reason="no tmux")
def test_the_windows_of_before_are_opened_again(host):
    terms = []
    for word in ("one", "two"):
        terms.append(host.shell())
        terms[-1].line(f"mark={word}")
        terms[-1].expect(PROMPT)
    kept = host.shell()
    kept.type("\r~.")
    kept.wait_exit()
    for term in terms:
        term.signal(signal.SIGKILL)
        term.wait_exit()
    assert host.piped([belay_path(), "--restore", "--print"]).stdout == b""
    went_down(host)
    lines = host.piped([belay_path(), "--restore", "--print"]).stdout.decode().splitlines()
    line = re.compile(rf"belay --session [0-9a-f]{{32}} -F {host.cfg} testhost")
    assert len(lines) == 2 and all(map(line.fullmatch, lines))
    command = f"PATH={belay_path().parent}:$PATH; belay --restore; cat"
    with Tmux(host, ["sh", "-c", f"export {command}"]) as term:
        def windows():
            return term("list-windows", "-F", "#{window_index}").split()
        wait_until(lambda: {"1", "2"} <= set(windows()))    # the last one is the current one
        for number, word in enumerate(("one", "two"), 1):
            term("select-window", "-t", str(number))
            term.line("echo $mark-''here")
            term.wait(f"^{word}-here")
            term.line("exit")
            wait_until(lambda: str(number) not in windows())
    left = host.belay("--return=always")    # on purpose
    left.expect("ready$")
    host.finish(left)


def test_what_has_happened_while_nobody_was_there(alone):
    """Told in both windows, in the list, and to commands on both sides."""
    host, other = alone.host, alone.other
    wait_until(lambda: set(alone.kinds()) >= {"ended", "quiet"}, timeout=60)
    kinds = alone.kinds()
    assert set(kinds) == {"ended", "notice", "bell", "quiet"}
    assert re.fullmatch(r"ended\|sh ended \(3\)\|3\|\w{32}", kinds["ended"])
    assert kinds["notice"].startswith("notice|notice: is done||")
    assert kinds["bell"].startswith("bell|2 bells||")
    assert kinds["quiet"].startswith("quiet|quiet||")
    host.proxy.heal()
    other.type(" \x7f")
    # In the window that was there a line, until somebody types.
    other.wait_screen(rf"^belay: while away: quiet since {CLOCK} *$")
    found = {one["name"]: one["away"] for one in listed(host)}
    assert [(one["what"], one["count"]) for one in found["left"]] == [
        ("ended", 1), ("notice", 1), ("bell", 2)]
    assert found["left"][0]["text"] == "sh" and found["left"][0]["status"] == 3
    assert 0 <= time.time() - found["left"][0]["at"] < 600 and not found[""]
    table = manage(host, "--list").stdout.decode()
    age = r"\d+ (s|min) ago"
    assert re.search(rf"^ +away:  sh ended \(3\) {age}; notice: is done {age}; 2 bells {age}$",
                     table, re.M), table
    time.sleep(2)
    other.type("x")
    other.wait_until(lambda: not any("while away" in line for line in other.screen.lines()))
    assert alone.here.read_text().startswith("quiet|while away: quiet since ")
    # In a new one it is above what is shown again, and is told once.
    back = host.belay("--session", "left")
    back.expect(re.compile(rf"belay: while away: sh ended \(3\) {CLOCK}; notice: is done {CLOCK}; "
                           rf"2 bells {CLOCK}\r\n".encode()))
    back.expect("at1")
    back.say("here-again")
    assert not any(one["away"] for one in listed(host))
    other.type("\x03")
    other.expect(PROMPT)
    host.finish(back, other)
