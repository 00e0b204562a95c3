"""Proves that the status line is drawn over the screen and taken away without a trace,
whatever becomes of the window meanwhile: in tmux, which breaks lines anew, and in an
emulated terminal that cuts them.
"""

import contextlib
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import threading

import pytest

from harness import PROMPT, belay_argv, free_port, wait_until
from patience import Deadline
from tmux import Tmux

SHOWN = {"BELAY_STATUS": None}
LOST = r"^belay: .*\d s"
needs_tmux = pytest.mark.skipif(not shutil.which("tmux"), reason="no tmux")


def cut(host):
    host.proxy.refuse()
    host.proxy.cut()


def of_belay(lines):
    return [line for line in lines if re.search(r"belay|to leave|, \d+ s\b", line)]


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


# When it is drawn, and when it is not.

def refuse_logins(host, term):
    host.sshd.stop()
    host.sshd.config = "AuthorizedKeysFile none"
    host.sshd.start()
    term.expect("needs your login: press Enter")


@pytest.mark.parametrize("config,says", [
    ({"port": free_port()}, "the host refuses connections"),
    ({"extra": "HostName nowhere.invalid"}, "the name is not known here"),
    ({"extra": "ProxyCommand /bin/false"}, "the host closes the connection")],
    ids=["refuses", "no name", "closes"])
def test_it_says_why(host, config, says):
    term = host.shell(env=SHOWN)
    host.configure(**config)
    host.proxy.cut()
    term.expect(says)
    host.configure()
    term.type(" \x7f")
    term.say("back-again")
    host.finish(term)


