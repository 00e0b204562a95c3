"""Every block of doc/USES.md, as it stands there: once, and once more with cuts."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import socketserver
import threading

import pytest

from harness import PATH, REPO, belay_path, find_sshd, kill, wait_until

PAGE = (REPO / "doc/USES.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.M | re.S)
SFTP_SERVER = (find_sshd() or pathlib.Path("/usr/sbin/sshd")).parents[1] / "lib/openssh/sftp-server"
# In the middle of what it says it waits, until somebody has taken its file away.
UPTIME = """#!/bin/sh
echo up; : >~/in-the-middle
while [ -e ~/in-the-middle ]; do sleep 0.02; done
echo for ever
"""
TOOLS = ("git", "rsync", "scp", "sftp", "sshfs", "borg", "ansible", "parallel")


def name_of(block):
    return next((word for word in TOOLS if re.search(rf"^\S*\s*{word}\b|= *\S+ {word}\b", block,
                                                      re.M)), "") + f" {BLOCKS.index(block)}"


@pytest.fixture
def place(make_host):
    """A user whose ssh knows `host`, and a tree, a repository and a service there."""
    if os.getuid() or not os.path.isdir("/etc/ssh"):
        pytest.skip("no /etc/ssh to put another in place of")
    host = make_host(setenv={"BELAY_SFTP_SERVER": str(SFTP_SERVER)})
    etc, work = host.dir / "etc-ssh", host.client_home / "work"
    etc.mkdir()
    work.mkdir()
    config = host.cfg.read_text().replace("testhost", "host")
    (etc / "ssh_config").write_text(config)
    known = pathlib.Path(re.search(r"UserKnownHostsFile (\S+)", config)[1])
    known.write_text(known.read_text().replace("testhost", "host"))
    for top in (host.home / "tree", work / "tree"):
        top.mkdir()
        (top / "file").write_bytes(os.urandom(300_000))
    (host.home / "restored").mkdir()
    for words in (["init", "-q", "-b", "main"], ["add", "file"],
                  ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "file"],
                  ["clone", "-q", "--bare", ".", host.home / "repository"]):
        done = host.piped(["git", "-C", host.home / "tree", *words])
        assert done.returncode == 0, done
    shutil.rmtree(host.home / "tree/.git")
    host.home_file("bin/uptime", UPTIME)
    (host.home / "bin/uptime").chmod(0o755)
    host.home_file(".bashrc", f"PATH={host.home}/bin:$PATH\n")
    return host, etc, work


class Service(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """What the tunnel leads to: sends a line back."""
    daemon_threads = True


class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line)


@contextlib.contextmanager
def in_the_middle(host, cut):
    """Meanwhile uptime(1) goes on when the connection has been cut, or at once."""
    over = threading.Event()

    def watch():
        flag = host.home / "in-the-middle"
        while not over.wait(0.02):
            if flag.exists():
                if cut:
                    host.proxy.cut()
                flag.unlink()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def through_the_tunnel(host, work, cut):
    """A connection that is there before a cut and behind it."""
    with Service(str(host.home / "service.sock"), Echo) as service, \
            socket.socket(socket.AF_UNIX) as sock:
        thread = threading.Thread(target=service.serve_forever, args=(0.05,))
        thread.start()
        try:
            sock.settimeout(30)
            sock.connect(str(work / "tunnel.sock"))
            for word in (b"one\n", b"two\n"):
                sock.sendall(word)
                assert sock.recv(10) == word
                if cut and word == b"one\n":
                    host.proxy.cut()
        finally:
            service.shutdown()
            thread.join()
    (host.home / "service.sock").unlink()


def run(host, etc, work, block):
    block = block.replace("localhost:22", f"localhost:{host.sshd.port}")
    block = block.replace("/run/service.sock", str(host.home / "service.sock"))
    (work / "block").write_text("set -e\n" + block)
    return host.piped(
        ["unshare", "-m", "sh", "-c",
         f"mount --bind {etc} /etc/ssh && cd {work} && exec sh ./block"], timeout=120,
        env={"PATH": f"{belay_path().parent}:{PATH}", "GIT_CONFIG_NOSYSTEM": "1",
             "BELAY_SFTP": "own", "ANSIBLE_HOST_KEY_CHECKING": "False"})


@pytest.mark.parametrize("block", BLOCKS, ids=name_of)
def test_a_block_of_the_page(place, block):
    """The second time the connection is cut in the middle of what is moved."""
    host, etc, work = place
    for tool in TOOLS:
        if re.search(rf"\b{tool}\b", block) and not shutil.which(tool):
            pytest.skip(f"no {tool}")
    before = set(work.iterdir())
    for cut in (False, True):
        if cut:
            for direction in ("up", "down"):
                host.proxy.cut_after(120_000, direction, [100_000] * 3)
        with in_the_middle(host, cut):
            done = run(host, etc, work, block)
        assert done.returncode == 0, done
        assert "uptime" not in block or (b"up" in done.stdout and b"for ever" in done.stdout)
        tunnel = "tunnel.sock" in block
        if tunnel:
            through_the_tunnel(host, work, cut)
        assert bool(host.proxy.cuts) == cut
        for one in host.client_processes() if tunnel else []:
            kill(one.pid, signal.SIGTERM)
        wait_until(lambda: not tunnel or not host.client_processes())
        for path in set(work.iterdir()) - before:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        for name in ("archive", "back"):
            shutil.rmtree(host.home / name, ignore_errors=True)
