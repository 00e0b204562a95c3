"""A session is come to from any ssh, by `belay-server open` on the host."""

import re

import pytest

from harness import PROMPT

OPEN = ".cache/belay/open"



def start(host, *words, **more):
    argv = ["ssh", "-F", host.cfg, "-e", "none", "-tt", "testhost", " ".join([OPEN, *words])]
    return host.start(argv, **more)


def test_it_takes_the_session_over_with_its_history_and_screen(host):
    left = host.shell()
    left.line("mark=kept; seq -f 'row-%g.' 1 100; echo all-''there")
    left.expect("all-there")
    term = start(host)
    term.expect("row-1.\r\n")
    term.expect("row-100.")
    term.expect("all-there")
    left.wait_exit()
    assert b"another client has taken the session over" in left.raw
    term.line("echo $mark-''here; stty size")
    term.expect("kept-here")
    term.expect("40 100")
    term.resize(30, 90)
    term.line("echo; stty size")
    term.expect("30 90")
    term.type("\r~.")
    assert term.wait_exit() == 0
    assert b"belay: the session goes on" in term.raw
    term.assert_sane()
    back = host.belay("--return=always")
    back.line("echo $mark-''again")
    back.expect("kept-again")
    host.finish(back)


def test_the_programs_status_is_its_own(host):
    left = host.shell()
    term = start(host)
    term.expect("ready$")
    term.line("exit 7")
    assert term.wait_exit() == 7
    term.assert_sane()
    left.wait_exit()


@pytest.mark.parametrize(("word", "types"), [("--share", True), ("--read-only", False)])
def test_beside_the_others(host, word, types):
    first = host.shell()
    term = start(host, word)
    term.expect("ready$")
    term.line("echo of-''second")
    if types:
        first.expect("of-second")
    first.line("echo of-''first")
    term.expect("of-first")
    first.expect("of-first")
    assert (b"of-second" in first.raw) == types
    term.type("\r~.")
    assert term.wait_exit() == 0
    host.finish(first)


def test_which_one(host):
    one, two = host.shell("--session", "one"), host.shell("--session", "two")
    for term, word in ((one, "first"), (two, "second")):
        term.line(f"mark={word}")
        term.expect(PROMPT)
    by_name = start(host, "one")
    by_name.line("echo $mark-''here")
    by_name.expect("first-here")
    by_name.type("\r~.")
    by_name.wait_exit()
    nobody = start(host, "three")
    assert nobody.wait_exit() == 255
    assert b"three: no session of that name" in nobody.raw
    for name in ("one", "two"):
        host.finish(host.shell("--session", name))


def test_where_there_is_none_and_without_a_terminal(host):
    host.finish(host.shell())
    term = start(host)
    assert term.wait_exit() == 255
    assert b"no shell is there to come to" in term.raw
    done = host.piped(["ssh", "-F", host.cfg, "testhost", OPEN])
    assert done.returncode == 255 and b"needs a terminal" in done.stderr


def test_not_the_one_that_it_runs_in(host):
    term = host.shell()
    term.line(f"{OPEN}; echo status=$?")
    term.expect("no shell is there to come to")
    term.expect("status=255")
    host.finish(term)


def test_it_leaves_the_terminal_as_it_was(host):
    left = host.shell()
    left.line(r"printf '\e[?1049h\e[?1000h\e[?2004h'; echo sh''own; read x")
    left.expect("shown")
    term = start(host)
    term.expect("shown")
    term.type("\r~.")
    assert term.wait_exit() == 0
    for mode in (b"1049", b"1000"):
        said = re.findall(rb"\x1b\[\?(?:\d+;)*" + mode + rb"(?:;\d+)*([hl])", term.raw)
        assert said and said[-1] == b"l", mode
    back = host.belay("--return=always")
    back.expect("shown")
    back.type("\r")
    host.finish(back)


def test_keys_that_begin_like_its_escape(host):
    left = host.shell()
    term = start(host)
    term.expect("ready$")
    term.type("\r~~x\x15echo t''ilde ~~.\r")
    term.expect("tilde ~~.")
    host.finish(term)
    left.wait_exit()
