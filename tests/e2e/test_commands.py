"""Proves that a command on pipes is what it is under ssh: its streams, its status, what
it finds on the host; that it runs once; and that cuts change none of it.

What ssh itself can do is not written down here: ssh is run beside belay and compared.
All randomness comes from SEED, which is printed; BELAY_E2E_SEED sets it.
"""

import hashlib
import itertools
import os
import pathlib
import random
import re
import shlex
import signal
import subprocess
import threading
import time

import pytest

from harness import SEED, belay_argv, belay_path, find_sshd, free_port, kill, wait_until
from patience import scaled

BINARY = bytes(range(256)) + random.Random(1).randbytes(5_000_000)
LONG = 60       # seconds that a transfer with cuts may take
# What ssh itself remarks, and belay may in its own way.
REMARKS = re.compile(rb"Pseudo-terminal will not be allocated because stdin is "
                     rb"not a terminal\.\r*\n|Connection to [\w.]+ closed\.\r*\n")


@pytest.fixture
def rng():
    print(f"seed {SEED}: set BELAY_E2E_SEED to repeat")
    return random.Random(SEED)


@pytest.fixture(autouse=True)
def _ends():
    """A test that waits for something that does not come fails."""
    def late(*_):
        raise AssertionError(f"not within {3 * LONG} s")

    signal.signal(signal.SIGALRM, late)
    signal.alarm(3 * LONG)
    yield
    signal.alarm(0)


def ssh(host, *args):
    return ["ssh", "-F", host.cfg, *args]


def belay(host, *args):
    return [belay_path(), "-F", host.cfg, *args]


def result(done):
    return done.returncode, done.stdout, REMARKS.sub(b"", done.stderr)


def alike(host, *args, **more):
    """Runs the same with ssh and with belay, cold and warm; returns what both did."""
    want = host.piped(ssh(host, *args), **more)
    for start in ("cold", "warm"):
        have = host.piped(belay(host, *args), **more)
        assert result(have) == result(want), f"{start} start"
    return want


def script(argv):
    return " ".join(shlex.quote(str(word)) for word in argv)


def alike_in_sh(host, text, *args):
    """The same for a line of sh in which $IT is the program with these arguments."""
    want, have = (host.piped(["bash", "-c", text.replace("$IT", script(it(host, *args)))])
                  for it in (ssh, belay))
    assert result(have) == result(want)
    return want


# Status and streams.

@pytest.mark.parametrize("status", [0, 1, 3, 255])
def test_exit_status(host, status):
    assert alike(host, "testhost", f"exit {status}").returncode == status


@pytest.mark.parametrize("number", ["KILL", "TERM", "PIPE", "SEGV"])
def test_death_by_signal(host, number):
    done = alike(host, "testhost", f"echo before; kill -{number} $$; echo after")
    assert done.returncode == 255 and done.stdout == b"before\n"


def test_stdout_and_stderr(host):
    done = alike(host, "testhost", "echo out; echo err >&2; exit 3")
    assert result(done) == (3, b"out\n", b"err\n")


@pytest.mark.parametrize("command", [
    "true", "cat", "cat >&2", "cat >/dev/null; echo done", "exec <&-; echo no stdin",
    "exec >&-; cat >&2", "exec 2>&-; cat", "exec >&- 2>&-; cat >/dev/null; exit 4",
    "head -c 3", "exit 7",
    "echo now; (until ! kill -0 $$; do sleep 0.05; done 2>/dev/null; echo late) &",
    "sleep 100 </dev/null >/dev/null 2>&1 & pid=$!; (sleep 0.3; kill $pid) & echo x"])
def test_end_of_streams(host, command):
    alike(host, "testhost", command, input=b"input\n" * 20_000)


@pytest.mark.parametrize("to", ["", ">&2"])
def test_binary_both_ways(host, to):
    done = host.piped(belay(host, "testhost", f"cat {to}; exit 9"), BINARY, LONG)
    assert hashlib.sha256(done.stderr if to else done.stdout).digest() == \
        hashlib.sha256(BINARY).digest()
    assert (done.stdout if to else done.stderr) == b""
    assert done.returncode == 9


def test_both_streams_at_once(host):
    """What fills stderr does not stop stdout, even if nobody reads there."""
    command = "(head -c 3000000 /dev/zero >&2; echo end >&2) & seq 1 300000; wait"
    done = host.piped(belay(host, "testhost", command))
    assert done.stdout == b"".join(b"%d\n" % n for n in range(1, 300_001))
    assert done.stderr == bytes(3_000_000) + b"end\n" and done.returncode == 0


# Where stdin and the rest may lead.

