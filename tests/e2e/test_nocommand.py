"""-N, -f and the escapes: what ssh does besides running a program."""

import re
import signal
import socket

import pytest
from harness import PROMPT, belay_argv, belay_path, free_port, kill, wait_until


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def echo(tmp_path):
    """A port for -L, and a server behind it."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        yield port, f"{port}:127.0.0.1:{server.getsockname()[1]}", server


@pytest.mark.parametrize("how", [("-N",), ("-o", "SessionType=none")])
def test_no_command_holds_a_forward_over_a_cut(host, echo, how):
    port, spec, server = echo
    with host.popen([*belay_argv(host, "-v", *how, "-L", spec)]) as child:
        while b"-> up" not in child.stderr.readline():
            assert child.poll() is None
        wait_until(lambda: listens(port))
        host.proxy.cut()
        wait_until(lambda: host.sshd.logins() > 1)
        wait_until(lambda: listens(port))
        child.send_signal(signal.SIGTERM)
        assert child.wait(10) == 255
    host.wait_gone()
    assert not listens(port)


@pytest.mark.parametrize("account", ["ForceCommand echo tunnels only; exit 1",
                                     "MaxSessions 0"])
def test_an_account_for_tunnels_only(make_host, echo, account):
    """Nothing of ours may run there: plain ssh carries the tunnel, and is run again."""
    host = make_host(sshd_config=account)
    port, spec, server = echo
    with host.popen(belay_argv(host, "-N", "-L", spec, to="--") + ["testhost"],
                    env={"AUTOSSH_GATETIME": "0"}) as child:
        for _ in range(2):
            wait_until(lambda: listens(port))
            logins = host.sshd.logins()
            host.proxy.cut()
            wait_until(lambda: host.sshd.logins() > logins)
        wait_until(lambda: listens(port))
        child.send_signal(signal.SIGTERM)
        assert child.wait(10) == 255
    wait_until(lambda: not host.client_processes())
    assert not listens(port)


def holders(host):
    return [one for one in host.processes() if "hold" in one.argv[1:2]]


def through(port, server):
    """Whether a byte comes through the forward, and one back."""
    with socket.create_connection(("127.0.0.1", port)) as here:
        here.sendall(b"x")
        while True:
            there, _ = server.accept()
            with there:
                if there.recv(1) == b"x":       # else it is of a look at the port
                    there.sendall(b"y")
                    return here.recv(1) == b"y"


def test_a_tunnel_whose_session_is_killed_begins_anew(host, echo, tmp_path):
    """There is nothing to lose: the connection that it had ends, and the next one gets through;
    also the other way round."""
    port, spec, server = echo
    server.settimeout(20)
    back = free_port()
    with host.popen(belay_argv(host, "-N", "-L", spec, "-R",
                               f"{back}:127.0.0.1:{server.getsockname()[1]}")) as child:
        wait_until(lambda: listens(port) and listens(back))
        for number in (signal.SIGTERM, signal.SIGKILL):
            with socket.create_connection(("127.0.0.1", port)) as old:
                (one,) = holders(host)
                kill(one.pid, number)
                assert old.recv(1) == b""
            wait_until(lambda: holders(host) and listens(back))
            assert child.poll() is None
            assert through(port, server)
            assert through(back, server)
        child.send_signal(signal.SIGTERM)
        assert child.wait(10) == 255
        assert child.stderr.read().count(b"; another one begins") == 2
    host.wait_gone()
    assert not listens(port) and not listens(back)
    for left in (host.dir / "run").iterdir():   # of the one that could not remove its socket
        left.unlink()


def test_a_refused_login_where_there_is_nobody_to_ask(host, echo):
    """It is said once; the client stays and does not hammer: the next try is in a minute."""
    port, spec, server = echo
    with host.popen([*belay_argv(host, "-v", "-N", "-L", spec)]) as child:
        while b"-> up" not in child.stderr.readline():
            assert child.poll() is None
        host.configure(key="stranger")
        host.proxy.cut()
        said = [child.stderr.readline()]
        while b"the login was refused, and there is nobody to ask" not in said[-1]:
            said.append(child.stderr.readline())
        assert any(b"-> down, login refused" in line for line in said)
        logins = host.proxy.accepted
        host.proxy.cut()
        assert listens(port)
        child.send_signal(signal.SIGTERM)
        assert child.wait(10) == 255
        assert host.proxy.accepted == logins
        assert not any(b"nobody to ask" in line for line in child.stderr.readlines())
    for one in holders(host):       # nobody could tell it
        kill(one.pid, signal.SIGTERM)
    host.wait_gone()


def test_background_after_authentication(host, echo):
    port, spec, server = echo
    done = host.piped(belay_argv(host, "-f", "-N", "-L", spec), timeout=20,
                      stdout=None, stderr=None)
    assert done.returncode == 0
    assert listens(port)
    inside = [one for one in host.client_processes() if one.name == "belay"]
    assert len(inside) == 1
    kill(inside[0].pid, signal.SIGTERM)
    wait_until(lambda: not host.client_processes())
    host.wait_gone()


@pytest.mark.parametrize("fork", [("-f",), ("-o", "ForkAfterAuthentication=yes")])
def test_background_for_tunnels_only(make_host, echo, tmp_path, fork):
    """Plain ssh carries it, and is run again: also by the name of a host that is known so."""
    host = make_host(sshd_config="ForceCommand echo tunnels only; exit 1",
                     ssh_config=f"PermitLocalCommand yes\n"
                                f"LocalCommand echo as %r >>{tmp_path}/local")
    port, spec, server = echo
    for _ in ("found", "remembered"):
        done = host.piped(belay_argv(host, *fork, "-N", "-L", spec), timeout=20)
        assert done.returncode == 0
        assert listens(port)
        logins = host.sshd.logins()
        host.proxy.cut()
        wait_until(lambda: host.sshd.logins() > logins)
        wait_until(lambda: listens(port))
        assert (tmp_path / "local").read_text().startswith("as ")
        inside = [one for one in host.client_processes() if one.name == "belay"]
        assert len(inside) == 1
        kill(inside[0].pid, signal.SIGTERM)
        wait_until(lambda: not host.client_processes())
        wait_until(lambda: not listens(port))


def test_background_for_tunnels_only_that_does_not_get_in(make_host, echo):
    host = make_host(sshd_config="ForceCommand echo tunnels only; exit 1")
    port, spec, server = echo
    assert host.piped(belay_argv(host, "-f", "-N", "-L", spec), timeout=20).returncode == 0
    inside = [one for one in host.client_processes() if one.name == "belay"]
    kill(inside[0].pid, signal.SIGTERM)
    wait_until(lambda: not host.client_processes())
    host.configure(key="stranger")
    done = host.piped(belay_argv(host, "-f", "-N", "-L", spec), timeout=20)
    assert done.returncode == 255
    assert b"Permission denied" in done.stderr
    wait_until(lambda: not host.client_processes())


@pytest.mark.parametrize("more", [{}, {"stderr": None}])
def test_background_lets_go_of_what_is_open(host, more):
    """Who collects its output need not wait for its end; what -v says is said on stderr."""
    done = host.piped(belay_argv(host, "-f", "-N", *(["-v"] if more else [])),
                      timeout=20, **more)
    assert done.returncode == 0
    for one in host.client_processes():
        if one.name == "belay":
            kill(one.pid, signal.SIGTERM)
    wait_until(lambda: not host.client_processes())
    host.wait_gone()


def test_background_that_does_not_get_in(host):
    host.configure(key="stranger")
    assert host.piped(belay_argv(host, "-f", "-N")).returncode == 255


def test_background_command(host):
    done = host.piped([*belay_argv(host, "-f"), "echo out; cat; sleep 0.2; touch ~/ran"],
                      stdout=None, stderr=None)
    assert done.returncode == 0
    wait_until(lambda: (host.home / "ran").exists())
    host.wait_gone()


# belay as the master of ControlPath, found by ssh's own means.

@pytest.fixture
def control(host):
    """Runs ssh by the ControlPath of a master: status, stdout, stderr."""
    path = host.dir / "control"

    def run(*words):
        done = host.piped(["ssh", "-F", host.cfg, "-S", path, *words, "testhost"])
        return done.returncode, done.stdout, re.sub(rb"(Exit|Stop).* sent.\r\n", b"", done.stderr)

    run.path = path
    return run


def once_more(host):
    """A cut, and the next login."""
    logins = host.sshd.logins()
    host.proxy.cut()
    wait_until(lambda: host.sshd.logins() > logins)


MASTERS = [("-M", "-N"), ("-oControlMaster=auto", "-N"), ("-fNM",),
           ("-M", "-N", "-oControlPersist=yes")]


@pytest.mark.parametrize("program, how", [*(("ssh", how) for how in MASTERS[::3]),
                                          *(("belay", how) for how in MASTERS)])
def test_a_tunnel_ends_by_ssh_s_own_means(host, echo, control, program, how):
    """Also behind a cut, which is the end of ssh's own."""
    port, spec, server = echo
    aside = "-fNM" in how or len(how) > 2       # ControlPersist goes to the background, too
    with host.popen([program if program == "ssh" else belay_path(), "-F", host.cfg, *how,
                     "-S", control.path, "-L", spec, "testhost"],
                    **({"stderr": None, "stdout": None} if aside else {})) as child:
        if aside:
            assert child.wait(20) == 0
        wait_until(lambda: control("-O", "check")[0] == 0)
        assert (control.path.stat().st_mode & 0o777) == 0o600
        extra = free_port()
        more = f"{extra}:127.0.0.1:{server.getsockname()[1]}"
        assert control("-O", "forward", "-L", more) == (0, b"", b"")
        if program != "ssh":
            once_more(host)
        for one in (port, extra):
            wait_until(lambda: through(one, server))
        assert control("-O", "cancel", "-L", more) == (0, b"", b"")
        assert not listens(extra)
        assert control("-O", "cancel", "-L", more)[0] in (0, 255)
        assert listens(port) and control("-O", "exit")[:2] == (0, b"")
        assert aside or child.wait(20) == 255
    wait_until(lambda: not listens(port) and not control.path.exists())
    host.wait_gone()


