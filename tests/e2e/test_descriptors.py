"""What belay and the session start has 0, 1 and 2, whatever else is open there."""

import os
import subprocess

import pytest
from harness import REPO, belay_argv, free_port, kill, wait_until
from peer import NEW, PTY, Peer, frame

# Without the directory itself, which is closed again by then.
OPEN = "for fd in /proc/$$/fd/*; do if [ -e $fd ]; then echo ${fd##*/}; fi; done"
THREE = ["0", "1", "2"]


@pytest.fixture
def much(host, tmp_path):
    """Options with which both ends have much open; and the client's environment."""
    path = str(tmp_path / "agent")
    host.configure("IdentityAgent SSH_AUTH_SOCK\n")
    ports = [free_port() for _ in range(3)]
    with subprocess.Popen(["ssh-agent", "-D", "-a", path], stdout=subprocess.DEVNULL) as agent:
        wait_until(lambda: os.path.exists(path))
        yield (["-A", "-R", f"{ports[0]}:127.0.0.1:9", "-L", f"{ports[1]}:127.0.0.1:9",
                "-D", str(ports[2])], {"SSH_AUTH_SOCK": path})
        agent.terminate()


def test_on_a_terminal(host, much):
    options, env = much
    term = host.shell(*options, env=env)
    assert host.output_of(term, f"sh -c '{OPEN}'").split() == THREE
    # Those that come later to the session, too.
    share = host.belay("--share", env=env)
    share.expect("ready")
    assert host.output_of(term, f"sh -c '{OPEN}'").split() == THREE
    share.type("\r~.")
    host.finish(term)


def test_on_pipes(host, much):
    options, env = much
    done = host.piped(belay_argv(host, *options) + [OPEN], env=env)
    assert done.stdout.decode().split() == THREE


def test_of_sftp(make_host, tmp_path):
    server = tmp_path / "sftp-server"
    server.write_text("#!/bin/ls /proc/self/fd\n")
    server.chmod(0o755)
    host = make_host(setenv={"BELAY_SFTP_SERVER": str(server)})
    done = host.piped(belay_argv(host, "-s", "--sftp=own") + ["sftp"])
    assert done.stdout.decode().split()[-4:] == THREE + ["3"]     # which is the directory


def test_of_ssh(host, much, tmp_path):
    """Also of those that start when listeners and links are there."""
    options, env = much
    wrapper, log = tmp_path / "ssh", tmp_path / "log"
    wrapper.write_text(
        "#!/bin/sh\nfor fd in /proc/$$/fd/*; do\n"
        "  [ ! -e $fd ] || [ \"$(readlink $fd)\" = \"$0\" ] || found=\"$found ${fd##*/}\"\ndone\n"
        f"echo $found >>{log}\nexec ssh \"$@\"\n")
    wrapper.chmod(0o755)
    local = tmp_path / "local"
    host.configure("IdentityAgent SSH_AUTH_SOCK\nPermitLocalCommand yes\n"
                   f"LocalCommand sh -c 'ls /proc/$$/fd >{local}'\n")
    term = host.shell(*options, env={**env, "BELAY_SSH": str(wrapper)})
    before = len(log.read_text().splitlines())
    host.proxy.cut()
    assert host.output_of(term, "echo again") == "again\n"
    host.finish(term)
    found = log.read_text().splitlines()
    assert len(found) > before >= 2     # -G, a link, and another
    assert set(found) == {"0 1 2"}
    assert local.exists()


def test_a_child_on_a_terminal_does_not_outlive_it(tmp_path):
    """The holder dies while the child that is to become the shell waits for xauth, which never
    ends: the terminal is hung up, and nothing of the session stays."""
    (tmp_path / "run").mkdir(mode=0o700)
    xauth = tmp_path / "xauth"
    xauth.write_text("#!/bin/sh\nexec sleep 1000\n")
    xauth.chmod(0o755)
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "HOME": str(tmp_path),
           "SHELL": "/bin/sh", "BELAY_RUN_DIR": str(tmp_path / "run"), "MARK": str(tmp_path)}

    def mine():
        found = {pid: _read(f"/proc/{pid}/cmdline").split(b"\0")
                 for pid in os.listdir("/proc") if pid.isdigit()
                 and f"MARK={tmp_path}".encode() in _read(f"/proc/{pid}/environ")}
        return {pid: argv for pid, argv in found.items() if argv != [b""]}

    one = Peer(env, request=NEW, session=bytes(range(16)), kind=PTY,
               more=frame("DISPLAY", protocol=b"MIT-MAGIC-COOKIE-1", cookie=b"00" * 16))
    try:
        wait_until(lambda: b"sleep" in [argv[0] for argv in mine().values()])
        for pid, argv in mine().items():
            if b"hold" in argv[1:2] and argv[0] == b"belay-server" and _is_leader(pid):
                kill(int(pid))
        one.expect(lambda: one.over)
        one.close()
        wait_until(lambda: not mine(), what="something stays")
    finally:
        for pid in mine():
            kill(int(pid))


def _is_leader(pid):
    """The holder: the child that is to become the shell has its words, but a terminal."""
    # nothing of it is read of a process that has ended meanwhile
    return _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()[4:5] == [b"0"]


def _read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def test_there_is_one_way_to_fork():
    """What a child has is decided in one place; background.c's is belay itself, that goes on."""
    found = {path.name for path in (REPO / "src").rglob("*.c") if "fork()" in path.read_text()}
    assert found == {"child.c", "background.c"}
