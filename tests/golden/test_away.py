"""What a client that comes back and a server have said when that was new, said again to today's
server: a notification and two bells, told before the terminal gets anything.
"""

import os
import pathlib
import time

import exchange
from test_seen import Link

HERE = pathlib.Path(__file__).resolve().parent
UNSEEN = 5.5        # seconds after which it is told


def told(folder, frames):
    """Stream 0 of the client that comes back, before its terminal."""
    env = {**os.environ, "HOME": str(folder), "SHELL": "/bin/sh",
           "BELAY_RUN_DIR": str(folder / "run")}
    link = Link(frames[0], env)
    link.expect(b"begins\r\n")
    link.child.kill()
    link.child.wait(exchange.TIMEOUT)
    (folder / "go").touch()
    deadline = time.monotonic() + exchange.TIMEOUT
    while not (folder / "gone").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(UNSEEN)
    again = Link(frames[1], env)
    again.expect(b"is here\r\n")
    again.bye(2)       # BYE_HANGUP
    again.child.stdin.close()
    again.child.wait(exchange.TIMEOUT)
    return bytes(again.said.streams[0])


def without_time(data):
    """What is said of each: `ago_s` is left out."""
    return [body[:6] + body[10:] for body in exchange.frames(bytearray(data))]


def test_what_has_happened_as_it_was_when_that_was_new(tmp_path):
    lines = (HERE / "v1/away.told").read_text().splitlines()
    frames = [bytes.fromhex(line[2:]) for line in lines if line[0] == ">"]
    want = [bytes.fromhex(line[2:]) for line in lines if line[0] == "<"]
    assert without_time(told(tmp_path, frames)) == without_time(b"".join(want))