def test_a_port_of_the_host_by_a_master(host, echo, control):
    _, _, server = echo
    with host.popen([*belay_argv(host, "-M", "-N", "-S", control.path)]) as child:
        wait_until(lambda: control("-O", "check")[0] == 0)
        to = f"127.0.0.1:{server.getsockname()[1]}"
        status, said, _ = control("-O", "forward", "-R", f"0:{to}")
        port = int(said)
        assert status == 0 and through(port, server)
        once_more(host)
        wait_until(lambda: through(port, server))
        assert control("-O", "forward", "-R", f"{port}:{to}")[0] == 255     # it is taken
        assert control("-O", "cancel", "-R", f"{port}:{to}")[0] == 0
        wait_until(lambda: not listens(port))
        assert control("-O", "exit")[0] == 0
        assert child.wait(20) == 255


def test_sessions_by_a_master(host, echo, control):
    """As by ssh's: they end with the connection, and there are new ones by the next."""
    _, _, server = echo
    data = bytes(range(256)) * 4000
    for program in ("ssh", belay_path()):
        with host.popen([program, "-F", host.cfg, "-M", "-N", "-S", control.path, "testhost"]) \
                as child:
            wait_until(lambda: control("-O", "check")[0] == 0)
            logins = host.sshd.logins()
            for _ in range(2 if program != "ssh" else 1):
                done = host.piped(["ssh", "-F", host.cfg, "-S", control.path, "testhost",
                                   "cat; echo err >&2; exit 3"], data)
                assert (done.returncode, done.stdout, done.stderr) == (3, data, b"err\n")
                done = host.piped(["ssh", "-F", host.cfg, "-S", control.path, "-W",
                                   f"127.0.0.1:{host.sshd.port}", "testhost"], b"x\n")
                assert done.stdout.startswith(b"SSH-2.0-")
                assert host.sshd.logins() == logins
                if program != "ssh":
                    once_more(host)
                    # while there is no connection, ssh makes one itself
                    wait_until(lambda: not host.piped(
                        ["ssh", "-F", host.cfg, "-S", control.path, "testhost", "true"]).stderr)
                    logins = host.sshd.logins()
            assert control("-O", "stop")[0] == 0
            assert not control.path.exists() and child.wait(10) == 255
    host.wait_gone()