def test_stdin_from_a_file(host, tmp_path):
    (tmp_path / "file").write_bytes(BINARY[:100_000])
    for name in ("/dev/null", tmp_path / "file"):
        for it in (ssh, belay):
            with open(name, "rb") as file:
                done = host.piped(it(host, "testhost", "cksum"), None, stdin=file)
            want = subprocess.run(["cksum"], stdin=open(name, "rb"), capture_output=True)
            assert result(done) == (0, want.stdout, b"")


def test_no_stdin(host):
    done = alike(host, "-n", "testhost", "cat; echo end", input=b"not this\n")
    assert result(done) == (0, b"end\n", b"")


def test_stdin_that_stays_open(host):
    """The command ends though nobody has ended its input."""
    for it in (ssh, belay):
        with host.popen(it(host, "testhost", "head -n 1; exit 6")) as child:
            child.stdin.write(b"line\n")
            child.stdin.flush()
            assert child.stdout.read() == b"line\n"
            assert child.wait() == 6


def test_answers_come_at_once(host):
    with host.popen(belay(host, "testhost", "cat"), bufsize=0) as child:
        for number in range(50):
            child.stdin.write(b"%d\n" % number)
            assert child.stdout.readline() == b"%d\n" % number
        child.stdin.close()
        assert child.wait() == 0


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-"])
def test_closed_descriptors(host, closed):
    command = "echo out; echo err >&2; cat; exit 5"
    done = alike_in_sh(host, f"$IT {closed}", "testhost", command)
    assert done.returncode == 5


@pytest.mark.parametrize("text", [
    "$IT | head -n 1; echo ${PIPESTATUS[@]}", "$IT 2>&1 >/dev/null | cat",
    "$IT | cat; echo ${PIPESTATUS[@]}", "echo input | $IT >/dev/null; echo $?"])
def test_pipelines(host, text):
    alike_in_sh(host, text, "testhost", "cat; seq 1 1000; echo err >&2; exit 3")


def test_reader_that_goes(host):
    began = time.monotonic()
    done = host.piped(["bash", "-c", script(belay(host, "testhost", "yes"))
                       + " | head -n 1; echo ${PIPESTATUS[0]}"])
    assert done.stdout.split()[0] == b"y" and time.monotonic() - began < scaled(5)
    assert done.stderr == b""
    host.wait_gone()


# The command line.

@pytest.mark.parametrize("args", [
    ["testhost", "echo", "a  b", "'c  d'", "$HOME", ";", "echo", "e", "*"],
    ["-n", "--", "testhost", "echo", "--", "-x"],
    ["testhost", "--", "echo", "x"],
    ["testhost", "-T", "-o", "LogLevel=ERROR", "echo", "-n", "x"],
    ["-q", "testhost", "-l", "tester", "--", "echo", "x"],
    ["-Tx", "testhost", "echo x"],
    ["-oLogLevel=quiet", "testhost", "echo", ""],
    ["tester@testhost", "echo", "x"],
    ["ssh://tester@testhost", "echo", "x"],
    ["testhost", "printf '%s|' \"$0\" \"$@\"; echo a\necho b"],
    ["testhost", "echo \xe9\u20ac"]])
def test_words(host, args):
    assert alike(host, *args).returncode == 0


@pytest.mark.parametrize("args", [
    ["--", "testhost", "-q", "echo", "x"],              # all of it is the command
    ["stranger@testhost", "-l", "tester", "echo", "x"],  # the first user counts
    ["ssh://testhost:1", "-p", "{port}", "-b", "127.0.0.1", "echo", "x"],
    ["-f", "testhost"], ["testhost", "-e", "abc", "echo", "x"],
    ["-nz", "testhost"], ["testhost", "-9", "echo", "x"], ["testhost", "-p"]])
def test_lines_that_fail(host, args):
    assert alike(host, *(arg.format(port=host.proxy.port) for arg in args)).returncode


@pytest.mark.parametrize("args", [["-T", "testhost"], ["testhost"], ["testhost", ""]])
def test_shell_on_pipes(host, args):
    text = b"echo out; echo err >&2; read x; echo $x $0 $-\nline\nexit 8\n"
    done = alike(host, *args, input=text)
    assert done.returncode == 8
    assert b"line" in done.stdout


@pytest.mark.parametrize("args", [["-t", "testhost", "tty"], ["testhost"],
                                  ["-tq", "testhost", "tty"], ["-T", "testhost"]])
def test_terminal_that_is_not_there(host, args):
    """It is said when one was asked for, and not otherwise."""
    said = [b"Pseudo-terminal" in host.piped(it(host, *args)).stderr
            for it in (ssh, belay)]
    assert said == ["T" not in args[0] and "q" not in args[0]] * 2


