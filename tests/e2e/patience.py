"""How long tests wait for what must happen: the one place that knows.

Bounds are those of an idle machine.  When one has passed, it is asked how slow the machine is
now, and the bound grows by that; so a busy machine fails no test, and an idle one waits no longer.

Knob: BELAY_E2E_TIMEOUT, seconds that an expected event may take.
"""

import os
import subprocess
import time

TIMEOUT = float(os.environ.get("BELAY_E2E_TIMEOUT", "20"))
MOST = 8                # slower than that, something is wrong
STARTS, USUAL = 5, 0.02     # programs that are started, and the seconds that takes at the most


def _starting():
    """What it takes to start a few programs, beside the usual."""
    began = time.monotonic()
    for _ in range(STARTS):
        subprocess.run(["/bin/true"], check=True)
    return (time.monotonic() - began) / USUAL


def slowness():
    """1 on an idle machine; more where others run or the machine is slow."""
    waiting = os.getloadavg()[0] / (os.cpu_count() or 1)
    return min(max(1, waiting, _starting()), MOST)


def scaled(seconds):
    """This long on an idle machine, as long as it now takes here."""
    return seconds * slowness()


class Deadline:
    def __init__(self, seconds=TIMEOUT):
        self.seconds = seconds
        self._began = time.monotonic()
        self._end = self._began + seconds

    def left(self):
        """Seconds until it is worth asking again."""
        return max(self._end - time.monotonic(), 0)

    def over(self):
        if time.monotonic() >= self._end:
            self._end = max(self._end, self._began + scaled(self.seconds))
        return time.monotonic() >= self._end
