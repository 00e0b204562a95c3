"""Proves that an interactive session is what ssh gives: login, tty, environment, end.

What the shell has of ssh is compared with a real `ssh -tt` to the same host.
"""

import os
import pathlib
import signal
import stat
import subprocess
import termios

import pytest

from harness import PROMPT, WINDOW_CLOSES, belay_argv, wait_until

VOLATILE = {"SSH_CLIENT", "SSH_CONNECTION", "SSH_TTY"}  # they differ by a port, a pty
MOTD = pathlib.Path("/etc/motd")


def environment(host, term):
    lines = host.output_of(term, "env").splitlines()
    env = dict(line.split("=", 1) for line in lines if "=" in line)
    return {name: "" if name in VOLATILE else value for name, value in env.items()}


# Start and end.

def test_command_line_and_exit_status(host):
    term = host.shell()
    term.line("echo typ''ed")
    term.expect("echo typ''ed")
    term.expect("typed")
    term.line("exit 7")
    assert term.wait_exit() == 7
    term.assert_sane()


def test_shell_that_is_killed(host):
    term = host.shell()
    term.line("kill -KILL $$")
    assert term.wait_exit() == 255      # as ssh has it
    term.assert_sane()


def test_two_sessions_at_once(host):
    one, other = host.shell(), host.shell()
    one.say("first")
    other.say("second")
    assert b"second" not in one.raw and b"first" not in other.raw
    host.finish(one)
    other.say("third")
    host.finish(other)


# What becomes of the session when belay is ended from outside.

@pytest.mark.parametrize("name", ["TERM", "HUP", "INT"])
def test_signal_ends_belay_and_leaves_the_shell(host, name):
    number = getattr(signal, f"SIG{name}")
    term = host.shell()
    term.signal(number)
    assert term.wait_exit() == 255  # as ssh: "Killed by signal"
    term.assert_sane()
    back = host.belay()
    back.expect("ready")
    host.finish(back)


@pytest.mark.parametrize("name", ["TERM", "HUP", "INT"])
def test_signal_ends_a_command_on_a_terminal(host, name):
    term = host.start([*belay_argv(host, "-t"), "echo run'ning'; exec sleep 1000"])
    term.expect("running")
    term.signal(getattr(signal, f"SIG{name}"))
    assert term.wait_exit() == 255
    term.assert_sane()
    host.wait_gone()


def test_closed_window_ends_belay_and_leaves_the_shell(host):
    term = host.shell(env=WINDOW_CLOSES)
    term.hang_up()
    wait_until(lambda: not os.path.exists(f"/proc/{term.pid}"), what="belay runs on")
    back = host.belay()
    back.expect("ready")
    host.finish(back)


def test_closed_window_ends_a_command(host):
    term = host.start([*belay_argv(host, "-t"), "echo run'ning'; exec sleep 1000"],
                      env=WINDOW_CLOSES)
    term.expect("running")
    term.hang_up()
    wait_until(lambda: not os.path.exists(f"/proc/{term.pid}"), what="belay runs on")
    host.wait_gone()


