"""Proves that the windows of one destination share one login: the first makes it, the others ride
on it, and after an outage one of them makes it anew.
"""

import contextlib
import itertools
import os
import re
import signal
import subprocess

import pytest

from harness import belay_argv as belay
from harness import PROMPT, WINDOW_CLOSES, all_processes, kill, ssh_children, wait_until
from test_prompts import REFUSED, SECRET, ask_for_codes, one_time_code, own_key
from test_sessions import two_machines  # noqa: F401, a fixture

SHARES = {"BELAY_ALONE": None, "BELAY_STATUS": None}


def masters(host):
    """The processes that hold a login for all.  ssh writes its title over its environment."""
    return [one for one in all_processes().values()
            if one.name == "ssh" and one.argv and str(host.dir) in one.argv[0]
            and one.argv[0].endswith("[mux]")]


def known(host):
    """belay-server has run there."""
    host.finish(host.shell())


@pytest.fixture
def shared(host):
    """A host that is known, and what opens another window to it."""
    known(host)
    return host


def window(host, *options, **more):
    return host.shell(*options, env={**SHARES, **more})


def back(*windows):
    """All are.  What is typed when a question has just gone is thrown away: then once more."""
    left, words = dict(enumerate(windows)), itertools.count()

    def all_answer():
        word = f"back-{next(words)}"
        for one in left.values():
            one.line(f"echo {word[:1]}''{word[1:]}")
        for number, one in list(left.items()):
            with contextlib.suppress(AssertionError):
                one.expect(word, 1)
                del left[number]
        return not left

    wait_until(all_answer)


def end_masters(host):
    for one in masters(host):
        kill(one.pid, signal.SIGTERM)
    wait_until(lambda: not masters(host))







def sockets(host):
    """What is left of masters."""
    return [path.name for path in (host.client_home / "runtime/belay").glob("m*")]


def test_the_others_ride_on_the_login_of_the_first(shared):
    """Its master is in no window's group, in a directory of ours; a window that closes takes
    nothing from the others, not even the one that has made the login; and it ends behind the last
    of them."""
    host = shared
    before = host.sshd.logins()
    one, two = window(host), window(host)
    one.say("first-window")
    two.say("second-window")
    master, = masters(host)
    assert os.getsid(master.pid) != os.getsid(one.pid)
    assert os.getpgid(master.pid) == os.getsid(master.pid)
    place = host.client_home / "runtime/belay"
    assert place.stat().st_mode & 0o777 == 0o700
    assert len(sockets(host)) == 1
    for path in (place / name for name in sockets(host)):
        assert re.fullmatch("m[0-9a-f]{12}", path.name)
        assert path.stat().st_mode & 0o777 == 0o600
    host.finish(one)
    two.say("still-there")
    three = window(host)
    assert host.sshd.logins() == before + 1
    host.finish(two, three)
    wait_until(lambda: not masters(host), what="the master goes on without windows")
    assert not sockets(host)


def test_alone(shared):
    host = shared
    before = host.sshd.logins()
    one, two = window(host), window(host, "--alone")
    three = window(host, BELAY_ALONE="yes")
    assert host.sshd.logins() == before + 3
    assert len(masters(host)) == 1
    host.finish(one, two, three)


def test_what_differs_is_not_shared(shared):
    host = shared
    windows = [window(host)]
    for options in (["-oHostKeyAlias=other", "-oStrictHostKeyChecking=no"], ["-4"],
                    ["-oCompression=yes"], ["-A"], ["-oServerAliveInterval=5"],
                    ["-oIdentityFile=~/.ssh/none"]):
        before = host.sshd.logins()
        windows.append(window(host, *options))
        assert host.sshd.logins() == before + 1, options
        windows.append(window(host, *options))
        # ... and known under that name only from now on
        assert host.sshd.logins() <= before + 2, options
    host.finish(*windows)


