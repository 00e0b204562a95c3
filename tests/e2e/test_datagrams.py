"""Keys and the screen by datagrams beside ssh: the session is there after a change of network
without a login and without ssh, on links that lose, double and reorder; and where datagrams do
not get through nobody notices.  Laptop and host are in networks of their own (bench/lab).
"""

import contextlib
import os
import pathlib
import re
import signal
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench/lab"))

import harness  # noqa: E402
import lab as laboratory  # noqa: E402
import test_roaming  # noqa: E402
from harness import wait_until  # noqa: E402
from patience import scaled  # noqa: E402

WHY_NOT = laboratory.missing()
pytestmark = pytest.mark.skipif(bool(WHY_NOT), reason=str(WHY_NOT))
ON = {"BELAY_UDP": "auto"}
LOUD = ON | {"BELAY_STATUS": None}      # whatever the person would see


def has_no_datagrams():
    return "no datagrams" in harness._run(harness.belay_path(), "--version")


@pytest.fixture
def lab():
    if has_no_datagrams():
        pytest.skip("built without BearSSL")
    with laboratory.Lab(rtt=0.04) as one:
        yield one


def shell(lab, *options, env=ON, up=True, **more):
    """Its trace is term.trace: what is said with -v would stand in the output."""
    trace = lab.host.dir / f"trace-{len(lab.host.terms)}"
    with lab.on_laptop():
        term = lab.host.belay(*options, env=env | {"BELAY_TRACE": trace}, **more)
    term.trace, term.traced = trace, 0
    term.expect(harness.PROMPT.strip())
    if up:
        told(term, "probing -> up")
    return term


def told(term, what):
    """The trace says so, behind what was looked for before."""
    def says():
        term.pump(0.01)
        at = term.trace.read_text().find(what, term.traced) if term.trace.exists() else -1
        term.traced = at + len(what) if at >= 0 else term.traced
        return at >= 0
    wait_until(says, what=what)


def lose_ssh(lab, term):
    """The connection is cut, and no other can be made."""
    lab.host.sshd.stop()
    told(term, "up -> down, connecting")


def said_since(term, at):
    """What of belay's own stands on the screen; -v's lines do not."""
    text = bytes(term.raw[at:]).decode("utf-8", "replace")
    return re.findall(r"\x1b7.*?\x1b8|\x1b\]2;belay[^\x07\x1b]*", text, re.S)


def sockets(lab):
    with lab.on_host():
        return [int(line.split()[1].rpartition(":")[2], 16)
                for table in ("udp", "udp6")
                for line in pathlib.Path(f"/proc/thread-self/net/{table}").read_text()
                .splitlines()[1:]]


def end(lab, *terms):
    for term in terms:
        term.line("exit 7")
        assert term.wait_exit() == 7
        term.assert_sane()


def test_keys_go_by_datagrams(lab):
    term = shell(lab)
    assert all(60001 <= port <= 60999 for port in sockets(lab)) and len(sockets(lab)) == 1
    term.type("~#")
    term.expect("by datagrams")
    term.say("hello")
    end(lab, term)


def test_another_network_asks_for_no_login_and_says_nothing(lab):
    term = shell(lab, env=LOUD)
    before = lab.host.sshd.logins()
    lose_ssh(lab, term)
    at = len(term.raw)
    for number in range(3):
        lab.roam()
        term.say(f"network-{number}")
    assert not said_since(term, at)
    assert lab.host.sshd.logins() == before
    end(lab, term)


def test_ssh_comes_back_behind_it(lab):
    term = shell(lab, env=LOUD)
    lose_ssh(lab, term)
    at = len(term.raw)
    term.say("without-ssh")
    with lab.on_host():
        lab.host.sshd.start()
    lab.roam()
    told(term, "connecting -> up")
    told(term, "probing -> up")     # with fresh keys
    term.say("with-ssh")
    assert not said_since(term, at)
    end(lab, term)