@pytest.mark.parametrize("size", [5_000, 20_000, 100_000])
def test_long_command(host, size):
    done = alike(host, "testhost", f"echo {'x' * size} | wc -c; cat", input=b"input")
    assert result(done) == (0, b"%d\ninput" % (size + 1), b"")


# On a terminal.

def finished(host, argv):
    term = host.start(argv)
    status = term.wait_exit()
    term.assert_sane()
    return status, REMARKS.sub(b"", bytes(term.raw))


@pytest.mark.parametrize("args,status", [
    (["-t", "testhost", "test -t 0 && test -t 2 && echo terminal; exit 3"], 3),
    (["-tt", "testhost", "echo $TERM; stty size; kill -9 $$"], 255),
    (["testhost", "test -t 0 || test -t 1 || echo none; exit 4"], 4)])
def test_command_on_a_terminal(host, args, status):
    want, have = (finished(host, it(host, *args)) for it in (ssh, belay))
    assert want == have and have[0] == status


def test_forced_terminal(host):
    args = ["-tt", "testhost", "read x; test -t 0 && test -t 1 && echo $x; exit 7"]
    done = alike(host, *args, input=b"line\n")
    assert done.returncode == 7 and b"line\r\n" in done.stdout


# The configuration.

@pytest.mark.parametrize("config,args,want", [
    ("RemoteCommand cat; echo end; exit 5", ["testhost"], (5, b"input\nend\n")),
    ("RemoteCommand echo x", ["testhost", "echo y"], (255, b"")),
    ("RequestTTY force", ["testhost", "read x; test -t 0 && exit 9"], (9, None)),
    ("RequestTTY no", ["testhost"], (127, None)),
    ("RequestTTY yes", ["testhost", "tty"], (1, b"not a tty\n")),
    ("StdinNull yes", ["testhost", "cat; echo end"], (0, b"end\n")),
    ("LogLevel QUIET", ["testhost"], (127, None)),
    ("SetEnv LC_TEST=set", ["testhost", "echo $LC_TEST"], (0, b"set\n")),
    ("SetEnv LC_TEST=set TERM=vt220", ["-tt", "testhost", "read x; echo $TERM"], (0, b"input\r\nvt220\r\n")),
    ("SendEnv LC_SENT", ["testhost", "echo $LC_SENT"], (0, b"sent\n"))])
def test_configuration(host, config, args, want):
    host.configure(config)
    done = alike(host, *args, input=b"input\n", env={"LC_SENT": "sent"})
    assert done.returncode == want[0]
    assert want[1] is None or done.stdout == want[1]


@pytest.mark.parametrize("args", [["-V"], ["-Q", "kex"], ["-G", "testhost"],
                                  ["-O", "check", "testhost"]])
def test_what_is_of_ssh_alone(host, args):
    alike(host, *args)
    assert host.proxy.accepted == 0


# What the command finds on the host.

FINDINGS = {
    "environment": "env | grep -vE '^(SSH_C|_=)' | sort",
    "working directory": "pwd; umask; id",
    "limits": "ulimit -a; ulimit -Ha; nice",
    "signals": "grep -E '^(Sig(Blk|Ign|Cgt)|NoNewPrivs|Seccomp):' /proc/self/status",
    "descriptors": "ls /proc/self/fd",
    "shell": "echo $0 $- $# $SHLVL; cat /proc/$$/cmdline | tr '\\0' ' '",
    "no terminal": "tty; (: </dev/tty) 2>/dev/null || echo none; ps -o tty= -p $$",
    "groups of processes": "ps -o pid=,pgid=,sid= -p $$ | awk '{print $1==$2, $2==$3}'",
}


@pytest.mark.parametrize("what", FINDINGS)
def test_what_a_command_finds(host, what):
    alike(host, "testhost", FINDINGS[what])


def test_rc_file(host):
    """What the login shell reads is in force, and what that says is shown: on stdout
    once, on stderr the shell of the bootstrap may be heard too.
    """
    host.home_file(".bashrc", "echo noise; echo more >&2; OF_RC=yes\n")
    done = host.piped(belay(host, "testhost", "echo $OF_RC"))
    assert (done.returncode, done.stdout) == (0, b"noise\nyes\n")
    assert done.stderr in (b"more\n", b"more\nmore\n")


@pytest.mark.parametrize("shell", ["sh", "zsh", "fish", "tcsh", "mksh"])
def test_login_shells(make_host, shell):
    host = make_host(shell)
    if host.sshd.shell == "/bin/sh" and shell != "sh":
        pytest.skip(f"no {shell} here")
    alike(host, "testhost", "cat; echo $HOME 'a  b' | cat; exit 3", input=b"input\n")