def test_background_job_does_not_keep_belay(host):
    term = host.shell()
    term.line("sleep 1000 &")
    sleeper = wait_until(lambda: host.running("sleep", "1000"))
    term.line("exit 5")
    assert term.wait_exit() == 5
    term.assert_sane()
    try:
        os.kill(sleeper.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


# The terminal.

def test_window_size(host):
    host.home_file(".bash_profile", f"stty size >{host.out}/first\n")
    term = host.shell(rows=33, cols=77)
    assert (host.out / "first").read_text() == "33 77\n"
    term.resize(20, 90)
    term.line('until [ "$(stty size)" = "20 90" ]; do sleep 0.1; done; echo ch""anged')
    term.expect("changed")
    host.finish(term)


def test_window_change_reaches_the_program(host):
    term = host.shell()
    term.line("""sh -c 'trap "stty size" WINCH; echo he""re; """
              """while :; do sleep 0.05; done'""")
    term.expect("here")
    term.resize(21, 91)
    term.expect("21 91")
    term.type("\x03")
    term.expect(PROMPT)
    host.finish(term)


def test_terminal_modes_arrive(host):
    def change(fd):
        modes = termios.tcgetattr(fd)
        modes[6][termios.VERASE] = b"\x08"
        modes[6][termios.VINTR] = b"\x07"
        modes[0] &= ~termios.IXON
        termios.tcsetattr(fd, termios.TCSANOW, modes)

    term = host.shell(modes=change)
    modes = host.output_of(term, "stty -a")
    assert "erase = ^H;" in modes and "intr = ^G;" in modes and " -ixon" in modes
    host.finish(term)


def test_job_control(host):
    term = host.shell()
    term.line("sleep 1000")
    wait_until(lambda: host.running("sleep", "1000"))
    term.type("\x1a")
    term.expect("Stopped")
    term.expect(PROMPT)
    assert host.running("sleep", "1000").state == "T"
    term.line("fg")
    wait_until(lambda: host.running("sleep", "1000").state != "T")
    term.type("\x03")
    term.expect(PROMPT)
    assert host.output_of(term, "echo $?") == "130\n"
    assert not host.running("sleep", "1000")
    host.finish(term)


def test_end_of_file_key(host):
    term = host.shell()
    term.line("cat; echo af''ter")
    wait_until(lambda: host.running("cat"))
    term.type("some line\r")
    term.expect("some line\r\nsome line")
    term.type("\x04")
    term.expect("after")
    term.expect(PROMPT)
    term.type("\x04")
    assert term.wait_exit() == 0
    term.assert_sane()


def test_every_byte_passes_both_ways(host):
    term = host.shell()
    term.line("stty raw -echo; echo re''ady; head -c 512 | od -An -v -tu1 -w512; "
              "stty sane; echo do''ne")
    term.expect("ready")
    term.type(bytes(range(256)) * 2)
    term.expect(" ".join(f"{byte:3}" for byte in list(range(256)) * 2))
    term.expect("done")
    term.line("""printf '\\377\\000\\033[0m\\302\\251:e''nd\\n'""")
    term.expect(b"\xff\0\x1b[0m\xc2\xa9:end")
    host.finish(term)


# The environment.

def test_environment_is_that_of_ssh(host):
    plain = host.ssh("-tt")
    plain.expect(PROMPT)
    term = host.shell()
    want = environment(host, plain)
    have = environment(host, term)
    ours = {have.pop("BELAY_SESSION"), have.pop("BELAY_SERVER")}
    assert all(ours)
    assert have == want
    assert have["SHLVL"] == "1" and "OLDPWD" not in have
    plain.line("exit")
    assert plain.wait_exit() == 0
    host.finish(term)


def test_ssh_variables(host):
    term = host.shell()
    tty, variable = host.output_of(term, "tty; echo $SSH_TTY").split()
    assert tty == variable and tty.startswith("/dev/pts/")
    address, _, server, port = host.output_of(term, "echo $SSH_CONNECTION").split()
    assert (address, server) == ("127.0.0.1", "127.0.0.1")
    assert int(port) == host.sshd.port
    host.finish(term)


def test_term_and_locale(make_host):
    host = make_host(ssh_config="SendEnv LANG LC_*")
    term = host.shell(env={"TERM": "screen-256color", "LC_TEST": "passed"})
    assert (host.output_of(term, "echo $TERM $LANG $LC_TEST")
            == "screen-256color C.UTF-8 passed\n")
    host.finish(term)


def test_login_shell_in_home(host):
    term = host.shell()
    assert host.output_of(term, "echo $0; shopt login_shell; pwd").split() == [
        "-bash", "login_shell", "on", str(host.home)]
    host.finish(term)


# What is shown.

@pytest.mark.parametrize("hushed", [False, True])
def test_message_of_the_day(host, hushed):
    lines = MOTD.read_text().split("\n") if MOTD.exists() else []
    line = next((line.strip() for line in lines if line.strip()), None)
    if not line:
        pytest.skip("/etc/motd is empty")
    if hushed:
        host.home_file(".hushlogin", "")
    term = host.shell()
    assert "\n".join(term.text_lines()).count(line) == (0 if hushed else 1)
    host.finish(term)


def test_banner_is_shown_once(make_host, tmp_path):
    (tmp_path / "banner").write_text("the banner of the host\n")
    host = make_host(sshd_config=f"Banner {tmp_path}/banner")
    term = host.shell()
    assert term.raw.count(b"the banner of the host") == 1
    host.proxy.cut()
    term.say("again")
    assert term.raw.count(b"the banner of the host") == 1
    host.finish(term)


def test_nothing_is_shown_but_the_shell(host):
    host.home_file(".hushlogin", "")
    plain = host.ssh("-tt")
    plain.expect(PROMPT)
    plain.say("word")
    plain.expect(PROMPT)
    term = host.shell()
    term.say("word")
    term.expect(PROMPT)
    assert term.raw == plain.raw
    plain.line("exit")
    assert plain.wait_exit() == 0
    host.finish(term)


# The terminal that the host does not know.

WIDE = 65536        # a number that only the newer format can say


@pytest.fixture
def unknown(host, tmp_path):
    """A terminal of which only the client's machine has a description; its environment."""
    source = (f"belay-test|one that nobody has,\n\tam, colors#{WIDE}, pairs#{WIDE}, cols#80,"
              " bold=\\E[1m, clear=\\E[H\\E[2J, cup=\\E[%i%p1%d;%p2%dH, Tc, XM=belay,\n")
    (tmp_path / "source").write_text(source)
    place = tmp_path / "terminfo"
    subprocess.run(["tic", "-x", "-o", place, tmp_path / "source"], check=True)
    assert (place / "b/belay-test").read_bytes()[:2] == b"\x1e\x02"
    return {"TERM": "belay-test", "TERMINFO": place, "COLORTERM": "truecolor",
            "TERM_PROGRAM": "a terminal", "TERM_PROGRAM_VERSION": "1.5"}


def described(host):
    return host.home / ".cache/belay/terminfo/b/belay-test"


def looks(host, term):
    """What programs on the host know of it."""
    return host.output_of(term, "tput colors && infocmp -x1 | grep -w -e Tc -e XM;"
                          "echo $TERM $COLORTERM $TERM_PROGRAM $TERM_PROGRAM_VERSION").split()


KNOWN = "32767 Tc, XM=belay, belay-test truecolor a terminal 1.5".split()


def test_a_terminal_that_the_host_does_not_know(host, unknown):
    """Its description comes along, by the same login; from then on it is there, also when the
    client has it no more."""
    before = host.proxy.accepted
    term = host.shell(env=unknown)
    assert host.proxy.accepted == before + 1
    assert looks(host, term) == KNOWN
    assert described(host).read_bytes()[:2] == b"\x1a\x01"
    assert stat.S_IMODE(described(host).stat().st_mode) == 0o600
    host.finish(term)
    again = host.shell("--new", env={**unknown, "TERMINFO": None})
    assert looks(host, again) == KNOWN
    host.finish(again)


def test_a_terminal_that_the_host_knows(host):
    """Nothing is kept there, and the environment names no directory."""
    term = host.shell()
    assert host.output_of(term, "echo ${TERMINFO_DIRS-none}") == "none\n"
    assert not described(host).parents[1].exists()
    host.finish(term)


def test_a_terminal_that_nobody_knows(host, unknown):
    term = host.shell(env={**unknown, "TERM": "../../etc/passwd", "TERMINFO": None})
    assert host.output_of(term, 'echo "$TERM ${TERMINFO_DIRS-none}"') == "../../etc/passwd none\n"
    host.finish(term)


def test_a_description_that_cannot_be_kept(host, unknown):
    """Then it is as with ssh."""
    host.finish(host.shell())
    described(host).parents[1].write_text("no directory\n")
    term = host.shell(env=unknown)
    assert looks(host, term)[-1] == "1.5"
    assert not host.output_of(term, "echo $TERMINFO_DIRS").strip()
    host.finish(term)


def test_what_is_typed_while_the_description_is_on_its_way(host, unknown):
    """It was sent ahead, with the hello that was refused."""
    host.finish(host.shell())
    term = host.belay(env=unknown)
    term.line("echo a''head")
    term.expect("ahead\r\n")
    assert looks(host, term) == KNOWN
    host.finish(term)
