"""What a client that predicts the echo and a server have said when that was new, said again to
today's server.

In the recording ECHOED's `group` is a process of then; the order of data and ECHOED counts: the
modes that hide a password are known before its prompt.
"""

import os
import pathlib
import select
import time

import exchange

HERE = pathlib.Path(__file__).resolve().parent


def served(tmp_path, frames):
    """Sends each when what was recorded before it has been said; returns what was said."""
    env = {**os.environ, "HOME": str(tmp_path), "SHELL": "/bin/sh",
           "BELAY_RUN_DIR": str(tmp_path / "run")}
    messages = exchange.Messages("v1")
    said, data, order, child = exchange.Side(messages), bytearray(), [], None
    want = exchange.Side(messages)
    deadline = time.monotonic() + exchange.TIMEOUT

    def take(until):
        while not until():
            assert time.monotonic() < deadline, (said.events, said.streams)
            if select.select([child.stdout], [], [], 1)[0]:
                more = os.read(child.stdout.fileno(), 65536)
                assert more or until(), "the server has ended"
                data.extend(more)
                for frame in exchange.frames(data):
                    before = len(said.events)
                    name, values = said.take(frame)
                    order.extend(event for event in said.events[before:]
                                 if event[0] == "ECHOED")
                    if name == "DATA" and values["stream"] == 1:
                        order.append(("output", bytes(values["bytes"])))

    def modes(side):
        """As they followed each other; how often the same is told is a matter of time."""
        told = [values["modes"] for name, values in side.events if name == "ECHOED"]
        return [mode for mode, before in zip(told, [None, *told]) if mode != before]

    for direction, frame in frames:
        if direction == "<":
            want.take(frame)
            continue
        if child is None:
            child = exchange.start_server(frame, env)
            continue
        take(lambda: modes(said) == modes(want)
             and len(said.streams[1]) >= len(want.streams[1]))
        child.stdin.write(frame)
    take(lambda: bytes(said.streams[1]) == bytes(want.streams[1])
         and modes(said) == modes(want))
    child.stdin.write((7).to_bytes(4, "big") + b"\x0a\0\2" + bytes(4))     # BYE 2
    child.stdin.close()
    child.wait(exchange.TIMEOUT)
    child.stdout.close()
    return said, order


def test_a_client_that_predicts(tmp_path):
    (frames,) = exchange.load(HERE / "v1/predict.echo")
    said, order = served(tmp_path, frames)
    told = [values for name, values in said.events if name == "ECHOED"]
    assert (told[0]["input"], told[0]["output"]) == (0, 0)
    assert all(one["erase"] == 127 for one in told)
    for field in ("input", "output"):
        assert [one[field] for one in told] == sorted(one[field] for one in told)
    # The prompt of the password comes behind what hides it.
    prompt = next(i for i, one in enumerate(order) if b"secret" in one[1])
    assert next(one[1]["modes"] for one in order[prompt::-1] if one[0] == "ECHOED") == 6


def test_a_client_that_does_not(tmp_path):
    """It is told nothing that it would not know."""
    (frames,) = exchange.load(HERE / "v1/terminal.txt")
    (hello,) = [frame for direction, frame in frames[:1]]
    env = {**os.environ, "HOME": str(tmp_path), "SHELL": "/bin/sh",
           "BELAY_RUN_DIR": str(tmp_path / "run")}
    child = exchange.start_server(hello, env)
    for direction, frame in frames[1:]:
        if direction == ">" and frame[4] in (4, 9):
            child.stdin.write(frame)
    said, data = exchange.Side(exchange.Messages("v1")), bytearray()
    child.stdin.write((7).to_bytes(4, "big") + b"\x0a\0\2" + bytes(4))
    child.stdin.close()
    while more := os.read(child.stdout.fileno(), 65536):
        data.extend(more)
        for frame in exchange.frames(data):
            said.take(frame)
    child.wait(exchange.TIMEOUT)
    child.stdout.close()
    assert "ECHOED" not in [name for name, _ in said.events]