def test_a_master_that_stops_ends_behind_the_last_connection(host, echo, control):
    port, spec, server = echo
    for program in ("ssh", belay_path()):
        with host.popen([program, "-F", host.cfg, "-M", "-N", "-S", control.path, "-L", spec,
                         "testhost"]) as child:
            wait_until(lambda: control("-O", "check")[0] == 0)
            with socket.create_connection(("127.0.0.1", port)) as here:
                there, _ = server.accept()
                assert control("-O", "stop")[0] == 0 and not control.path.exists()
                here.sendall(b"x")
                assert there.recv(1) == b"x" and child.poll() is None
            there.close()
            assert child.wait(10) == 255
    host.wait_gone()


def test_a_command_that_is_a_master_awaits_the_sessions_by_it(host, control):
    for program in ("ssh", belay_path()):
        with host.popen([program, "-F", host.cfg, "-M", "-S", control.path, "testhost",
                         "head -1; exit 4"]) as child:
            wait_until(lambda: control("-O", "check")[0] == 0)
            with host.popen(["ssh", "-F", host.cfg, "-S", control.path, "testhost",
                             "echo here; cat"]) as other:
                assert other.stdout.readline() == b"here\n"
                child.stdin.write(b"line\n")
                child.stdin.flush()
                assert child.stdout.readline() == b"line\n"
                other.stdin.write(b"still\n")
                other.stdin.flush()
                assert other.stdout.readline() == b"still\n" and child.poll() is None
                other.stdin.close()
                assert other.wait(10) == 0
            assert child.wait(10) == 4
    host.wait_gone()


