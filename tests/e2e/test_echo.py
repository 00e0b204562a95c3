"""What is typed stands there before the host has shown it, and nothing of that stays."""

import re

import pytest

from harness import PROMPT

ALWAYS = {"BELAY_PREDICT": "always", "TERM": "xterm-256color"}
NEVER = {"BELAY_PREDICT": "never", "TERM": "xterm-256color"}


def at_prompt(host, env, **more):
    term = host.belay(env=env, emulate=True, **more)
    term.expect(PROMPT)
    # Keys that were foreseen; then the program is believed, and its prompt known.
    for word in ("one", "two"):
        slowly(term, f"echo {word}-''")
        term.type("\r")
        term.expect(f"{word}-\r")
        term.expect(PROMPT)
    return term


def slowly(term, keys):
    """A key at a time: each is answered before the next."""
    for key in keys:
        before = len(term.raw)
        term.type(key)
        term.pump(5, lambda: len(term.raw) > before)
        term.pump(0.02)


def silently(host, term, keys):
    """Types while nothing comes back: what is shown meanwhile is not the host's."""
    host.proxy.drop(new=True)
    for key in keys:
        term.type(key)
        term.pump(0.02)
    term.pump(5, lambda: keys in "\n".join(term.screen.lines()))
    lines = term.screen.lines()
    host.proxy.heal()
    return lines


def test_nothing_is_scrolled_away_at_the_start(host):
    """tmux and screen take ED at the corner for a screen that goes into the scrollback."""
    term = host.belay(env=ALWAYS, emulate=True)
    term.expect(PROMPT)
    assert b"\x1b[6n\x1b[K\n\x1b[J\x1b[A" in term.raw
    host.finish(term)


def test_what_is_typed_stands_there_without_the_host(host):
    term = at_prompt(host, ALWAYS)
    lines = silently(host, term, "echo fore''seen")
    assert "ready$ echo fore''seen" in lines
    # What the host has shown is erased, too, and typed over.
    host.proxy.drop(new=True)
    term.type("\x7f\x7f")
    assert term.pump(5, lambda: "ready$ echo fore''se" in term.screen.lines())
    term.type("X")
    assert term.pump(5, lambda: "ready$ echo fore''seX" in term.screen.lines())
    host.proxy.heal()
    term.type("\x7fen\r")
    term.expect("foreseen\r")
    term.expect(PROMPT)
    host.finish(term)


@pytest.mark.parametrize("mode", [None, "always"])
def test_it_stays_beside_the_status_line(host, mode):
    """The line asks the terminal where its cursor is, which stands behind what was typed."""
    term = at_prompt(host, {"BELAY_PREDICT": mode, "BELAY_STATUS": None,
                            "TERM": "xterm-256color"})
    host.proxy.drop(new=True)
    term.type("echo a")
    for age in (1, 2, 3):   # the line is written again, and what is typed with it
        term.expect(re.compile(rf"last word {age} s ago|last word [2-9] s ago".encode()))
        assert term.pump(5, lambda: "ready$ echo a" in term.screen.lines()), term.screen.lines()
        assert "the host is silent" in term.screen.lines()[0]
    host.proxy.heal()
    term.type("ll\r")
    term.expect("all\r")
    term.expect(PROMPT)
    host.finish(term)


def test_it_is_seen_in_an_outage_by_itself(host):
    """Adaptive: the link is in doubt, and what is typed is underlined."""
    term = at_prompt(host, {"BELAY_PREDICT": None, "TERM": "xterm-256color"})
    host.proxy.drop(new=True)
    term.type("echo a")
    assert term.pump(30, lambda: "ready$ echo a" in term.screen.lines()), term.screen.lines()
    assert re.search(rb"\x1b\[(0;)?4m", term.raw)
    host.proxy.heal()
    term.type("ll\r")
    term.expect("all\r")
    term.expect(PROMPT)
    host.finish(term)


def test_never_is_never(host):
    term = host.belay(env=NEVER, emulate=True)
    term.expect(PROMPT)
    assert b"\x1b[6n" not in term.raw and b"\x1b[J" not in term.raw
    host.proxy.drop(new=True)
    before = len(term.raw)
    term.type("echo no")
    term.pump(1)
    shown = bytes(term.raw[before:])
    assert b"echo" not in re.sub(rb"\x1b[78]|belay[^\r\n]*", b"", shown)
    host.proxy.heal()
    term.type("\r")
    term.expect("no\r")
    term.expect(PROMPT)
    host.finish(term)