def test_without_the_option_no_session_sees_the_agent(shared):
    host = shared
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", host.dir / "agent"],
                             stdout=subprocess.DEVNULL)
    try:
        wait_until((host.dir / "agent").exists)
        sock = {"SSH_AUTH_SOCK": host.dir / "agent"}
        with_agent = window(host, "-A", **sock)
        without = [window(host, **sock) for _ in range(3)]
        also = window(host, "-A", **sock)
        seen = [host.output_of(one, "echo ${SSH_AUTH_SOCK:+yes}").strip()
                for one in (with_agent, also, *without)]
        assert seen == ["yes", "yes", "", "", ""]
        assert len(masters(host)) == 2
        host.finish(with_agent, also, *without)
    finally:
        agent.kill()
        agent.wait()


def test_ten_windows_come_back_by_one_login(shared):
    host = shared
    windows = [window(host) for _ in range(8)]
    for i in range(2):
        before = host.sshd.logins()
        host.proxy.cut()
        back(*windows)
        assert host.sshd.logins() == before + 1
    assert len(masters(host)) == 1
    host.finish(*windows)


def test_more_windows_than_a_master_takes(shared):
    host = shared
    before = host.sshd.logins()
    windows = [window(host) for _ in range(10)]
    assert host.sshd.logins() == before + 2
    before = host.sshd.logins()
    host.proxy.cut()
    back(*windows)
    assert host.sshd.logins() <= before + 2
    host.finish(*windows)


@pytest.mark.parametrize("limit", [1, 2, 10])
def test_max_sessions(make_host, limit):
    """A host that takes fewer is remembered."""
    host = make_host(sshd_config=f"MaxSessions {limit}")
    known(host)
    before = host.sshd.logins()
    windows = [window(host) for _ in range(3)]
    host.proxy.cut()
    back(*windows)
    more = [window(host) for _ in range(2)]
    back(*more)
    host.finish(*windows, *more)
    if limit == 10:
        assert host.sshd.logins() == before + 2
    else:
        word = (host.client_home / "cache/belay/shared-logins").read_text().split()[2]
        assert word == "1"
        end_masters(host)
        before = host.sshd.logins()
        again = [window(host) for _ in range(2)]
        assert host.sshd.logins() == before + 2
        assert not masters(host)
        host.finish(*again)



def test_a_master_that_is_killed_and_one_without_its_socket(shared):
    host = shared
    windows = [window(host) for _ in range(3)]
    before = host.sshd.logins()
    for one in masters(host):
        kill(one.pid)
    back(*windows)
    assert host.sshd.logins() == before + 1
    for name in sockets(host):
        (host.client_home / "runtime/belay" / name).unlink()
    windows += [window(host), window(host)]
    assert host.sshd.logins() == before + 2
    back(*windows)
    host.finish(*windows)


def test_a_master_that_is_stopped(shared):
    """Nobody waits for it, neither those who have a link by it nor who comes anew; and it ends
    when it goes on."""
    host = shared
    windows = [window(host) for _ in range(3)]
    before = host.sshd.logins()
    old, = masters(host)
    kill(old.pid, signal.SIGSTOP)
    windows.append(window(host))
    back(*windows)
    assert host.sshd.logins() == before + 1
    kill(old.pid, signal.SIGCONT)
    wait_until(lambda: old.pid not in [one.pid for one in masters(host)])
    host.finish(*windows)



def test_no_login_behind_the_masters_back(shared):
    """A rider whose master has gone makes no connection of its own."""
    host = shared
    one = window(host)
    two = window(host)
    argv = next(child.argv for child in ssh_children(two))
    host.finish(one, two)
    end_masters(host)
    before = host.proxy.accepted
    done = subprocess.run(argv, env=host.client_env(), capture_output=True, text=True,
                          stdin=subprocess.DEVNULL)
    assert done.returncode == 255
    assert host.proxy.accepted == before