def test_a_login_that_wants_a_person_is_not_asked_for(lab):
    """As with a one-time password: it is refused once in each network, and nobody is told, as long
    as datagrams are answered."""
    term = shell(lab, env=LOUD)
    lose_ssh(lab, term)
    lab.host.sshd.config += "\nPubkeyAuthentication no\n"
    with lab.on_host():
        lab.host.sshd.start()
    at = len(term.raw)
    told(term, "login refused")
    term.say("without-a-login")
    lab.roam()
    told(term, "login refused")
    term.say("in-another-network")
    assert not said_since(term, at)
    lab.link("udp block")
    term.type("x")
    term.expect("needs your login")
    lab.link("udp pass")
    term.type("\x7f")
    term.say("again")
    end(lab, term)


@pytest.fixture
def blocked():
    """A laboratory for each way in which datagrams do not pass; side by side, for it takes
    seconds to believe it."""
    if has_no_datagrams():
        pytest.skip("built without BearSSL")
    with contextlib.ExitStack() as stack:
        yield {way: stack.enter_context(laboratory.Lab(rtt=0.04))
               for way in ("block", "block-in", "block-out")}


def test_where_they_do_not_pass_nobody_notices(blocked):
    terms = {}
    for way, lab in blocked.items():
        lab.link(f"udp {way}")
        terms[way] = shell(lab, env=LOUD, up=False)
        terms[way].say("by-ssh")
    for way, term in terms.items():
        told(term, "probing -> no answer")
        term.say("still-by-ssh")
        assert not said_since(term, 0), way
        end(blocked[way], term)


def test_blocked_later(blocked):
    terms = {}
    for way, lab in blocked.items():
        terms[way] = shell(lab, env=LOUD)
        terms[way].say("before")
        lab.link(f"udp {way}")
        for number in range(5):
            terms[way].say(f"behind-{number}")
    for way, term in terms.items():
        told(term, "in doubt -> no answer")
        term.line("seq 5000")
        term.expect("5000\r\n")
        assert not said_since(term, 0), way
        end(blocked[way], term)


def test_let_through_for_a_moment_again_and_again(lab):
    term = shell(lab, env=LOUD)
    at = len(term.raw)
    for number in range(4):
        lab.link("udp block")
        term.say(f"blocked-{number}")
        lab.link("udp pass")
        term.say(f"open-{number}")
    assert not said_since(term, at)
    end(lab, term)


def test_a_nat_that_forgets():
    if has_no_datagrams():
        pytest.skip("built without BearSSL")
    with laboratory.Lab(rtt=0.04, nat=True) as lab:
        term = shell(lab, env=LOUD)
        before = lab.host.sshd.logins()
        for number in range(3):
            lab.link("rebind")
            term.say(f"rebound-{number}")
        assert lab.host.sshd.logins() <= before + 3
        end(lab, term)


def test_a_laptop_that_slept(lab):
    term = shell(lab)
    lose_ssh(lab, term)
    lab.stop_clients()
    lab.roam()
    time.sleep(3)
    lab.wake_clients()
    term.say("awake")
    end(lab, term)


def test_an_outage_without_ssh(lab):
    term = shell(lab)
    lose_ssh(lab, term)
    lab.down()
    term.line("echo typed''-away")
    told(term, "up -> in doubt")
    time.sleep(2)
    lab.up()
    term.expect("typed-away")
    end(lab, term)


def lines_once(term, count):
    term.line(f"clear; seq -f line%06.0f {count}; echo all''-there")
    term.expect("all-there", scaled(120))
    numbers = [int(n) for n in re.findall(rb"line(\d{6})\r\n", bytes(term.raw))]
    assert numbers == list(range(1, count + 1))


@pytest.mark.parametrize("trouble", [(), ("loss 20",), ("twice 20", "late 20"), ("mtu 700",),
                                     ("loss 5", "twice 5", "late 10", "rate 4000")])
def test_every_line_once(lab, trouble):
    term = shell(lab)
    lose_ssh(lab, term)
    lab.link(*trouble)
    lines_once(term, 20000)
    term.say("and-a-word")
    end(lab, term)