# Hosts where belay-server cannot run.

FORCED = {
    "something else": "echo only this; echo and this >&2; exit 7",
    "one command": 'case "$SSH_ORIGINAL_COMMAND" in hello) cat; echo end; exit 4;; '
                   '*) echo "not allowed: $SSH_ORIGINAL_COMMAND" >&2; exit 1;; esac',
    "a forge": 'exec git-shell -c "$SSH_ORIGINAL_COMMAND"',
    "no account": "echo This account is currently not available.; exit 1",
    "nothing": "exec true",
    "files only": "internal-sftp",
    "the input": "cat",
    "the input's end": "cat >/dev/null; echo read",
}


@pytest.mark.parametrize("what", FORCED)
def test_forced_command(make_host, what):
    host = make_host(sshd_config=f"ForceCommand {FORCED[what]}")
    for command in ("hello", "other"):
        alike(host, "testhost", command, input=b"input\n")


# What it does, and what then has been done by belay's first run and by each later one.  Its
# input is what it got in all runs.
RUN = {
    "opens a door": ("echo opened", 1, b""),
    "opens a door without a word": ("true", 1, b""),
    "refuses, and says so": ("echo no; exit 3", 1, b""),
    "fails without a word": ("exit 3", 2, b""),
    "takes the input": ("cat >>$HOME/input", 2, b"input\n"),
    "writes without an end": ("head -c 3000000 /dev/zero; cat >>$HOME/input", 1, b"input\n"),
}


@pytest.mark.parametrize("what", RUN)
def test_forced_command_runs_once_or_twice_and_gets_no_byte_of_ours(make_host, what):
    """Twice only where nothing shows that the first run was what was asked for."""
    command, runs, got = RUN[what]
    host = make_host(sshd_config=f"ForceCommand echo x >>$HOME/runs; {command}")
    for n in range(2):
        (host.home / "input").unlink(missing_ok=True)
        (host.home / "runs").unlink(missing_ok=True)
        # options that do not change the account or its key change nothing
        done = host.piped([*belay_argv(host, *["-q"] * n), "hello"], b"input\n",
                          timeout=90)
        assert (host.home / "runs").read_text() == "x\n" * (1 if n else runs), done
        assert not got or (host.home / "input").read_bytes() == got
        assert done.stdout == {"echo opened": b"opened\n", "echo no; exit 3": b"no\n"}.get(
            command, bytes(3000000 if "zero" in command else 0))
        assert done.returncode == (3 if "exit 3" in command else 0)


def test_a_long_banner_comes_whole(make_host, tmp_path):
    """What is held back until it is known whose it is is not dropped."""
    lines = b"".join(b"line %d of the banner\n" % n for n in range(400))
    (tmp_path / "banner").write_bytes(lines)
    host = make_host(sshd_config=f"Banner {tmp_path}/banner")
    for program in ("ssh", belay_path()):
        done = host.piped([program, "-F", host.cfg, "testhost", "true"])
        assert done.returncode == 0 and done.stderr.replace(b"\r", b"") == lines, program


def test_all_that_ssh_says_under_v_is_shown(host):
    done = host.piped([*belay_argv(host, "-v"), "true"])
    said = done.stderr.decode()
    first, last = said.find("OpenSSH_"), said.find("Sending command")
    assert 0 <= first < last and "Authenticated to" in said[first:last], said


@pytest.mark.parametrize("command", ['exec git-shell -c "$SSH_ORIGINAL_COMMAND"',
                                     'exec bash -r -c "$SSH_ORIGINAL_COMMAND"'])
def test_what_a_host_says_of_the_bootstrap_is_not_shown(make_host, command):
    host = make_host(sshd_config=f"ForceCommand {command}")
    term = host.belay()
    term.wait_exit()
    assert len(term.raw) < 2000 and b"exec sh" not in term.raw, bytes(term.raw)


WORDS = [("-W", "localhost:{port}", "testhost"), ("-q", "-W", "localhost:{port}", "testhost"),
         ("-R", "0:localhost:9", "testhost", "sleep 0.5"), ("-t", "testhost", "true"),
         ("testhost", "exit 3")]


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_words_of_ssh_are_where_ssh_has_them(host, words, log):
    """On stderr, or in the file of -E, which gets nothing else."""
    said = []
    for program in ("ssh", belay_path()):
        file = host.dir / f"log{len(said)}"
        done = host.piped([program, "-F", host.cfg, *(["-E", file] if log else []),
                           *[word.format(port=free_port()) for word in words]])
        text = done.stderr + b"|" + (file.read_bytes() if log else b"")
        said.append((done.returncode, done.stdout, re.sub(rb"\r|\d{4,5}", b"", text)))
    assert said[0] == said[1]