def wakes(pid):
    """How often a process has waited, up to now."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", status, re.M)[1])


def test_it_is_drawn_ever_more_seldom_and_belay_sleeps(host):
    """Nothing is tried after a refused login: a person may scroll back meanwhile."""
    term = host.shell(env=SHOWN)
    refuse_logins(host, term)
    term.expect(re.compile(rb"last word (\d+) s"))
    began, woken, drawn = term.at, None, []
    for time in range(4):
        at = term.expect(re.compile(rb"belay: [^;]*?(\d+) s"))
        drawn.append(int(at[1]))
        woken = woken or wakes(term.pid)
    assert all(after >= max(2 * before, before + 1) for before, after in zip(drawn, drawn[1:])), \
        ascii(bytes(term.raw[began:]))
    assert wakes(term.pid) - woken <= 2 * 3     # and each wait for the terminal to take it
    host.sshd.stop()
    host.sshd.config = ""
    host.sshd.start()
    term.line("")
    term.say("back-again")
    host.finish(term)


def in_an_outage(host, term, see):
    cut(host)
    see()
    host.proxy.heal()
    term.type(" \x7f")
    term.say("back-again")


@pytest.mark.parametrize("env", [
    {"NO_COLOR": "1"}, {"LC_ALL": "de_DE.ISO-8859-1"}, {"TERM": "vt100"}], ids=str)
def test_in_any_terminal_it_is_plain(host, env):
    """No colour and no character but ASCII."""
    term = host.shell(emulate=True, env={**SHOWN, **env})
    term.line("clear")
    term.expect(PROMPT)
    term.wait_until(lambda: term.screen.lines()[0] == PROMPT.strip())
    in_an_outage(host, term, lambda: term.wait_screen(LOST))
    drawn = re.findall(rb"\033\[\d+;1H\033\[7m([ -~]+)\033\[m", bytes(term.raw))
    assert drawn and all(text.startswith(b"belay: ") for text in drawn)
    assert not of_belay(term.screen.lines())
    host.finish(term)


def test_other_characters_in_a_terminal_without_utf8(host):
    """They have other widths there than we know."""
    term = host.shell(env={**SHOWN, "LC_ALL": "de_DE.ISO-8859-1"})
    term.line(r"clear; printf 'caf\303\251\n'")
    term.expect("caf\303\251".encode("latin-1"))
    term.expect(PROMPT)
    in_an_outage(host, term, lambda: term.expect("\033]2;belay: "))
    assert b"\033[7mbelay" not in term.raw
    host.finish(term)


def test_a_terminal_that_knows_no_sequences(host):
    term = host.shell(env={**SHOWN, "TERM": "dumb"})
    before = len(term.raw)
    in_an_outage(host, term, lambda: term.expect(
        "belay: testhost: no answer; the session waits, connecting again\r\n"))
    assert b"belay: testhost: connected again after " in term.raw
    assert b"\033" not in term.raw[before:].replace(b"\033[?2004", b"")
    host.finish(term)


def test_what_belay_says_itself_comes_back_from_under_the_line(host):
    """It stands on the same terminal, and the program does not know."""
    with Tmux(host, belay_argv(host)) as term:
        term.wait(re.escape(PROMPT.strip()))
        term.line("clear; seq -f line%g 3")
        term.wait("^line3$")
        term.wait("^ready")
        term.type("~#")
        before = term.wait("^testhost: up")
        cut(host)
        wait_until(lambda: of_belay(term.lines()))
        host.proxy.heal()
        term.line("echo he''re")
        after = term.wait("^here$")
        assert after[:len(before)] == before
        assert not of_belay(after)
        term.line("exit 0")
        host.wait_gone()


# Without a person.

def test_one_line_when_it_is_lost_and_one_when_it_is_back(host):
    with host.popen(belay_argv(host) + ["cat"], env=SHOWN) as child:
        child.stdin.write(b"one\n")
        child.stdin.flush()
        assert child.stdout.readline() == b"one\n"
        cut(host)
        assert child.stderr.readline() == (
            b"belay: testhost: no answer; the session waits, connecting again\n")
        host.proxy.heal()
        assert re.fullmatch(rb"belay: testhost: connected again after \d+ s\n",
                            child.stderr.readline())
        out, err = child.communicate(b"two\n")
    assert (out, err, child.returncode) == (b"two\n", b"", 0)


def test_quiet_says_nothing(host):
    with host.popen(belay_argv(host, "-q") + ["cat"], env=SHOWN) as child:
        child.stdin.write(b"one\n")
        child.stdin.flush()
        assert child.stdout.readline() == b"one\n"
        cut(host)
        wait_until(lambda: host.proxy.refused >= 4)     # some seconds later
        host.proxy.heal()
        out, err = child.communicate(b"two\n")
    assert (out, err, child.returncode) == (b"two\n", b"", 0)


# What is typed.

def test_a_paste_that_is_longer_than_what_is_kept(host):
    """The bell tells that the bound is reached; nothing of it is lost."""
    paste = b"\033[200~" + b"".join(b"%07d\n" % i for i in range(180_000)) + b"\033[201~"
    term = host.shell()
    host.home_file("take.py", f"import sys, tty, hashlib; tty.setraw(0); print('go' + 'es');"
                   "sys.stdout.flush();"
                   f"print(hashlib.sha256(sys.stdin.buffer.read({len(paste)})).hexdigest())")
    term.line("/usr/bin/python3 take.py; stty sane")
    term.expect("goes")
    cut(host)
    typing = threading.Thread(target=write_all, args=(term.fd, paste))
    typing.start()
    term.expect("\a")
    host.proxy.heal()
    term.expect(hashlib.sha256(paste).hexdigest())
    typing.join()
    assert term.raw.count(b"\a") <= 3
    term.expect(PROMPT)
    host.finish(term)


def write_all(fd, data):
    while data:
        data = data[os.write(fd, data):]


def test_what_is_run_when_the_host_is_lost_and_back(host, tmp_path):
    """Beside belay, whose terminal it does not touch; the outage is told in its environment."""
    said = tmp_path / "said"
    command = f"echo $0-%s $BELAY_DESTINATION $BELAY_OUTAGE >>{said}; echo not-for-the-terminal"
    term = host.shell("--on-lost", command % "lost", env={"BELAY_ON_BACK": command % "back"})
    host.proxy.refuse()
    host.proxy.cut()
    wait_until(lambda: said.exists() and said.read_text().count("\n") == 1)
    host.proxy.heal()
    term.type("x\x15")
    wait_until(lambda: said.read_text().count("\n") == 2)
    lost, back = (line.split() for line in said.read_text().splitlines())
    assert lost[0].endswith("-lost") and back[0].endswith("-back")
    assert lost[1] == back[1] == "testhost"
    assert 3 <= int(lost[2]) <= int(back[2])
    host.finish(term)
    assert b"not-for-the-terminal" not in term.raw
    host.wait_gone()


# Files on their way through the terminal.

@pytest.mark.skipif(not shutil.which("sz"), reason="no lrzsz")
@pytest.mark.parametrize("way", ["down", "up"])
def test_a_file_by_zmodem_with_a_cut(host, tmp_path, way):
    """Nothing of belay's comes between, neither the line nor a question nor what is typed."""
    data = os.urandom(300_000)
    there, here = host.home / "file", tmp_path / "file"
    (there if way == "down" else here).write_bytes(data)
    term = host.shell(env={**SHOWN, "BELAY_PREDICT": "always"})
    term.line("stty -ixon -ixoff; " + ("sz -e file" if way == "down" else "rz -y -e"))
    term.expect(b"**\x18B0")
    ours = ["rz", "-y", "-q"] if way == "down" else ["sz", "-q", "file"]
    with subprocess.Popen(ours, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          bufsize=0) as child:
        done = carry(host, term, child)
    assert done == 0
    assert (here if way == "down" else there).read_bytes() == data
    talk = term.raw[term.raw.index(b"**\x18B0"):term.raw.rindex(b"**\x18B08")]
    assert b"belay:" not in talk and b"\x1b[6n" not in talk
    term.expect(PROMPT)     # what is typed before is thrown away
    term.line("echo all-''here")
    term.expect("all-here")
    host.finish(term)


def carry(host, term, child):
    """Between belay's terminal and the program on this side; the network goes for 4 s."""
    given, cut = term.at - len(b"**\x18B0"), False
    os.set_blocking(child.stdout.fileno(), False)
    deadline = Deadline(60)
    while child.poll() is None:
        assert not deadline.over(), term.tail()
        term.pump(0.02)
        if len(term.raw) > given:
            with contextlib.suppress(BrokenPipeError):
                child.stdin.write(bytes(term.raw[given:]))
            given = len(term.raw)
        data = child.stdout.read(65536)
        if data:
            term.type(data)
        if not cut and len(term.raw) + len(term.typed) > 100_000:
            cut = True
            host.proxy.drop(new=True)
            threading.Timer(4, host.proxy.heal).start()
    assert cut
    return child.wait()
