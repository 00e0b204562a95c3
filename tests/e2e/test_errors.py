"""Proves that what cannot work ends soon, with a clear line, as ssh would end, and with
the terminal as it was.
"""

import os
import pathlib
import re
import signal
import struct
import subprocess

import pytest

from harness import PATH, belay_argv, belay_path, communicate, free_port, kill, wait_until


def failed(term, *status):
    """Waits for the failure; returns the lines of the program and those of belay."""
    assert term.wait_exit(30) in (status or [255])
    term.assert_sane()
    lines = term.text_lines()
    return lines, [line for line in lines if "belay: " in line]


def one_line(term, *status):
    """The one line in which belay says why it ends."""
    lines, own = failed(term, *status)
    assert len(own) == 1, f"not one line of belay: {lines}"
    return own[0]


@pytest.mark.parametrize("option", ["-9", "-Y9", "--no-such-option"])
def test_unknown_option(host, option):
    lines, own = failed(host.belay(option))
    assert "usage" in "\n".join(lines).lower() or f"no option {option}" in own[0]
    assert len(own) <= 1 and host.proxy.accepted == 0


def test_no_destination(host):
    lines, own = failed(host.start([belay_path()]))
    assert "usage" in "\n".join(lines).lower()
    assert len(own) <= 1


@pytest.mark.parametrize("words,says", [
    (["--return=sometimes"], "auto|always|never"), (["--return"], "auto|always|never"),
    (["--linger", "soon"], "30m"), (["--session", "no good"], "letters, digits"),
    (["--new=1"], "no value"), (["--kill", "prod"], "the destination is missing"),
    (["--kill", "a,,b", "testhost"], "--idle"), (["--rename", "prod", "testhost"], "SESSION:NAME")],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_an_error_names_the_option_and_what_is_allowed(host, words, says):
    own = failed(host.start([belay_path(), *words]))[1]
    assert words[0] in own[0] and says in own[0], own


def test_unknown_host(host):
    """A command ends; a shell may wait for a network that knows the name (test_start.py)."""
    lines, _ = failed(host.start([*belay_argv(host)[:-1], "nosuch.invalid", "true"]))
    (line,) = filter(None, lines)       # it may be ssh's
    assert "nosuch.invalid" in line


def test_nothing_listens(host):
    """A first connection that is refused is told, not tried for ever."""
    host.sshd.stop()
    host.configure(port=host.sshd.port)
    lines, own = failed(host.belay())
    assert any("refused" in line for line in lines)
    assert len(own) <= 1


def test_refused_login(host):
    host.configure("BatchMode yes", key="stranger")
    lines, own = failed(host.belay())
    assert any("Permission denied" in line for line in lines)
    assert len(own) <= 1
    assert host.proxy.accepted == 1 and host.proxy.refused == 0


def test_changed_host_key(host):
    host.configure(host_key="stranger")
    lines, own = failed(host.belay())
    assert any("HOST IDENTIFICATION HAS CHANGED" in line for line in lines)
    assert len(own) <= 1
    assert host.proxy.accepted == 1


def test_host_key_that_changes_meanwhile(host):
    """What answers on a reconnect is not the host, and gets nothing: a shell waits for the host,
    and is tried by the person and never by itself."""
    term = host.shell(cols=160, env={"BELAY_STATUS": None})
    host.configure(host_key="stranger")
    host.proxy.cut()
    said = rb"other host key SHA256:[\w+/]{43}, not known_hosts:1"
    term.expect(re.compile(said))
    term.expect(re.compile(rb"press Enter"))
    tried = host.proxy.accepted
    term.pump(3)
    assert host.proxy.accepted == tried
    term.type("\r")
    wait_until(lambda: host.proxy.accepted == tried + 1)
    term.expect(re.compile(said))
    term.expect(re.compile(rb"press Enter"))
    host.configure()
    term.type("\r")
    term.say("back-again")
    host.finish(term)
    host.wait_gone()


def end_holders(host):
    for one in host.processes():
        if "hold" in one.argv[1:2]:
            kill(one.pid, signal.SIGTERM)


@pytest.mark.parametrize("what", [["cat"], ["-N"]])
def test_host_key_that_changes_where_nobody_waits(host, what):
    """It ends as ssh does, in its words."""
    with host.popen([*belay_argv(host, "-v"), *what]) as child:
        while b"-> up" not in child.stderr.readline():
            assert child.poll() is None
        host.configure(host_key="stranger")
        host.proxy.cut()
        said = child.stderr.read()
        assert child.wait(10) == 255
        assert b"HOST IDENTIFICATION HAS CHANGED" in said
        assert b"Host key verification failed" in said
    end_holders(host)
    host.wait_gone()


def test_host_key_that_changes_with_a_bound(host):
    """--give-up says how long the right host is waited for."""
    with host.popen([*belay_argv(host, "-v", "--give-up", "2"), "cat"]) as child:
        while b"-> up" not in child.stderr.readline():
            assert child.poll() is None
        host.configure(host_key="stranger")
        host.proxy.cut()
        said = child.stderr.read()
        assert child.wait(10) == 255
        assert b"another host key answers there, SHA256:" in said
        assert b"given up (--give-up)" in said
    end_holders(host)
    host.wait_gone()


@pytest.mark.parametrize("env", [{"PATH": ""}, {"BELAY_SSH": "/nonexistent/ssh"}])
def test_missing_ssh(host, env):
    line = one_line(host.belay(env=env))
    assert "BELAY_SSH" in line or env.get("BELAY_SSH", "ssh") in line


def test_ssh_that_is_belay(host, tmp_path):
    """It does not call itself for ever."""
    path = tmp_path / "ssh"
    path.symlink_to(belay_path())
    lines, _ = failed(host.belay(env={"BELAY_SSH": path}))
    assert any("BELAY_SSH" in line for line in lines)


SCRIPTS = {"exec": 'exec {} "$@"', "child": '{} "$@"; exit $?',
           "options": 'exec {} --linger 1h "$@"'}


@pytest.mark.parametrize("how", SCRIPTS)
@pytest.mark.parametrize("named", ["on PATH", "BELAY_SSH"])
def test_script_named_ssh_that_runs_belay(host, tmp_path, how, named):
    """The natural way to put it everywhere: belay takes the ssh behind it."""
    path = tmp_path / "ssh"
    path.write_text("#!/bin/sh\n" + SCRIPTS[how].format(belay_path()) + "\n")
    path.chmod(0o755)
    env = {"PATH": f"{tmp_path}:{PATH}"} if named == "on PATH" else {"BELAY_SSH": path}
    for program in (belay_path(), path):
        done = host.piped([program, "-F", host.cfg, "testhost", "cat; exit 7"], b"input", env=env)
        assert (done.returncode, done.stdout) == (7, b"input"), done
        assert host.sshd.logins() == 1 + (program == path)
    host.proxy.accepted = 0
    done = host.piped([belay_path(), "-F", host.cfg, "-oProxyCommand=" + " ".join(
        [str(belay_path()), "-F", str(host.cfg), "-W", "localhost:%d" % host.sshd.port,
         "testhost"]), "testhost", "echo inside"], env=env)
    assert done.stdout == b"inside\n", done


# A host that goes away for good.

@pytest.mark.parametrize(("options", "env"), [
    (["--give-up", "5s"], {}), ([], {"BELAY_GIVE_UP": "2"}),
    (["-oServerAliveInterval=1", "-oServerAliveCountMax=2"], {})])
def test_a_command_gives_its_host_up(host, options, env):
    with host.popen([*belay_argv(host, *options), "echo begun; cat"], env=env) as child:
        assert child.stdout.read(6) == b"begun\n"
        host.proxy.refuse()
        host.proxy.cut()
        out, err = communicate(child, None)
        assert (child.returncode, out) == (255, b"")
        assert b"given up" in err and b"--give-up" in err
        assert b"connected again" not in err
    for one in host.processes():
        kill(one.pid, signal.SIGTERM)


def test_a_tunnel_and_a_shell_do_not(host):
    host.configure("ServerAliveInterval 1\nServerAliveCountMax 1\n")
    term = host.shell("-oServerAliveInterval=1")
    host.proxy.refuse()
    host.proxy.cut()
    term.pump(5)
    host.proxy.heal()
    term.line("echo st''ill")
    term.expect("still")
    host.finish(term)


# Hosts that talk nonsense.

def test_garbage_and_end(make_host, tmp_path):
    """A host that does something else: what it says is shown once, as by plain ssh."""
    (tmp_path / "words").write_text("this host only says so\n" * 2000)
    host = make_host(sshd_config=f"ForceCommand cat {tmp_path}/words; exit 3")
    for _ in range(2):
        term = host.belay()
        assert term.wait_exit() == 3
        assert term.raw.count(b"this host only says so") == 2000


def test_host_of_another_kind_is_remembered(make_host):
    """What it did was what was asked for; the second time it is plain ssh's."""
    host = make_host(sshd_config="ForceCommand echo only this; exit 4")
    for logins in (1, 2):
        term = host.belay()
        assert term.wait_exit() == 4
        assert term.raw.count(b"only this") == 1
        assert host.sshd.logins() == logins
        assert (b"plain ssh" in term.raw) == (logins == 2)
    # Other options, another time of known_hosts: the same account, with the same key.
    known = pathlib.Path(re.search(r"UserKnownHostsFile (\S+)", host.cfg.read_text())[1])
    known.write_text(known.read_text() + "otherhost ssh-ed25519 AAAA\n")
    assert "plain ssh" in one_line(host.belay("-4", "-oLogLevel=INFO"), 4)
    # It has another key: it may be another machine.
    names = known.read_text().split()[0]
    known.write_text(f"{names} ssh-rsa AAAA\n" + known.read_text())
    term = host.belay()
    assert term.wait_exit() == 4
    assert b"plain ssh" not in term.raw


@pytest.mark.parametrize("command", ["cat /dev/zero", "yes", "cat /dev/urandom"])
def test_endless_garbage(make_host, command):
    host = make_host(sshd_config=f"ForceCommand exec {command}")
    term = host.belay()
    one_line(term)
    assert len(term.raw) < 2000, "the garbage is shown"
    host.wait_gone()


def fake_server(host, answer):
    """A server to be sent that says this after the mark; returns the client's environment."""
    version = subprocess.run([belay_path(), "--version"], capture_output=True, text=True)
    build = version.stdout.split()[1]
    system = os.uname()
    (host.dir / "answer").write_bytes(answer)
    servers = host.dir / "servers"
    servers.mkdir()
    (servers / f"{system.sysname}-{system.machine}").write_text(
        "#!/bin/sh\n"
        f'[ $1 = --land ] && mv $2 $3 && echo {build} && exit\n'
        f'echo "$2 ready"; cat {host.dir}/answer; cat >/dev/null\n')
    return {"BELAY_SERVERS": servers}


def frame(number, body):
    return struct.pack(">IB", len(body) + 1, number) + body


REFUSE, WELCOME = 3, 2
OTHER_VERSION = struct.pack(">HI", 1, 7) + b"9.9-fake"[:7] + bytes(16)


@pytest.mark.parametrize("answer, word", [
    (frame(REFUSE, OTHER_VERSION), "9.9-fak"),
    (frame(WELCOME, struct.pack(">HI", 99, 0) + bytes(16 + 16 + 8 + 4 + 4)), "version"),
    (frame(WELCOME, b"short"), "protocol"),
    (frame(77, b""), "protocol"),
    (b"\xff" * 100, "protocol"),
    (frame(REFUSE, struct.pack(">HI", 4, 3) + b"why" + bytes(16)), "why"),
], ids=["refused", "not offered", "malformed", "unknown", "no frame", "bad hello"])
def test_server_that_answers_otherwise(host, answer, word):
    """Another version, or nonsense in the protocol's place: one line that says what."""
    term = host.belay(env=fake_server(host, answer))
    assert word in one_line(term)
    host.wait_gone()


# Sessions that are gone.

def test_session_that_is_gone(host):
    host.may_leave_sockets = True
    term = host.shell("--again=never")
    os.kill(host.holder(term).pid, signal.SIGKILL)
    host.proxy.cut()
    assert "session" in one_line(term)


def test_session_that_went_during_an_outage(host):
    host.may_leave_sockets = True
    term = host.shell("--again=never")
    holder = host.holder(term)
    host.proxy.refuse()
    host.proxy.cut()
    term.wait_until(lambda: host.proxy.refused)
    os.kill(holder.pid, signal.SIGKILL)
    host.proxy.accept()
    assert "session" in one_line(term)


# Words of ssh's, which other programs look for.

def test_forwards_are_spoken_of_as_by_ssh(host):
    port = free_port(2)
    said = {}
    for program in (["ssh"], [str(belay_path())]):
        words = [*program, "-F", str(host.cfg)]
        refused = host.piped([*words, "-W", "localhost:1", "testhost"])
        listens = host.piped([*words, "-v", "-L", f"127.0.0.1:{port}:x:1", "-D",
                              f"127.0.0.1:{port + 1}", "testhost", "true"])
        said[program[0]] = (refused.returncode, refused.stderr.split(), sorted(
            line.strip() for line in listens.stderr.split(b"\n") if b"listening on" in line))
    ssh, belay = said.values()
    assert belay == ssh and len(ssh[2]) == 2, said
