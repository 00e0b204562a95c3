"""The network laboratory of the benchmarks does what it says (bench/lab)."""

import pathlib
import re
import socket
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench/lab"))

import lab as laboratory  # noqa: E402
from patience import scaled  # noqa: E402

WHY_NOT = laboratory.missing()
pytestmark = pytest.mark.skipif(bool(WHY_NOT), reason=str(WHY_NOT))


@pytest.fixture
def lab():
    with laboratory.Lab(rtt=0.1) as one:
        yield one


class Echo:
    """Packets from the laptop to the host and back, in one thread."""

    def __init__(self, lab):
        with lab.on_laptop():
            self.laptop = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with lab.on_host():
            self.host = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.host.bind((laboratory.HOST, 7000))

    def arrives(self, timeout=0.5, size=100):
        """Whether a packet gets to the host; `origin` is where it came from."""
        self.laptop.sendto(bytes(size), (laboratory.HOST, 7000))
        self.host.settimeout(scaled(timeout))
        try:
            self.origin = self.host.recvfrom(2000)[1]
        except TimeoutError:
            return False
        return True

    def returns(self, timeout=0.5):
        self.host.sendto(b"back", self.origin)
        self.laptop.settimeout(scaled(timeout))
        try:
            return self.laptop.recv(2000) == b"back"
        except TimeoutError:
            return False


@pytest.fixture
def echo(lab):
    return Echo(lab)


def test_a_round_trip_takes_its_time(lab, echo):
    began = time.monotonic()
    assert echo.arrives() and echo.returns()
    assert 0.1 <= time.monotonic() - began < scaled(0.15)


def test_a_dead_link_is_silent(lab, echo):
    lab.down()
    assert not echo.arrives()
    lab.up()
    assert echo.arrives() and echo.returns()


def test_a_narrow_link_sends_no_faster(lab, echo):
    lab.link("rate 800", "queue 64")
    began = time.monotonic()
    for _ in range(40):  # of 1,028 bytes each: 40 kB at 100 kB/s, and half a round trip
        echo.laptop.sendto(bytes(1000), (laboratory.HOST, 7000))
    echo.host.settimeout(scaled(2))
    for _ in range(40):
        echo.host.recv(2000)
    assert 0.45 <= time.monotonic() - began < scaled(0.55)


def test_a_full_queue_drops(lab, echo):
    lab.link("rate 800", "queue 8")
    for _ in range(40):
        echo.laptop.sendto(bytes(1000), (laboratory.HOST, 7000))
    echo.host.settimeout(0.5)
    with pytest.raises(TimeoutError):
        for _ in range(40):
            echo.host.recv(2000)


def test_a_laptop_that_moves_has_another_address(lab, echo):
    assert echo.arrives() and echo.origin[0] == "10.77.1.2"
    lab.roam()
    assert not echo.returns()
    assert echo.arrives() and echo.origin[0] == "10.77.2.2"


def test_a_nat_hides_the_laptop_and_forgets():
    with laboratory.Lab(nat=True) as lab:
        echo = Echo(lab)
        assert echo.arrives() and echo.returns()
        before = echo.origin
        assert before[0] == laboratory.NAT
        lab.link("rebind")
        assert not echo.returns()
        assert echo.arrives() and echo.returns() and echo.origin != before
        term = lab.start(["ssh", "-F", lab.cfg, "testhost"])
        term.line("echo FROM''=$SSH_CONNECTION")
        found = term.expect(re.compile(rb"FROM=(\S+)"))
        assert found.group(1).decode() == laboratory.NAT
