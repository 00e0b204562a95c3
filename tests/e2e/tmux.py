"""A program in a window of tmux: a terminal that breaks lines anew when its size changes,
keeps a scrollback, and answers what it is asked."""

import re
import subprocess

from harness import wait_until


class Tmux:
    def __init__(self, host, argv, rows=24, cols=100, env=None):
        """What ends with the host's other clients is the program; close() ends tmux."""
        self._argv = ["tmux", "-S", host.dir / "tmux", "-f", "/dev/null"]
        self._env = {**host.client_env(), "TMUX_TMPDIR": str(host.dir)}
        # BELAY_STATUS is unset: the server's environment is the program's.
        self._env = {name: value for name, value in self._env.items()
                     if name != "BELAY_STATUS"} | (env or {})
        self("new", "-d", "-x", cols, "-y", rows, *argv)

    def __call__(self, *words):
        done = subprocess.run([*map(str, self._argv), *map(str, words)], env=self._env,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run([*map(str, self._argv), "kill-server"], env=self._env,
                       capture_output=True)

    def type(self, text):
        self("send-keys", "-l", text)

    def line(self, text):
        self.type(text + "\r")

    def resize(self, rows, cols):
        self("resize-window", "-x", cols, "-y", rows)

    def lines(self):
        """What is on the screen, without the empty lines at its end."""
        return self("capture-pane", "-p").rstrip("\n").split("\n")

    def scrollback(self):
        return self("capture-pane", "-p", "-S", "-").rstrip("\n").split("\n")

    def title(self):
        return self("display", "-p", "#{pane_title}").rstrip("\n")

    def wait(self, pattern):
        """Waits for a line that matches; returns what is on the screen then."""
        regex = re.compile(pattern)
        found = []

        def seen():
            found[:] = self.lines()
            return any(map(regex.search, found))

        try:
            wait_until(seen)
        except AssertionError:
            raise AssertionError(f"no line with {pattern!r}; the screen:\n"
                                 + "\n".join(found)) from None
        return found