def test_from_ipv6_to_ipv4(make_host):
    """The name has both; the one that is used goes away, and ssh cannot be made again."""
    if has_no_datagrams():
        pytest.skip("built without BearSSL")
    with test_roaming.own_network():
        host = make_host(sshd_config="ListenAddress ::1")
        hosts = host.dir / "hosts"
        hosts.write_text("::1 both.test\n127.0.0.1 both.test\n")
        host.configure("HostName both.test", port=host.sshd.port)
        trace = host.dir / "trace"
        term = host.start(["unshare", "-m", "sh", "-c",
                           f"mount --bind {hosts} /etc/hosts && exec \"$@\"", "sh",
                           *harness.belay_argv(host)], env=ON | {"BELAY_TRACE": trace})
        term.expect(harness.PROMPT.strip())
        term.trace, term.traced = trace, 0
        told(term, "probing -> up")
        assert "::1" in host.output_of(term, "echo $SSH_CONNECTION")
        host.sshd.stop()
        told(term, "up -> down, connecting")
        test_roaming.ip("-6 address del ::1/128 dev lo")
        term.say("by-the-other")
        end(None, term)
        host.close()


def test_every_line_once_while_ssh_and_datagrams_come_and_go(lab):
    term = shell(lab)
    lab.link("rate 20000", "loss 3")
    term.line("clear; for i in $(seq 40); do seq -f line%06.0f $((i*1000-999)) $((i*1000)); "
              "sleep 0.1; done; echo all''-there")
    for number in range(4):
        lab.link("udp block" if number % 2 else "udp pass")
        term.pump(0.5)
        lab.roam()
        term.pump(1)
    lab.link("udp pass", "loss 0")
    term.expect("all-there", scaled(120))
    numbers = [int(n) for n in re.findall(rb"line(\d{6})\r\n", bytes(term.raw))]
    assert numbers == list(range(1, 40001))
    end(lab, term)


def test_leaving_without_ssh(lab):
    term = shell(lab, "--session", "one")
    lose_ssh(lab, term)
    term.type("\r~.")
    assert term.wait_exit() == 255
    holder = [one for one in lab.host.processes() if "hold" in one.argv]
    assert holder
    with lab.on_host():
        lab.host.sshd.start()
    again = shell(lab, "--session", "one", up=False)
    again.say("back")
    end(lab, again)


def test_sent_away_without_ssh(lab):
    first = shell(lab, "--session", "one")
    lose_ssh(lab, first)
    lab.link("udp block")               # so that its ssh is not made again meanwhile
    with lab.on_host():
        lab.host.sshd.start()
        other = lab.host.belay("--session", "one", env=ON)
        other.expect(harness.PROMPT.strip())
    lab.link("udp pass")
    first.expect("another client has taken the session over")
    assert first.wait_exit() == 255
    end(lab, other)


def test_a_session_that_is_killed(lab):
    """The host's system says that nobody listens there any more: ssh asks what has become of it."""
    term = shell(lab, "--again=never")
    lose_ssh(lab, term)
    for one in lab.host.processes():
        if "hold" in one.argv:
            os.kill(one.pid, signal.SIGKILL)
    with lab.on_host():
        lab.host.sshd.start()
    term.expect("the session is gone")
    assert term.wait_exit() == 255


def test_sharers_each_have_their_own(lab):
    first = shell(lab, "--session", "one")
    second = shell(lab, "--session", "one", "--share")
    lab.host.sshd.stop()
    lab.roam()
    first.say("from-the-first")
    second.expect("from-the-first")
    second.say("from-the-second")
    first.expect("from-the-second")
    first.line("exit 7")
    assert first.wait_exit() == 7
    assert second.wait_exit() == 7


def test_what_is_never_asked_for_is_not_there(lab):
    term = shell(lab, env=ON | {"BELAY_UDP": "never"}, up=False)
    assert not sockets(lab)
    end(lab, term)