def test_a_master_that_persists_for_a_while(host, echo, control):
    port, spec, server = echo
    done = host.piped(belay_argv(host, "-M", "-N", "-S", control.path, "-oControlPersist=1",
                                 "-L", spec), timeout=20, stdout=None, stderr=None)
    assert done.returncode == 0 and through(port, server)
    wait_until(lambda: not host.client_processes())
    assert not listens(port) and not control.path.exists()
    host.wait_gone()


def test_a_command_in_the_background_beside_a_master_that_persists(host, echo, control):
    """Is not run (ssh.c); it is a tunnel."""
    port, spec, server = echo
    for program in ("ssh", belay_path()):
        done = host.piped([program, "-F", host.cfg, "-f", "-M", "-S", control.path,
                           "-oControlPersist=yes", "-L", spec, "testhost", "touch ~/ran"],
                          timeout=20, stdout=None, stderr=None)
        assert done.returncode == 0
        assert through(port, server) and control("-O", "check")[0] == 0
        if program != "ssh":
            once_more(host)
            assert through(port, server)
        assert control("-O", "exit")[0] == 0
        wait_until(lambda: not host.client_processes() and not listens(port))
        assert not (host.home / "ran").exists()
    host.wait_gone()


def test_escapes_say_what_is_asked(host):
    term = host.shell()
    for word in ("one", "two"):  # the answer to the first tells the round trip
        term.line(f"echo {word}-''")
        term.expect(f"{word}-\r")
    term.type("\r~#")
    term.expect("up; round trip ")
    term.type("\r~v")
    term.expect("~v [VERBOSE]")
    term.type("\r~V")
    term.expect("~V [INFO]")
    term.type("~V")
    term.expect("~V [QUIET]")
    term.type("\r~?")
    term.expect("Supported escape sequences")
    term.type("\r~v")
    term.expect("~v [INFO]")
    term.type("~v")
    term.expect("[VERBOSE]")
    term.type("\r")
    term.expect(PROMPT)
    host.finish(term)


# Hosts without our server.

@pytest.mark.parametrize("keeper", ["screen", "tmux"])
def test_what_keeps_a_shell_without_our_server(make_host, tmp_path, keeper):
    host = make_host(ssh_config="SetEnv PATH=/ignored")
    place = host.home / "bin"
    for name in ("sh", "uname", "dd", "id", "cat", "echo", "stty", "bash", "env"):
        host.home_file(f"bin/{name}", f"#!/bin/sh\nexec /usr/bin/{name} \"$@\"\n")
    host.home_file(f"bin/{keeper}", "#!/bin/sh\necho kept by $0 \"$@\"; exec /usr/bin/env PS1='ready$ ' /bin/bash --norc\n")
    for path in place.iterdir():
        path.chmod(0o755)
    host.home_file(".bashrc", f"PATH={place}\n")
    empty = {"BELAY_SERVERS": str(tmp_path)}
    for _ in ("found", "remembered"):
        term = host.belay(env=empty)
        term.expect("after a cut run it again")
        term.expect(f"kept by {place}/{keeper} ")
        term.expect(PROMPT)
        term.line("exit 7")
        assert term.wait_exit() == 7
