"""What was recorded has fixed names in /tmp: a room of one's own has them to itself."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import room     # noqa: E402


def pytest_configure(config):
    def show():
        capture = config.pluginmanager.getplugin("capturemanager")
        if capture:
            capture.suspend_global_capture(in_=True)

    room.enter(show)