def test_only_ends_where_nothing_passes(lab):
    lab.link("udp block")
    with lab.on_laptop():
        term = lab.host.belay("--udp=only", env=ON)
    term.expect("no datagrams get through")
    assert term.wait_exit() == 255


def test_a_forward_moves_over(lab):
    port = harness.free_port()
    served = harness.free_port()
    term = shell(lab, "-L", f"{port}:127.0.0.1:{served}")
    term.line(f"cd {lab.host.home}; head -c 3000000 /dev/urandom >big; /usr/bin/python3 -m "
              f"http.server {served} >/dev/null 2>&1 & until (: </dev/tcp/127.0.0.1/{served}) "
              "2>/dev/null; do sleep 0.05; done; echo serv''ed")
    term.expect("served")
    lose_ssh(lab, term)
    got = lab.host.client_home / "got"
    lab.run(["/usr/bin/python3", "-c", "import sys, urllib.request as u;"
             "open(sys.argv[2], 'wb').write(u.urlopen(sys.argv[1]).read())",
             f"http://127.0.0.1:{port}/big", got])
    assert got.read_bytes() == (lab.host.home / "big").read_bytes()
    term.line("kill %1; exit 7")
    assert term.wait_exit() == 7


def wakeups(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"voluntary_ctxt_switches:\s*(\d+)", status)[1])


def test_who_is_idle_sleeps(lab):
    """At most twenty wake-ups a minute: in 12 s four, and what is left of the start."""
    term = shell(lab, env=ON | {"BELAY_STATUS": "off"})
    term.pump(2)
    holder = next(one.pid for one in lab.host.processes() if "hold" in one.argv)
    before = [wakeups(pid) for pid in (term.pid, holder)]
    term.pump(12)
    woke = [wakeups(pid) - n for pid, n in zip((term.pid, holder), before)]
    assert max(woke) <= 7, woke
    end(lab, term)


def test_who_leaves_is_heard(lab):
    """An answer to what was sent before says nothing of the last word."""
    term = shell(lab, "--session", "one")
    lose_ssh(lab, term)
    lab.link("delay 200")
    term.say("slow")
    term.type("\r")
    time.sleep(0.25)
    lab.link("udp block-out")
    term.type("~.")
    time.sleep(0.3)
    lab.link("udp pass")
    assert term.wait_exit() == 255
    with lab.on_host():
        lab.host.sshd.start()
    with lab.on_laptop():
        said = lab.host.piped(harness.belay_argv(lab.host, "--list")).stdout.decode()
    assert re.search(r"one +bash .* no +~", said), said


def test_what_was_typed_comes_before_the_last_word(lab):
    """Which goes by ssh, as long as that answers."""
    term = shell(lab, "--session", "one")
    lab.link("udp block-out")
    term.type("touch typed\r")
    term.type("~.")
    assert term.wait_exit() == 255
    wait_until((lab.host.home / "typed").exists)


def test_ssh_goes_when_datagrams_pass_again(lab):
    """Nobody waits for the next question of those that have not been answered."""
    lab.link("udp block")
    term = shell(lab, up=False)
    told(term, "probing -> no answer")
    lab.link("udp pass")
    lab.host.sshd.stop()
    told(term, "probing -> up")
    term.say("without-ssh")
    end(lab, term)


def test_what_is_typed_when_datagrams_answer_again(lab):
    """A moment of silence offers no login, whose line would take what is typed as it goes."""
    term = shell(lab, env=LOUD)
    lose_ssh(lab, term)
    lab.host.sshd.config += "\nPubkeyAuthentication no\n"
    with lab.on_host():
        lab.host.sshd.start()
    told(term, "login refused")
    lab.link("udp block")
    lab.roam()      # a question is asked, though nothing is typed
    told(term, "up -> in doubt")
    term.pump(2)
    lab.link("udp pass")
    told(term, "in doubt -> up")
    term.say("typed-at-once")
    end(lab, term)
