"""What a client whose terminal the host does not know and a server have said when that was new,
said again to today's server: the description is asked for once, and kept."""

import os
import pathlib

import exchange
from test_remains import AGAIN, inner, read_frame

HERE = pathlib.Path(__file__).resolve().parent
TERMINAL = 91


def begun(folder, messages, *hellos):
    """What a server answers to these on one connection, in this home."""
    env = {name: value for name, value in os.environ.items()
           if not name.startswith(("TERMINFO", "XDG_"))}
    env |= {"HOME": str(folder), "SHELL": "/bin/sh", "BELAY_RUN_DIR": str(folder / "run")}
    child = exchange.start_server(hellos[0], env)
    answers = [messages.decode(read_frame(child.stdout))]
    for hello in hellos[1:]:
        child.stdin.write(hello)
        answers.append(messages.decode(read_frame(child.stdout)))
    exchange.hang_up(child, folder / "run")
    return answers


def test_a_terminal_described_as_when_that_was_new(tmp_path):
    messages = exchange.Messages("v1")
    lines = (HERE / "v1/terminal.described").read_text().splitlines()
    offer, answer, whole = (bytes.fromhex(line[2:]) for line in lines if line[0] in "><")
    want = messages.decode(answer)[1]
    (refuse, refused), (welcome, _) = begun(tmp_path, messages, offer, whole)
    assert (refuse, welcome) == ("REFUSE", "WELCOME")
    assert refused["code"] == want["code"] == 7
    assert inner(refused["more"])[AGAIN] == inner(want["more"])[AGAIN] == b"\1"
    sent = inner(messages.decode(whole)[1]["more"])[TERMINAL]
    kept = (tmp_path / ".cache/belay/terminfo/b/belay-test").read_bytes()
    assert kept[:2] == b"\x1a\x01" and sent.endswith(kept)
    ((again, _),) = begun(tmp_path, messages, offer)
    assert again == "WELCOME"