def test_forget(make_host):
    host = make_host(sshd_config="ForceCommand echo x >>$HOME/runs; exit 3")
    for runs in (2, 3, 5):
        done = host.piped([*belay_argv(host), "hello"])
        assert done.returncode == 3
        assert (host.home / "runs").read_text() == "x\n" * runs
        if runs == 3:
            done = host.piped([*belay_argv(host), "--forget"])
            assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_slow_shell_of_the_host_runs_a_command_once(make_host):
    """Slower than it takes to be held for another program, which waits."""
    host = make_host(sshd_config='ForceCommand sleep 10; eval "$SSH_ORIGINAL_COMMAND"')
    done = host.piped([*belay_argv(host), "echo once | tee -a ran; exit 3"], timeout=60)
    assert (host.home / "ran").read_bytes() == b"once\n", done
    assert (done.returncode, done.stdout) == (3, b"once\n"), done


def test_nothing_may_run(make_host):
    alike(make_host(sshd_config="MaxSessions 0"), "testhost", "true")


def test_forced_command_that_lets_all_pass(make_host):
    host = make_host(sshd_config='ForceCommand eval "$SSH_ORIGINAL_COMMAND"')
    alike(host, "testhost", "cat; echo err >&2; exit 3", input=BINARY[:100_000])


def test_refused_login(host):
    host.configure("BatchMode yes", key="stranger")
    assert alike(host, "testhost", "true").returncode == 255


SFTP_HELLO = b"\0\0\0\5\1\0\0\0\3"


@pytest.mark.parametrize("config", [
    "Subsystem sftp internal-sftp", "Subsystem sftp internal-sftp\n"
    "ForceCommand internal-sftp", "Subsystem sftp internal-sftp\n"
    "ForceCommand echo no files here; exit 1", "ForceCommand echo no subsystem"])
def test_sftp(make_host, config):
    """Whoever serves it, it is served, and its end is seen."""
    host = make_host(sshd_config=config)
    for more in (3, 2, 1, 0):
        try:
            alike(host, "-s", "testhost", "sftp", input=SFTP_HELLO)
            break
        except AssertionError:
            # sshd's own server may see the end first, and plain ssh gets no answer then.
            if not more:
                raise


@pytest.mark.parametrize("command", ["internal-sftp", "echo no files here; exit 1"])
def test_sftp_on_a_host_never_met_that_has_a_command_of_its_own(make_host, command):
    """What it says to a command of ours was not asked for: sftp wants a subsystem."""
    host = make_host(sshd_config=f"Subsystem sftp internal-sftp\nForceCommand {command}")
    with host.popen(belay_argv(host, "-s") + ["sftp"]) as child:
        child.stdin.write(SFTP_HELLO)
        child.stdin.flush()
        serves = command == "internal-sftp"
        said = child.stdout.read(5 if serves else -1)
        child.stdin.close()
    assert said[4:] == b"\2" if serves else said == b"no files here\n", said


# sftp with what sshd's configuration says of it.

SFTP_SERVER = (find_sshd() or pathlib.Path("/usr/sbin/sshd")).parents[1] / "lib/openssh/sftp-server"
OPTIONS_OF_SFTP = {
    "internal, umask": "Subsystem sftp internal-sftp -u 0077",
    "external, umask": f"Subsystem sftp {SFTP_SERVER} -u 0077 -l ERROR",
    "internal, read-only": "Subsystem sftp internal-sftp -R",
    "external, read-only": f"Subsystem sftp {SFTP_SERVER} -R",
    "another directory": "Subsystem sftp internal-sftp -d /",
}
UNKNOWN_SFTP = {
    "no file": None,
    "no sftp": "Port 22",
    "in a Match": "Match all\nSubsystem sftp internal-sftp",
    "beside a ForceCommand in a Match":
        "Subsystem sftp internal-sftp\nMatch User other\nForceCommand internal-sftp -R",
    "a pattern that is not understood": "Include [a-z]*\nSubsystem sftp internal-sftp",
}


def configured(make_host, private, public, **files):
    """A host whose sshd has this of sftp, and on which /etc/ssh/sshd_config says that."""
    if os.getuid() or not os.path.isdir("/etc/ssh") or not SFTP_SERVER.exists():
        pytest.skip("no /etc/ssh to put another in place of, or no sftp-server")
    host = make_host(sshd_config=private, setenv={"BELAY_SFTP_SERVER": str(SFTP_SERVER)})
    place = host.dir / "etc-ssh"
    place.mkdir()
    if public is not None:
        (place / "sshd_config").write_text(public + "\n")
    for name, text in files.items():
        (place / f"{name}.conf").write_text(text + "\n")
    host.sshd.stop()
    host.sshd.within = ["unshare", "-m", "sh", "-c",
                        'mount --bind "$0" /etc/ssh && exec "$@"', place]
    host.sshd.start()
    return host


