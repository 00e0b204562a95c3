"""What is typed stands there before the host has shown it, and nothing of that stays."""

import contextlib
import os
import re
import shutil
import signal

import pytest

from harness import PROMPT

ALWAYS = {"BELAY_PREDICT": "always", "TERM": "xterm-256color"}
NEVER = {"BELAY_PREDICT": "never", "TERM": "xterm-256color"}


def at_prompt(host, env, options=(), **more):
    term = host.belay(*options, env=env, emulate=True, **more)
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
    term.type("\r~#")
    said = term.expect(re.compile(rb"(\d+) keys[^\r]*\r"))
    assert int(said[1]) > 40 and b"at once" in said[0] and b"wrong" in said[0], said
    term.type("\r")
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


# Programs that read a password: how they are started, and what they ask for.
PROMPTS = {
    "read -s": ("read -rs -p 'Pass''word: ' x", "Password: "),
    "zsh": ("zsh -fc 'read -s \"x?Pass\"\"word: \"'", "Password: "),
    "stty": ("dash -c 'stty -echo; printf \"Pass\"\"word: \"; read x; stty echo'", "Password: "),
    "raw": ("stty raw -echo; printf 'Pass''word: '; dd bs=1 count=10 of=/dev/null 2>&1; stty sane",
            "Password: "),
    "getpass": ("python3 -c 'import getpass; getpass.getpass()'", "Password: "),
    "passwd": ("passwd nobody", "New password: "),
    "su": ("setpriv --reuid=65534 --regid=65534 --clear-groups su root", "Password: "),
    "openssl": ("openssl enc -aes-256-cbc -pbkdf2 -in /etc/hostname", "encryption password:"),
    "ssh-keygen": ("ssh-keygen -q -f key", "Enter passphrase"),
    "psql": ("psql -W -h 127.0.0.1 -U x", "Password"),
    "zip": ("zip -qe x.zip /etc/hostname", "Enter password: "),
    # Slow between its prompt and what hides the password, as those in Java are.
    "late": ("bash -c 'sleep 1.5; printf \"Pass\"\"word: \"; sleep 0.1; stty -echo; read x;"
             " stty echo'", "Password: "),
}
SECRET = "xy9zq-kw!"
ROOT = ("passwd", "su")     # only root is asked so


def prompts(some, *without):
    """Those that are here: the command and the prompt; of all only some, unless all are wanted."""
    left = len(PROMPTS) if os.environ.get("ECHO_PROMPTS") == "all" else some
    for how, (command, prompt) in PROMPTS.items():
        name = {"read -s": "bash", "raw": "dd", "stty": "dash", "getpass": "python3",
                "late": "bash"}.get(how, how)
        if left and how not in without and shutil.which(name) \
                and (how not in ROOT or os.getuid() == 0):
            left -= 1
            yield how, command, prompt


def screen_of(term):
    return "\n".join(term.screen.lines())


def blindly(term, how):
    """Types a secret, a key at a time; what stands on the screen stays as it is."""
    before = screen_of(term)
    for key in SECRET:
        term.type(key)
        term.pump(0.03)
        assert screen_of(term) == before, (how, term.screen.lines())


def leave(host, term):
    """Back at the shell: what asks is ended from aside, since some ask again and again."""
    def asking():
        shells = {one.pid for one in host.processes() if one.argv[:1] == ["-bash"]}
        return [one.pid for one in host.processes() if one.ppid in shells]

    term.type("\x03")
    term.pump(0.3)
    for pid in asking():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    term.wait_until(lambda: not asking())
    term.pump(5, lambda: screen_of(term).rstrip().endswith(PROMPT.rstrip()))
    term.line("stty sane; clear; echo ba''ck")
    term.expect("back\r")
    term.expect(PROMPT)


def at_the_prompt(host, term):
    for how, command, prompt in prompts(99):
        term.line(command)
        term.expect(prompt)
        term.pump(1.2 if how == "late" else 0.1)
        blindly(term, how)
        leave(host, term)


def ahead(host, term):
    """Its command has been shown; then the host falls silent, and the prompt does not come."""
    for how, command, _ in prompts(2):
        term.line(f"echo be''gins; until [ -e go ]; do sleep 0.02; done; rm go; {command}")
        term.expect("begins\r")
        host.proxy.drop(new=True)
        (host.home / "go").touch()
        blindly(term, how)
        term.pump(1.3)
        assert SECRET[:3] not in screen_of(term), (how, term.screen.lines())
        host.proxy.heal()
        leave(host, term)


def in_an_outage(host, term):
    for how, command, prompt in prompts(3, "late", "raw"):
        term.line(command)
        term.expect(prompt)
        term.pump(0.1)
        host.proxy.drop(new=True)
        blindly(term, how)
        term.pump(1)
        assert SECRET[:3] not in screen_of(term), (how, term.screen.lines())
        host.proxy.heal()
        leave(host, term)


def after_a_takeover(host, term):
    """Of two terminals of a session, each knows the shell's prompt."""
    for how, command, prompt in prompts(2, "late"):
        term.line(command)
        term.expect(prompt)
        other = host.belay("--session=secrets", env=ALWAYS, emulate=True)
        other.pump(5, lambda: prompt.strip() in screen_of(other))
        other.pump(0.2)
        blindly(other, how)
        leave(host, other)
        term.wait_exit()
        term = other
    return term


@pytest.mark.parametrize("when", [at_the_prompt, ahead, in_an_outage, after_a_takeover])
def test_a_password_is_never_shown(host, when):
    term = at_prompt(host, ALWAYS, options=["--session=secrets"])
    term = when(host, term) or term
    host.finish(term)


def test_nor_where_what_nobody_is_sure_of_is(host):
    """What is raw is an editor as well: there experimental shows what nobody is sure of."""
    term = at_prompt(host, {**ALWAYS, "BELAY_PREDICT": "experimental"})
    for how, command, prompt in prompts(3, "raw", "late"):
        term.line(command)
        term.expect(prompt)
        term.pump(0.1)
        blindly(term, how)
        leave(host, term)
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
