"""Fixtures of the end-to-end tests.

    make_host   makes a Host (harness.py) with a given login shell, environment, ...
    host        one with bash

At the end of each test that passed, nothing that belongs to its hosts may be left: no
process, no socket of a session, no temporary file of an upload.
"""

import os
import pathlib
import signal
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import harness  # noqa: E402
import room     # noqa: E402


def pytest_configure(config):
    def show():
        capture = config.pluginmanager.getplugin("capturemanager")
        if capture:
            capture.suspend_global_capture(in_=True)

    def interrupt(*_):
        raise KeyboardInterrupt

    room.enter(show)
    # So that all is cleaned up then, too.
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, interrupt)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.failed and os.environ.get("BELAY_E2E_FAILED"):
        with open(os.environ["BELAY_E2E_FAILED"], "a", encoding="utf-8") as file:
            file.write(f"{item.path}::{item.nodeid.partition('::')[2]}\n")
    if call.when == "call":
        item.test_failed = report.failed
        if report.failed:
            for host in item.funcargs.get("hosts", ()):
                report.sections.append((f"host {host.id}", host.report()))


@pytest.fixture(scope="session", autouse=True)
def _requirements():
    reason = harness.missing()
    if reason:
        pytest.skip(reason)


@pytest.fixture(autouse=True)
def hosts(request):
    """The hosts of a test; sees to it that nothing of them is left."""
    made = []
    yield made
    left = [line for host in made for line in host.close()]
    if not getattr(request.node, "test_failed", True):
        assert not left, "left behind:\n" + "\n".join(left)


@pytest.fixture
def make_host(hosts):
    def make(*args, **more):
        hosts.append(harness.Host(*args, **more))
        return hosts[-1]
    return make


@pytest.fixture
def host(make_host):
    return make_host()