def put_and_look(host, program, name, **more):
    """What sftp says of an upload and of where it is, the file's mode, how many logins it took."""
    path, before = host.home / name, host.sshd.logins()
    (host.client_home / "file").write_text("of the client\n")
    (host.client_home / "batch").write_text(f"pwd\nput file {path}\n")
    done = host.piped(["sftp", "-q", "-S", program, "-F", host.cfg, "-b", "batch", "testhost"],
                      **more)
    mode = oct(path.stat().st_mode) if path.exists() else None
    return (done.returncode, done.stdout.replace(name.encode(), b""), mode,
            host.sshd.logins() - before)


@pytest.mark.parametrize("what", OPTIONS_OF_SFTP)
def test_options_of_sftp(make_host, what):
    line = OPTIONS_OF_SFTP[what]
    host = configured(make_host, line, "Include *.conf\nInclude nothing*", a=line, b="Match all")
    plain = put_and_look(host, "ssh", "by-ssh")
    assert put_and_look(host, belay_path(), "by-belay") == plain
    assert plain[2] == (None if "read-only" in what else "0o100600" if "umask" in what
                        else "0o100644")


@pytest.mark.parametrize("what", UNKNOWN_SFTP)
def test_sftp_whose_options_are_not_known(make_host, what):
    """It is sshd's, and that is all that is so."""
    host = configured(make_host, "Subsystem sftp internal-sftp -u 0077", UNKNOWN_SFTP[what])
    *plain, one = put_and_look(host, "ssh", "by-ssh")
    assert put_and_look(host, belay_path(), "by-belay") == (*plain, one + 1)
    assert plain[2] == "0o100600"
    term = host.start(["sh", "-c", '"$0" -F "$1" -s testhost sftp </dev/null >/dev/null',
                       belay_path(), host.cfg])
    term.expect("plain ssh, which does not survive a cut: sshd's ")
    term.wait_exit()
    before = host.sshd.logins()
    assert host.piped(belay(host, "testhost", "echo $BELAY_TEST_ID")).returncode == 0
    assert host.sshd.logins() == before + 1
    assert not (host.client_home / "cache/belay/plain-hosts").exists()


def test_own_sftp(make_host):
    host = configured(make_host, "Subsystem sftp internal-sftp -R", None)
    assert put_and_look(host, belay_path(), "own", env={"BELAY_SFTP": "own"})[2:] == (
        "0o100644", 1)
    before = host.sshd.logins()
    with host.popen(belay(host, "--sftp=own", "-s", "testhost", "sftp"), bufsize=0) as child:
        child.stdin.write(SFTP_HELLO)
        assert child.stdout.read(9)[4:] == b"\2\0\0\0\3"
        child.stdin.close()
        assert child.wait(10) == 0
    assert host.sshd.logins() == before + 1
    assert host.piped(belay(host, "--sftp=other", "testhost", "true")).returncode == 255


def test_unknown_subsystem(host):
    alike(host, "-s", "testhost", "nosuch")


# The end of the client.

@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("it", [ssh, belay])
def test_client_that_is_told_to_end(host, it, number):
    """Its pipes end; the command is not killed and can still do something."""
    path = host.out / "ended"
    command = f"echo here; cat; touch {path}"
    with host.popen(it(host, "testhost", command), bufsize=0) as child:
        assert child.stdout.readline() == b"here\n"
        child.send_signal(number)
        assert child.wait(10) == 255
    wait_until(path.exists, what="the command has not seen the end of its input")
    host.wait_gone()


def test_client_that_is_told_to_end_twice_at_once(host):
    """As timeout(1) does it: the host is told nonetheless, even if its link is gone."""
    with host.popen(belay(host, "testhost", "echo here; cat"), bufsize=0) as child:
        assert child.stdout.readline() == b"here\n"
        host.proxy.refuse()
        host.proxy.cut()
        wait_until(lambda: host.proxy.refused)
        child.send_signal(signal.SIGTERM)
        child.send_signal(signal.SIGHUP)
        host.proxy.accept()
        assert child.wait(10) == 255
    host.wait_gone()


@pytest.mark.parametrize("writes", ["yes", "while echo x; do sleep .05; done",
                                    "echo x; while echo y >&2; do sleep .3; done"])
