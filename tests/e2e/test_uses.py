"""Every block of doc/USES.md, as it stands there: once, and once more with cuts."""

import os
import pathlib
import re
import shutil
import signal

import pytest

from harness import PATH, REPO, belay_path, find_sshd, kill

PAGE = (REPO / "doc/USES.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.M | re.S)
SFTP_SERVER = (find_sshd() or pathlib.Path("/usr/sbin/sshd")).parents[1] / "lib/openssh/sftp-server"
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
    host.piped(["git", "init", "-q", "--bare", "-b", "main", host.home / "repository"])
    return host, etc, work


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
        done = run(host, etc, work, block)
        assert done.returncode == 0, done
        for path in set(work.iterdir()) - before:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.rmtree(host.home / "archive", ignore_errors=True)
    for one in host.client_processes():     # a tunnel in the background
        kill(one.pid, signal.SIGTERM)
