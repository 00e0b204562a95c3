"""Proves for every key where it goes, in every state of the connection: to the program, once;
to belay; or nowhere, and then the person is told.
"""

import re

import pytest

from harness import PROMPT, wait_until

SHOWN = {"BELAY_STATUS": None}
PRESS_ENTER = "needs your login: press Enter"
PRESS_ESCAPE = re.compile(rb"needs your login: (press )?Enter, (then )?~,")
TAKE = """import os, tty
tty.setraw(0)
with open("taken", "wb", 0) as taken:
    print("go" + "es", flush=True)
    while (keys := os.read(0, 100)) != b"Q":
        taken.write(keys)
"""


def end(host, term):
    term.type("Q")
    term.expect(PROMPT)
    host.finish(term)


class Program:
    """It writes down each byte that it gets."""

    def __init__(self, host):
        self.host = host
        self.term = host.shell(env=SHOWN)
        host.home_file("take.py", TAKE)
        self.term.line("/usr/bin/python3 take.py; stty sane")
        self.term.expect("goes")

    def taken(self):
        return (self.host.home / "taken").read_bytes()

    def gets(self, want):
        """Exactly this, when a last key has come too."""
        self.term.type(".")
        wait_until(lambda: self.taken().endswith(b"."), what=self.taken())
        assert self.taken() == want + b"."

    def finish(self):
        end(self.host, self.term)


@pytest.fixture
def program(host):
    program = Program(host)
    yield program
    program.finish()


def let_in(host, yes):
    host.sshd.stop()
    host.sshd.config = "" if yes else "AuthorizedKeysFile none"
    host.sshd.start()


def lose(host):
    host.proxy.refuse()
    host.proxy.cut()


def test_the_enter_that_logs_in_does_not_answer_the_program(host, program):
    let_in(host, False)
    program.term.expect(PRESS_ENTER)
    let_in(host, True)
    program.term.type("\r")
    wait_until(lambda: host.proxy.live > 0)
    program.gets(b"")


def test_an_enter_behind_other_keys_is_the_programs(host, program):
    let_in(host, False)
    program.term.expect(PRESS_ENTER)
    program.term.type("n")
    program.term.expect(PRESS_ESCAPE)
    program.term.type("\r")
    let_in(host, True)
    program.term.type("~R")
    wait_until(lambda: host.proxy.live > 0)
    program.gets(b"n\r")


@pytest.mark.parametrize("lose", ["stall", "cut"])
def test_a_key_arrives_once_whenever_it_is_typed(host, program, lose):
    """With the link, as it goes, before the line stands, under the line, as it comes."""
    program.term.type("a")
    host.proxy.refuse()
    if lose == "stall":
        host.proxy.stall()
    else:
        host.proxy.cut()
    program.term.type("\r")
    program.term.expect("belay: ")
    program.term.type("c\r")
    host.proxy.heal()
    program.term.type("d\r")
    wait_until(lambda: program.taken() == b"a\rc\rd\r", what=program.taken())
    program.gets(b"a\rc\rd\r")


def test_what_was_not_sent_can_be_dropped(host, program):
    lose(host)
    program.term.expect("belay: ")
    program.term.type("rm x\r")
    program.term.type("~k")
    program.term.expect("belay: 5 bytes that you typed are dropped\r\n")
    host.proxy.heal()
    program.gets(b"")


def test_nothing_is_sent_while_somebody_types(host, program):
    """The link is back in the middle of the line, and it is dropped all the same."""
    lose(host)
    program.term.expect("belay: ")
    program.term.type("rm")
    host.proxy.heal()
    program.term.type(" x\r~")
    program.term.type("k")
    program.term.expect("bytes that you typed are dropped\r\n")
    program.gets(b"")


def leave(host, keys):
    """Leaves while there is no link; returns what belay has said, and what came there."""
    program = Program(host)
    lose(host)
    program.term.expect("belay: ")
    program.term.type(keys + "~.")
    program.term.wait_exit()
    host.proxy.heal()
    again = host.belay("--return=always", env=SHOWN)
    again.expect("goes")
    end(host, again)
    return bytes(program.term.raw), program.taken()


def test_leaving_says_what_was_not_sent(host):
    said, taken = leave(host, "x" * 22 + "\r")
    assert b"belay: 23 bytes that you typed were not sent\r\n" in said
    assert taken == b""


def test_an_enter_in_front_of_the_escape_is_not_missed(host):
    said, taken = leave(host, "\r")
    assert b"not sent" not in said
    assert taken == b""
