"""What follows on an outage of which no event tells: the laptop keeps its address, and
everything on the way is swallowed."""

import pathlib
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench/lab"))

import harness  # noqa: E402
import lab as laboratory  # noqa: E402
import patience  # noqa: E402

WHY_NOT = laboratory.missing()
pytestmark = pytest.mark.skipif(bool(WHY_NOT), reason=str(WHY_NOT))
# The system repeats the question for a connection after 1, 2, 4 s only; the attempt that
# runs at that time asks at 5.3, 6.3, 8.3 s, and the next one follows after 11 s. What is
# on its way in the old connection is repeated after 8 and 16 s.
AWAY = 9.4
LOGIN = 0.8  # seconds


@pytest.fixture
def lab():
    with laboratory.Lab(rtt=0.05) as one:
        # Newer kernels repeat it each second, for the first few.
        linear = pathlib.Path("/proc/sys/net/ipv4/tcp_syn_linear_timeouts")
        if linear.exists():
            with one.on_laptop():
                linear.write_text("0")
        yield one


@pytest.mark.parametrize(("keys", "seconds"), [("x", 0.25), ("", 1)],
                         ids=["typing", "waiting"])
def test_it_is_over_soon_after_it_is_over(lab, keys, seconds):
    term = lab.start(harness.belay_argv(lab.host))
    term.expect("ready$")
    term.line("sleep 1.5; echo he''re; cat")
    term.pump(1)
    lab.down()
    term.type("x")  # its answer is awaited in vain
    term.pump(AWAY)
    lab.up()
    term.type(keys)
    term.expect("here", seconds + LOGIN + 0.2)


def at_cat(lab):
    """A session in which what is typed comes back."""
    term = lab.start(harness.belay_argv(lab.host))
    term.expect("ready$")
    term.line("stty -echo; echo he''re; cat")
    term.expect("here")
    return term


def test_a_blip_while_nothing_happens_costs_nothing(lab):
    term = at_cat(lab)
    before = lab.connections()
    term.pump(0.5)  # what both ends have to say about the last output
    lab.down()
    term.pump(3)
    lab.up()
    term.line("still")
    term.expect("still", LOGIN / 2)
    assert lab.connections() == before


def test_a_link_that_is_slow_is_left_alone(lab):
    """Five seconds more than before: it is doubted, but nothing else is quicker; also not
    while lines come all the time, nor when it is quick again."""
    term = lab.start(harness.belay_argv(lab.host))
    term.expect("ready$")
    term.line("stty -echo; (while :; do echo tick; sleep .05; done) & echo he''re; cat")
    term.expect("here")
    term.expect("tick")
    before = lab.connections()
    lab.link("delay 2525")
    for word in ("one", "two", "three"):
        term.line(word)
        term.expect(word)
    term.line("four")
    term.pump(4.5)
    lab.link("delay 25")
    term.expect("four")
    term.line("five")
    term.expect("five")
    assert lab.connections() == before


@pytest.mark.parametrize("option", ["", "BindInterface lnk0", "StrictHostKeyChecking ask"])
def test_one_login_for_a_change_of_the_network(lab, option):
    """Also for the first one, whoever makes the connection."""
    lab.host.configure(f"HostName {laboratory.HOST}\n{option}", port=lab.host.sshd.port)
    term = at_cat(lab)
    before = lab.connections()
    lab.roam()
    term.line("again")
    term.expect("again", 2 * LOGIN)
    term.pump(1)
    assert lab.connections() == before + 1


def test_a_trace_tells_where_the_time_goes(lab, tmp_path):
    """Each event has its time; they are in order; nothing of the session is among them."""
    trace = tmp_path / "trace"
    term = lab.start(["env", f"BELAY_TRACE={trace}", *harness.belay_argv(lab.host)])
    term.expect("ready$")
    term.line("stty -echo; echo he''re; cat")
    term.expect("here")
    lab.roam()
    term.line("secret")
    term.expect("secret", 3 * LOGIN)
    term.type("\x04")
    lines = [line.split(maxsplit=2) for line in trace.read_text().splitlines()]
    times = [float(line[0]) for line in lines]
    assert times == sorted(times)
    parts = {line[1] for line in lines}
    assert parts == {"policy", "attempt", "connect", "link", "credit", "network"}
    said = "\n".join(line[2] for line in lines)
    for words in ("link in doubt: up -> in doubt, connecting, connect",
                  "ready: in doubt, connecting -> up", "first output", "server ready",
                  "serves", "in doubt: round trip 0.0", "moved"):
        assert words in said, said
    assert "secret" not in said


@pytest.mark.parametrize("keys", ["x", ""], ids=["typing", "waiting"])
def test_another_beside_an_attempt_that_hangs(lab, keys):
    """The host's shell hangs at its start, once: nothing more is heard of that attempt."""
    lab.host.home_file(".bashrc", """\
if [ -e "$HOME/armed" ] && mkdir "$HOME/hangs" 2>/dev/null; then sleep 60; fi
""")
    term = at_cat(lab)
    before = lab.connections()
    (lab.host.home / "armed").touch()
    lab.roam()
    harness.wait_until(lambda: (lab.host.home / "hangs").exists())
    term.type(f"{keys}a\n")
    term.expect("a", 1 + LOGIN + 0.7 if keys else 2 + LOGIN + 0.7)
    assert lab.connections() == before + 2


@pytest.mark.parametrize("port", ["0", "21700"])
@pytest.mark.parametrize("jump", [False, True], ids=["direct", "another ssh"])
def test_autossh_reacts_to_another_address(lab, port, jump):
    """At each change of it; with a monitoring port or without."""
    if jump:
        lab.host.configure(f"HostName {laboratory.HOST}\nProxyCommand ssh -F {lab.cfg} "
                           "-o ProxyCommand=none -W %h:%p testhost",
                           port=lab.host.sshd.port)
    log = lab.host.dir / "log"
    lab.start(["env", "AUTOSSH_GATETIME=0", f"AUTOSSH_LOGFILE={log}", harness.belay_path(),
               "--autossh", "-M", port, "-F", lab.cfg, "-N",
               "-L", "21600:127.0.0.1:9", "testhost"])

    def logins():
        return lab.host.sshd.log().count("Accepted publickey")
    each = 2 if jump else 1
    harness.wait_until(lambda: logins() == each)
    for turn in (2, 3):
        time.sleep(1.2)     # it starts ssh at most once a second
        lab.roam()
        harness.wait_until(lambda wanted=turn * each: logins() == wanted,
                           timeout=each * LOGIN + 0.5)
    assert "the address of the connection is gone" in log.read_text()


def test_back_after_loss_and_changes(lab):
    """Several in a row, on a network that loses a third of everything; then it is good."""
    worst = 0
    for turn in range(4):
        term = at_cat(lab)
        lab.link("loss 30")
        for seconds in (0.4, 1.1, 0.7, 2.3, 0.2):
            lab.roam()
            term.pump(seconds)
        lab.link("loss 0")
        term.type("x")
        began = time.monotonic()
        term.line(f"again{turn}")
        term.expect(f"again{turn}", 10)
        worst = max(worst, time.monotonic() - began)
        term.type("\x04")
    assert worst < patience.scaled(3)
