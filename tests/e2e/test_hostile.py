"""A host that wants more of the client's machine than it was given."""

import os
import pathlib
import socket
import subprocess

import pytest

from harness import belay_path, wait_until

TIMEOUT = 30
HOST = pathlib.Path(__file__).resolve().parent / "hostile_host.py"


@pytest.mark.parametrize("kind", range(6))
def test_what_nobody_asked_for_leads_nowhere(tmp_path, kind):
    """3,000 OPENs without an acknowledgement: no FAILED fits any more, and what is refused
    stays refused; at some time that is the host's error."""
    result = tmp_path / "result"
    with socket.create_server(("127.0.0.1", 0)) as service:
        env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "BELAY_SSH": str(HOST),
               "XDG_RUNTIME_DIR": str(tmp_path), "HOSTILE_RESULT": str(result),
               "HOSTILE_PORT": str(service.getsockname()[1]), "HOSTILE_KIND": str(kind)}
        argv = [belay_path(), "-F", "none", "host", "cat"]
        pipe = subprocess.PIPE
        with subprocess.Popen(argv, env=env, stdin=pipe, stdout=pipe, stderr=pipe) as child:
            out, err = child.stdout.read(), child.stderr.read()
            child.wait(TIMEOUT)
        service.setblocking(False)
        with pytest.raises(BlockingIOError):
            service.accept()
    assert child.returncode == 255 and not out
    assert b"the host sent what it must not" in err, err
    # The host ends in its own time.
    wait_until(lambda: result.exists() and len(result.read_text().split()) == 2)
    full, opened = map(int, result.read_text().split())
    assert 2000 < full < opened < 4000, "the control stream was never full"
