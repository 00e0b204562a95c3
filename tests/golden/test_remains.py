"""What a client whose session is gone, a server and the file that was left have said when that was
new, said again to today's server: the link stays, and the shell that begins is where the last was.
"""

import os
import pathlib

import exchange

HERE = pathlib.Path(__file__).resolve().parent
MACHINE, AGAIN, REMAINS = 82, 88, 89


def inner(more):
    """The frames in a `more`, by their types."""
    return {frame[4]: frame[5:] for frame in exchange.frames(bytearray(more))}


def read_frame(stream):
    head = stream.read(4)
    body = bytearray()
    while len(body) < int.from_bytes(head, "big"):
        more = stream.read(int.from_bytes(head, "big") - len(body))
        assert more, "the server has ended"
        body += more
    return head + body


def begun_again(folder, resume, left, again):
    """What REFUSE has in its `more`, and what WELCOME tells of what was left."""
    messages = exchange.Messages("v1")
    env = {**os.environ, "HOME": str(folder), "SHELL": "/bin/sh",
           "BELAY_RUN_DIR": str(folder / "run")}
    env.pop("XDG_STATE_HOME", None)
    child = exchange.start_server(resume, env)
    name, refused = messages.decode(read_frame(child.stdout))
    assert name == "REFUSE" and refused["code"] == 2
    frames = inner(refused["more"])
    session = messages.decode(again)[1]["session"].hex()
    machine = frames.pop(MACHINE).hex()
    place = folder / ".local/state/belay/remains" / machine
    place.mkdir(parents=True, mode=0o700)
    for path in (place, *place.parents[:1]):
        path.chmod(0o700)
    (place / session).write_bytes(left)
    child.stdin.write(bytes.fromhex("0000000907" + "00" * 8))      # PING: ahead, for the one before
    child.stdin.write(again)
    name, welcome = messages.decode(read_frame(child.stdout))
    assert name == "WELCOME"
    exchange.hang_up(child, folder / "run")
    return frames, inner(welcome["more"])[REMAINS], welcome["name"]


def test_a_session_begun_again_as_it_was_when_that_was_new(tmp_path):
    lines = (HERE / "v1/remains.again").read_text().splitlines()
    resume, left, again, want = (bytes.fromhex(line[2:]) for line in lines if line[0] in ">=<")
    frames, told, name = begun_again(tmp_path, resume, left, again)
    assert frames == {AGAIN: b"\1"}
    assert told[16 + 8:] == want[16 + 8:] and told[:16] == want[:16]    # not the host's start
    assert name == b"work"