def test_a_command_has_its_own(shared):
    """Its bulk shall not stand in the way of keys."""
    host = shared
    one = window(host)
    before = host.sshd.logins()
    assert host.piped([*belay(host), "echo", "there"], env=SHARES).stdout == b"there\n"
    assert host.sshd.logins() == before + 1
    host.finish(one)


# What is asked.

def answer(term, counter):
    term.expect("testhost asks:")
    term.expect("assword")
    term.line(SECRET)
    term.expect("One-time password")
    term.line(one_time_code(counter))


def test_one_question_for_ten_windows(shared):
    """On a host with a password and a one-time code: one login is tried without them, one with."""
    host = shared
    windows = [window(host) for _ in range(8)]
    ask_for_codes(host)
    for one in windows:
        one.expect(REFUSED)
    tried = host.proxy.accepted
    windows[3].line("")
    answer(windows[3], 0)
    back(*windows)
    asked = sum(b"One-time password" in one.raw for one in windows)
    assert asked == 1
    assert host.proxy.accepted == tried + 1
    also = window(host)
    command = host.piped([*belay(host), "echo", "there"], env=SHARES)
    assert command.stdout == b"there\n"
    assert host.proxy.accepted == tried + 1
    host.finish(*windows, also)


def test_the_question_moves_to_the_window_with_a_person(shared):
    host = shared
    windows = [window(host) for _ in range(2)]
    ask_for_codes(host)
    for one in windows:
        one.expect(REFUSED)
    windows[0].line("")
    windows[0].expect("assword")
    windows[1].line("")
    answer(windows[1], 0)
    back(*windows)
    host.finish(*windows)


def test_who_asks_is_stopped(shared):
    """Another window asks instead, and the one that goes on again rides."""
    host = shared
    windows = [window(host) for _ in range(3)]
    ask_for_codes(host)
    for one in windows:
        one.expect(REFUSED)
    windows[0].line("")
    windows[0].expect("assword")
    kill(windows[0].pid, signal.SIGSTOP)
    windows[1].line("")
    answer(windows[1], 0)
    back(*windows[1:])
    kill(windows[0].pid, signal.SIGCONT)
    back(windows[0])
    host.finish(*windows)


@pytest.mark.parametrize("how", [None, signal.SIGKILL, signal.SIGSTOP])
def test_a_second_window_while_the_first_is_asked(shared, how):
    """It waits, and says so; where the first one is lost, it asks."""
    host = shared
    own_key(host, SECRET)
    one = host.belay(env=SHARES)
    one.expect("Enter passphrase for key")
    one.line(SECRET)
    one.expect(PROMPT)
    host.finish(one)
    one = host.belay(env=SHARES)
    one.expect("Enter passphrase for key")
    two = host.belay(env=SHARES)
    two.expect("another window is logging in; waiting for it")
    if how is None:
        one.line(SECRET)
        one.expect(PROMPT)
        two.expect(PROMPT)
        assert b"Enter passphrase" not in two.raw
        host.finish(one, two)
        return
    kill(one.pid, how)
    two.expect("Enter passphrase for key")
    two.line(SECRET)
    two.expect(PROMPT)
    host.finish(two)
    if how == signal.SIGSTOP:
        kill(one.pid, signal.SIGCONT)
        one.line(SECRET)
        one.expect(PROMPT)
        host.finish(one)


def test_what_was_left_on_another_machine_of_the_name(host, two_machines):
    """A login leads to one machine: who wants the other has its own."""
    two_machines(0)
    known(host)
    one = window(host)
    two_machines(1)
    left = window(host, "--alone", **WINDOW_CLOSES)
    left.line("mark=machine1; echo do''ne")
    left.expect("done")
    left.hang_up()
    wait_until(lambda: not os.path.exists(f"/proc/{left.pid}"), what="belay runs on")
    term = host.belay(env=SHARES)
    term.expect("back in the session")
    term.line("echo $mark-''here")
    term.expect("machine1-here")
    host.finish(one, term)
    host.wait_gone()