# Programs that read a password: as they do it, with a prompt and without echo.
PASSWORDS = {
    "read -s": "read -rs -p 'Pass''word: ' x; echo; echo got ${#x}",
    "stty": "stty -echo; printf 'Pass''word: '; read -r x; stty echo; echo; echo got ${#x}",
    "getpass": "python3 -c 'import getpass; print(\"got\", len(getpass.getpass()))'",
    "raw": "stty raw -echo; printf 'Pass''word: '; x=$(dd bs=1 count=9 2>/dev/null); stty sane; "
           "echo; echo got ${#x}",
}


def shown_of(term):
    """The line of the prompt."""
    return next(line for line in reversed(term.screen.lines()) if line.startswith("Password:"))


# getpass throws away what is typed ahead; and what is raw is an editor as well, for which
# experimental shows what nobody is sure of.
@pytest.mark.parametrize(("mode", "when", "how"), [
    (mode, when, how) for mode in ("always", "experimental")
    for when in ("at the prompt", "ahead", "in an outage") for how in PASSWORDS
    if (when, how) != ("ahead", "getpass") and (mode == "always" or how == "read -s")])
def test_a_password_is_never_shown(host, mode, when, how):
    term = at_prompt(host, {**ALWAYS, "BELAY_PREDICT": mode})
    if when == "ahead":
        term.line("sleep 0.7; " + PASSWORDS[how])
    else:
        term.line(PASSWORDS[how])
        term.expect("Password: ")
    if when == "in an outage":
        host.proxy.drop(new=True)
    for key in "xy9zq-kw!":
        term.type(key)
        term.pump(0.03)
        # Ahead of the prompt the kernel itself still echoes.
        assert when == "ahead" or shown_of(term) == "Password:", term.screen.lines()
    if when == "in an outage":
        term.pump(2)
        assert shown_of(term) == "Password:"
        host.proxy.heal()
    term.type("\r")
    term.expect("got 9")
    term.expect(PROMPT)
    host.finish(term)


def picture(screen):
    """Every cell with its attributes, and the cursor."""
    return screen.cells(), screen.cursor, screen.main_text()


SCRIPT = [
    "echo plain", "seq 30", "printf 'wide 日本語 and é\\n'", "ls --color=always /",
    "printf '\\033[31mred\\033[m\\n'", "x=abc", "echo $x\x7f\x7f$x", "\x1b[A", "clear",
    "echo at the end of a row " + "x" * 70,
]


def test_the_screen_is_as_without(host):
    """Text, attributes and the cursor, after each line."""
    screens = {}
    for env in (NEVER, ALWAYS):
        term = host.belay("--new", env=env, emulate=True)
        term.expect(PROMPT)
        screens[env["BELAY_PREDICT"]] = found = []
        for line in SCRIPT:
            slowly(term, line)
            term.type("\r")
            term.expect(PROMPT)
            term.line("echo do''ne")
            term.expect("done\r")
            term.expect(PROMPT)
            term.pump(0.3)
            found.append(picture(term.screen))
        host.finish(term)
    for line, never, always in zip(SCRIPT, screens["never"], screens["always"]):
        assert never == always, line


def test_what_is_told_once_is_not_told_again(host):
    """Each word is answered: what is said again for each answer never ends."""
    term = at_prompt(host, ALWAYS)

    def is_quiet():
        before = dict(host.proxy.bytes)
        term.pump(0.5)
        return host.proxy.bytes == before

    assert any(is_quiet() for _ in range(10)), host.proxy.bytes
    host.finish(term)


# A program that is slow between its prompt and what hides the password, as those in Java are.
LATE = ("bash -c 'sleep 1.5; printf \"Pass\"\"word: \"; sleep 0.1; stty -echo; read -r x; stty echo; "
        "echo; echo got ${#x}'")


def test_a_password_is_hidden_behind_its_prompt(host):
    """Before anything is typed: the host looks again when the program has written."""
    term = at_prompt(host, ALWAYS)
    term.line(LATE)
    term.expect("Password: ")
    term.pump(1.5)  # as long as the host looks
    for key in "xy9":
        term.type(key)
        assert not term.pump(0.04, lambda: shown_of(term) != "Password:"), term.screen.lines()
    term.type("\r")
    term.expect("got 3")
    term.expect(PROMPT)
    host.finish(term)
