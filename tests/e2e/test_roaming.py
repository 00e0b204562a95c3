"""Proves that a change of the client's address is acted on at once, not when a heartbeat
fails.  Client and host share a network of their own, on its loopback interface: the host
is at HERE, the client comes from FIRST and later from SECOND.
"""

import contextlib
import ctypes
import os
import re
import subprocess

import pytest

HERE, FIRST, SECOND = "10.9.9.9", "10.9.9.1", "10.9.9.2"
CLONE_NEWNET = 0x40000000
AT_ONCE = 3     # seconds; without an event, the first heartbeat comes after five


def ip(words):
    subprocess.run(["ip", *words.split()], check=True)


def come_from(address):
    ip(f"route replace local {HERE} dev lo table local src {address}")


@contextlib.contextmanager
def own_network():
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/self/ns/net", encoding="ascii") as before:
        if libc.unshare(CLONE_NEWNET):
            pytest.skip("no network of one's own: this wants root")
        try:
            ip("link set lo up")
            for address in (HERE, FIRST, SECOND):
                ip(f"address add {address}/32 dev lo")
            come_from(FIRST)
            yield
        finally:
            assert libc.setns(before.fileno(), CLONE_NEWNET) == 0, os.strerror(
                ctypes.get_errno())


@pytest.fixture
def roaming(make_host):
    with own_network():
        host = make_host(sshd_config=f"ListenAddress {HERE}")
        host.configure(f"HostName {HERE}", port=host.sshd.port)
        yield host
        host.close()


RELAY = """\
import os, socket, sys, threading
sock = socket.create_connection((sys.argv[1], int(sys.argv[2])))
def copy(read, write):
    while data := read():
        write(data)
    os._exit(0)
threading.Thread(target=copy, args=(lambda: sock.recv(65536),
                                    lambda data: os.write(1, data))).start()
copy(lambda: os.read(0, 65536), sock.sendall)
"""
# Who makes the connection, and so whether its address is known: belay, ssh, a program that
# ssh runs, another ssh, one that runs already.
HOWS = {
    "belay": "",
    "ssh, whose host key is new": "StrictHostKeyChecking ask",
    "a program": "ProxyCommand /usr/bin/python3 {dir}/relay.py %h %p",
    "another ssh": "ProxyCommand ssh -F {cfg} -o ProxyCommand=none -W %h:%p {here}",
    "one that is shared": "ControlMaster auto\nControlPath {dir}/master\nControlPersist 60",
    "one that was there": "ControlPath {dir}/master",
}


@pytest.mark.parametrize("how", HOWS)
def test_a_link_whose_address_is_gone_is_replaced_at_once(roaming, how):
    (roaming.dir / "relay.py").write_text(RELAY)
    option = HOWS[how].format(dir=roaming.dir, cfg=roaming.cfg, here="testhost")
    roaming.configure(f"HostName {HERE}\n{option}", port=roaming.sshd.port)
    if "was there" in how:
        assert roaming.piped(["ssh", "-F", roaming.cfg, "-M", "-f", "-N", "testhost"],
                             stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL).returncode == 0
    term = roaming.shell("-v")
    assert FIRST in roaming.output_of(term, "echo $SSH_CONNECTION")
    ip(f"address del {FIRST}/32 dev lo")
    come_from(SECOND)
    term.expect(re.compile(rb"the network has changed.*in doubt, connecting -> up", re.S),
                AT_ONCE)
    term.say("here-again")
    assert f"Connection from {SECOND} " in roaming.sshd.log()
    roaming.finish(term)
    if "master" in option:
        subprocess.run(["ssh", "-F", roaming.cfg, "-O", "exit", "testhost"], check=False,
                       env=roaming.client_env(), stderr=subprocess.DEVNULL)


def test_a_change_that_does_not_matter_changes_nothing(roaming):
    term = roaming.shell("-v")
    before = roaming.sshd.logins()
    ip(f"address del {SECOND}/32 dev lo")
    term.expect("the network has changed", AT_ONCE)
    term.say("still-here")
    assert roaming.sshd.logins() == before
    roaming.finish(term)


def test_without_a_network_the_line_says_so(roaming):
    veth = "ip link add net0 type veth peer name net1"
    if subprocess.run(veth.split(), check=False).returncode:
        pytest.skip("no interface of the kind veth")
    ip("address add 10.8.8.8/32 dev net0")
    ip("link set net0 up")
    ip("link set net1 up")
    term = roaming.shell(env={"BELAY_STATUS": None})
    ip("link set net0 down")
    ip(f"address del {FIRST}/32 dev lo")
    ip(f"address del {HERE}/32 dev lo")
    term.expect("no network here")
    for address in (HERE, FIRST):
        ip(f"address add {address}/32 dev lo")
    come_from(FIRST)
    ip("link set net0 up")
    ip("link set net1 up")
    term.type(" \x7f")
    term.say("back-again")
    roaming.finish(term)


def test_no_backoff_outlasts_a_change_of_the_network(roaming):
    """Several attempts have failed, and the next would come in some seconds."""
    term = roaming.shell("-v")
    roaming.sshd.stop()
    for _ in range(5):
        term.expect("connecting -> down, waiting")
    roaming.sshd.start()
    ip(f"address del {SECOND}/32 dev lo")
    term.expect(re.compile(rb"the network has changed.*down, connecting -> up", re.S),
                AT_ONCE)
    term.say("here-again")
    roaming.finish(term)