def test_client_that_is_killed_while_its_command_writes(host, writes):
    """ssh has something to write when the client has gone: the command does not stay."""
    with host.popen(belay(host, "testhost", f"echo here; {writes}"), bufsize=0) as child:
        assert child.stdout.readline() == b"here\n"
        child.stdout.readline()
        child.kill()
        child.wait(10)
        wait_until(lambda: not host.processes(), timeout=4)
    wait_until(lambda: not host.client_processes(), timeout=4)


def test_a_terminal_that_ends_with_the_client(host):
    """As of scp below expect or an editor: what leads the terminal ends right behind belay, and the
    kernel hangs up the link's ssh.  Nothing stays on the host for a day."""
    host.piped(belay(host, "testhost", "true"))
    spawn = "import pty, sys; print(pty.spawn(sys.argv[1:]))"
    for how in ([], ["sh", "-c", '"$@"; exit $?', "sh"]) * 5:
        for terminal in ("-T", "-t"):
            done = host.piped(["/usr/bin/python3", "-c", spawn, *how,
                               *belay(host, terminal, "testhost", "echo ended; exit 3")])
            assert done.stdout.split() == [b"ended", b"768"], done      # of waitpid(2)
    wait_until(lambda: not host.processes(), timeout=5)


def test_client_that_is_told_to_end_while_away(host):
    with host.popen(belay(host, "testhost", "echo here; cat"), bufsize=0) as child:
        assert child.stdout.readline() == b"here\n"
        host.proxy.refuse()
        host.proxy.cut()
        wait_until(lambda: host.proxy.refused)
        child.terminate()
        assert child.wait(10) == 255
    host.proxy.accept()
    for one in host.processes():        # nobody could tell them
        kill(one.pid)
    host.may_leave_sockets = True


# Cuts.

NUMBERS = itertools.count()


def run_once(host, path, direction, sizes):
    """Has a command append a line while the connection is cut: it does so once, or belay
    gives up and it has done so once at most.  Returns the status."""
    # Its own: a command whose client has given up may come late, but only once.
    path = path.with_name(f"{path.name}.{next(NUMBERS)}")
    host.proxy.cut_after(sizes[0], direction, sizes[1:])
    command = f"echo line >>{path}; echo ok"
    done = host.piped(belay(host, "testhost", command), timeout=LONG)
    host.proxy.heal()
    wait_until(lambda: not host.running("bash", "-c", command))
    assert all(one.read_text().count("line") <= 1
               for one in path.parent.glob(f"{path.name.split('.')[0]}.*"))
    lines = path.read_text().count("line") if path.exists() else 0
    assert (done.returncode, done.stdout, lines) in (
        (0, b"ok\n", 1), (255, b"", 0), (255, b"", 1)), f"{direction} {sizes}: {done}"
    return done.returncode


def bytes_of_a_start(host):
    """How many bytes go in each direction, in a cold start and in a warm one."""
    sizes = []
    for _ in range(2):
        before = dict(host.proxy.bytes)
        assert host.piped(belay(host, "testhost", "true")).returncode == 0
        sizes.append({name: host.proxy.bytes[name] - before[name] for name in before})
    return sizes


def end_unheard_of(host):
    """Sessions whose client broke off before it heard of them end after a minute."""
    for one in host.processes():
        if one.argv[1:2] == ["hold"]:
            kill(one.pid, signal.SIGTERM)
    host.wait_gone()


