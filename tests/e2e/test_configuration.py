"""Proves that ssh's configuration is obeyed as ssh obeys it: what `ssh -G` says counts only
when it is whole, and no limit of ssh_config(5) is lost.
"""

import contextlib
import os
import re
import select
import shutil
import socket
import stat
import struct
import subprocess
import threading
import time

import pytest

from harness import (TIMEOUT, belay_argv, belay_path, descendants, free_port, manual_page,
                     tables, wait_until)
from test_forwards import connect, exactly, listens, port_of, service, talk, tunnel


class Words:
    """What a child says on stderr, as it comes."""

    def __init__(self, child):
        self.pipe, self.text = child.stderr, b""

    def expect(self, words):
        deadline = time.monotonic() + TIMEOUT
        while words not in self.text:
            assert time.monotonic() < deadline, self.text.decode()
            if select.select([self.pipe], [], [], 0.1)[0]:
                more = self.pipe.read1(65536)
                assert more, self.text.decode()
                self.text += more
        self.text = self.text[self.text.index(words) + len(words):]


def link_words(child):
    """The command line of the link's ssh, without those that are only asked."""
    lines = [one.argv for one in descendants(child.pid)
             if one.name == "ssh" and "-G" not in one.argv]
    return " ".join(lines[-1]) if lines else ""


@pytest.fixture
def held(host):
    """A tunnel of the configuration's, whose `Match exec` hangs while a file is there: the
    port, the file, the child and its words."""
    port, hold = free_port(), host.dir / "hold"
    with service() as there:
        host.configure(f"LocalForward {port} 127.0.0.1:{port_of(there)}\n"
                       "ExitOnForwardFailure yes\n"
                       f"Match exec \"while test -e {hold}; do sleep 0.02; done\"\n")
        with tunnel(host, "-v", listening=port) as child:
            words = Words(child)
            words.expect(b"-> up")
            yield port, hold, child, words
            hold.unlink(missing_ok=True)


def test_a_link_that_answers_again_while_ssh_is_asked(host, held):
    """What was asked for in doubt is abandoned: nothing of it stays."""
    port, hold, child, words = held
    with connect(port) as sock:
        assert talk(sock, b"before") == b"before"
        for _ in range(2):
            hold.touch()
            host.proxy.stall()
            sock.sendall(b"in doubt")
            words.expect(b"up -> in doubt, connecting")
            host.proxy.heal()
            words.expect(b"in doubt, connecting -> up")
            hold.unlink()
            assert sock.recv(8, 0x100) == b"in doubt"   # MSG_WAITALL
        host.proxy.cut()
        assert talk(sock, b"after") == b"after"
    argv = link_words(child)
    assert "-oProxyUseFdpass=yes" in argv, argv     # the connection is ours
    assert "-oClearAllForwardings=yes" in argv, argv


def test_a_configuration_that_hangs_holds_up_nothing_for_ever(host, held):
    port, hold, child, words = held
    with connect(port) as sock:
        assert talk(sock, b"before") == b"before"
        hold.touch()
        host.proxy.cut()
        words.expect(b"ssh -G does not answer: going on with what it has said last")
        hold.unlink()
        assert talk(sock, b"after") == b"after"
    assert "-oProxyUseFdpass=yes" in link_words(child)


def test_a_configuration_that_is_broken_for_a_while(host, held):
    """As while it is edited."""
    port, _, child, words = held
    good = host.cfg.read_text()
    with connect(port) as sock:
        assert talk(sock, b"before") == b"before"
        host.cfg.write_text("NoSuchKeyword yes\n" + good)
        host.proxy.cut()
        words.expect(b"down, connecting -> down, waiting")
        host.cfg.write_text(good)
        assert talk(sock, b"after") == b"after"
    assert "-oClearAllForwardings=yes" in link_words(child)


# ---- the table of keywords ----

# What the newest OpenSSH (10.5) has more than 9.2.
NEW = {"ChannelTimeout", "ObscureKeystrokeTiming", "RefuseConnection", "Tag",
       "VersionAddendum", "WarnWeakCrypto"}
# Another value than it has by itself, of each that belay carries out.
VALUES = {
    "addressfamily": "inet6", "clearallforwardings": "yes", "connecttimeout": "7",
    "dynamicforward": "1234", "enableescapecommandline": "yes", "escapechar": "^B",
    "exitonforwardfailure": "yes", "forkafterauthentication": "yes",
    "forwardagent": "yes", "forwardx11": "yes", "forwardx11timeout": "77",
    "forwardx11trusted": None, "gatewayports": "yes", "hostname": "elsewhere",
    "ipqos": "cs1 cs2", "localforward": "1234 a:1", "permitremoteopen": "a:1",
    "port": "77", "proxyusefdpass": "yes", "remotecommand": "date",
    "remoteforward": "1234 a:1", "requesttty": "force", "sessiontype": "none",
    "stdinnull": "yes", "streamlocalbindmask": "0111", "streamlocalbindunlink": "yes",
    "tcpkeepalive": "no", "xauthlocation": "/x"}


def ssh_says(*options):
    """The lines of `ssh -G`, by keyword."""
    said = {}
    text = subprocess.run(["ssh", "-F", "none", "-G", *options, "testhost"], check=True,
                          capture_output=True, text=True).stdout
    for line in text.splitlines():
        keyword, _, value = line.partition(" ")
        said.setdefault(keyword.lower(), []).append(value)
    return said


def test_every_keyword_that_ssh_tells_is_in_the_table():
    assert set(ssh_says()) - set(tables().keywords) == set()


def test_every_keyword_of_the_manual_page_is_in_the_table():
    page = manual_page("ssh_config.5")
    if not page:
        pytest.skip("no manual page of ssh_config")
    words = set(re.findall(r"^\.It Cm ([A-Z]\w+)$", page, re.M))
    assert len(words) > 80
    unknown = {word for word in words | NEW if word.lower() not in tables().keywords}
    assert not unknown


def test_ssh_tells_of_all_that_belay_carries_out():
    """Else it would be dropped."""
    by_itself = ssh_says()
    ours = {name for name, who in tables().keywords.items() if who == "belay"}
    assert ours == set(VALUES)
    for name, value in VALUES.items():
        value = value or {"yes": "no", "no": "yes"}[by_itself[name][0]]
        # What goes to the background needs something to do there.
        said = ssh_says("-o", f"{name}={value}", *["-N"] * (name == "forkafterauthentication"))
        assert said[name] != by_itself.get(name), name


@pytest.mark.parametrize("line, by_itself, is_plain", [
    ("channeltimeout session=1m", "", True), ("channeltimeout none", "", False),
    ("newlimit 5", "", True), ("newlimit 5", "newlimit 0", True),
    ("newlimit 0", "newlimit 0", False)])
def test_what_only_ssh_can_carry_out(host, line, by_itself, is_plain):
    """A newer ssh than this one: as it is, but with a line more."""
    ssh = host.dir / "ssh"
    ssh.write_text(f"#!/bin/sh\ncase \" $* \" in\n*' -G -F none '*) echo '{by_itself}' ;;\n"
                   f"*' -G '*) echo '{line}' ;;\nesac\nexec ssh \"$@\"\n")
    ssh.chmod(0o755)
    term = host.start([*belay_argv(host), "cat; echo over"], env={"BELAY_SSH": ssh})
    wait_until(lambda: host.running("cat"))
    assert bool(host.relays()) is not is_plain
    term.type("\x04")
    term.expect("over")
    assert term.wait_exit() == 0
    keyword = line.split()[0].encode()
    assert (b"only ssh carries out " + keyword in term.raw) is is_plain