@pytest.mark.parametrize("direction", ["up", "down"])
def test_never_run_twice(host, rng, direction):
    """The connection is cut somewhere during its start, and some of the next ones too."""
    limit = bytes_of_a_start(host)[1][direction]
    ended = []
    for round_ in range(24):
        first = rng.randrange(limit // 2 if round_ % 2 else 1, limit + limit // 4)
        sizes = [first] + [rng.randrange(1, limit) for _ in range(round_ % 3)]
        ended.append(run_once(host, host.out / "lines", direction, sizes))
    assert 0 in ended and 255 in ended
    end_unheard_of(host)


def test_never_run_twice_after_an_upload(host, rng):
    limit = bytes_of_a_start(host)[0]["up"]
    for _ in range(12):
        for path in host.server_files():
            path.unlink()
        run_once(host, host.out / "lines", "up", [rng.randrange(3_000, limit + 300)])
    end_unheard_of(host)


@pytest.mark.parametrize("cut", [False, True])
def test_what_has_come_is_shown_though_the_session_is_gone(host, cut):
    """As before less(1): the host waits for two seconds behind the end, and then forgets it."""
    size = 900000
    with host.popen([*belay_argv(host), f"head -c {size} /dev/zero; exit 7"], bufsize=0) as belay:
        first = belay.stdout.read(1)
        if cut:
            wait_until(lambda: not host.running("head", "-c", str(size), "/dev/zero"))
            host.proxy.cut()
        host.wait_gone()
        rest, errors = belay.communicate(timeout=scaled(20))
    assert (len(first + rest), belay.returncode, errors) == (size, 7, b"")
    assert host.sshd.logins() <= 2      # one that finds nothing


def test_cuts_of_a_transfer(host, rng):
    data = rng.randbytes(20_000_000)
    host.piped(belay(host, "testhost", "true"))
    for direction in ("up", "down"):
        sizes = [rng.randrange(1_000_000, 5_000_000) for _ in range(30)]
        host.proxy.cut_after(sizes[0], direction, sizes[1:])
    done = host.piped(belay(host, "testhost", "cat; echo the end >&2; exit 5"), data,
                      2 * LONG)
    assert hashlib.sha256(done.stdout).digest() == hashlib.sha256(data).digest()
    assert (done.returncode, done.stderr) == (5, b"the end\n")
    assert host.proxy.cuts >= 6


def test_network_away_in_the_middle(host):
    go = host.out / "go"
    command = (f"cat; until [ -e {go} ]; do sleep 0.05; done; "
               "echo later; echo err >&2; exit 3")
    with host.popen(belay(host, "testhost", command), bufsize=0) as child:
        child.stdin.write(b"before\n")
        assert child.stdout.readline() == b"before\n"
        host.proxy.refuse()
        host.proxy.cut()
        wait_until(lambda: host.proxy.refused >= 2)
        child.stdin.write(b"meanwhile\n")
        child.stdin.close()
        go.touch()
        host.proxy.accept()
        assert child.stdout.read() == b"meanwhile\nlater\n"
        assert child.stderr.read() == b"err\n"
        assert child.wait() == 3


def test_a_terminal_without_one_here_gets_every_byte(host):
    """ssh -tt into a pipe, as Ansible does: more than is retained, all of it exact."""
    command = "sleep 1; seq -f 'number %08.0f of a long list of numbers in a row' 200000"
    with host.popen([*belay_argv(host, "-tt"), command], stdin=subprocess.DEVNULL) as child:
        wait_until(lambda: host.running("sleep", "1"))
        host.proxy.refuse()
        host.proxy.cut()
        wait_until(lambda: not host.running("sleep", "1"))
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(3)
        host.proxy.heal()
        out, err = child.communicate(timeout=scaled(60))
    want = "".join(f"number {n:08} of a long list of numbers in a row\r\n"
                   for n in range(1, 200_001))
    assert out.decode() == want
    assert child.returncode == 0


def test_end_during_an_outage(host):
    """The command ends unseen: nothing of what it left is lost."""
    go = host.out / "go"
    command = f"echo here; until [ -e {go} ]; do sleep 0.05; done; seq 1 100000; exit 4"
    with host.popen(belay(host, "testhost", command), bufsize=0) as child:
        assert child.stdout.readline() == b"here\n"
        host.proxy.refuse()
        host.proxy.cut()
        wait_until(lambda: host.proxy.refused)
        go.touch()
        wait_until(lambda: not host.running("sleep", "0.05"))
        host.proxy.accept()
        assert child.stdout.read() == b"".join(b"%d\n" % n for n in range(1, 100_001))
        assert child.wait() == 4


# Those who do not read.

def peak(child):
    """The most memory that the client has had so far, in MB."""
    text = pathlib.Path(f"/proc/{child.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s*(\d+)", text).group(1)) / 1000


def test_reader_that_stalls(host):
    size = 100_000_000
    with host.popen(belay(host, "testhost", f"head -c {size} /dev/zero")) as child:
        got = len(child.stdout.read(1))
        before = peak(child)
        time.sleep(2)                       # how long nothing is read
        assert peak(child) - before < 16
        while data := child.stdout.read1(1 << 20):
            got += len(data)
        assert got == size and child.wait() == 0


def test_program_that_does_not_read(host):
    size, go = 50_000_000, host.out / "go"
    command = f"echo here; until [ -e {go} ]; do sleep 0.05; done; wc -c"
    with host.popen(belay(host, "testhost", command), bufsize=0) as child:
        assert child.stdout.readline() == b"here\n"
        before = peak(child)

        def write():
            view = memoryview(bytes(size))
            while view:
                view = view[child.stdin.write(view):]
            child.stdin.close()

        rest = threading.Thread(target=write)
        rest.start()
        time.sleep(2)                       # how long nothing is read
        assert rest.is_alive() and peak(child) - before < 16
        go.touch()
        assert int(child.stdout.read()) == size
        rest.join()
        assert child.wait() == 0
