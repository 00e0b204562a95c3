"""Proves that ssh's configuration is obeyed as ssh obeys it: what `ssh -G` says counts only
when it is whole, and no limit of ssh_config(5) is lost.
"""

import contextlib
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import threading
import time

import pytest

from harness import (TIMEOUT, belay_argv, belay_path, communicate, descendants, free_port, kill,
                     manual_page, tables, wait_until)
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "conformance"))

import compared     # noqa: E402
from test_forwards import connect, exactly, listens, port_of, service, talk, tunnel


class Words:
    """What a child says on stderr, as it comes."""

    def __init__(self, child):
        self.pipe, self.text = child.stderr, b""

    def expect(self, words):
        deadline = time.monotonic() + TIMEOUT
        while words not in self.text:
            assert time.monotonic() < deadline, self.text.decode()
            if select.select([self.pipe], [], [], 0.1)[0]:
                more = self.pipe.read1(65536)
                assert more, self.text.decode()
                self.text += more
        self.text = self.text[self.text.index(words) + len(words):]


def link_words(child):
    """The command line of the link's ssh, without those that are only asked."""
    lines = [one.argv for one in descendants(child.pid)
             if one.name == "ssh" and "-G" not in one.argv]
    return " ".join(lines[-1]) if lines else ""


@pytest.fixture
def held(host):
    """A tunnel of the configuration's, whose `Match exec` hangs while a file is there: the
    port, the file, the child and its words."""
    port, hold = free_port(), host.dir / "hold"
    with service() as there:
        host.configure(f"LocalForward {port} 127.0.0.1:{port_of(there)}\n"
                       "ExitOnForwardFailure yes\n"
                       f"Match exec \"while test -e {hold}; do sleep 0.02; done\"\n")
        with tunnel(host, "-v", listening=port) as child:
            words = Words(child)
            words.expect(b"-> up")
            yield port, hold, child, words
            hold.unlink(missing_ok=True)


def test_a_link_that_answers_again_while_ssh_is_asked(host, held):
    """What was asked for in doubt is abandoned: nothing of it stays."""
    port, hold, child, words = held
    with connect(port) as sock:
        assert talk(sock, b"before") == b"before"
        for _ in range(2):
            hold.touch()
            host.proxy.stall()
            sock.sendall(b"in doubt")
            words.expect(b"up -> in doubt, connecting")
            host.proxy.heal()
            words.expect(b"in doubt, connecting -> up")
            hold.unlink()
            assert sock.recv(8, 0x100) == b"in doubt"   # MSG_WAITALL
        host.proxy.cut()
        assert talk(sock, b"after") == b"after"
    argv = link_words(child)
    assert "-oProxyUseFdpass=yes" in argv, argv     # the connection is ours
    assert "-oClearAllForwardings=yes" in argv, argv


def test_a_configuration_that_hangs_holds_up_nothing_for_ever(host, held):
    port, hold, child, words = held
    with connect(port) as sock:
        assert talk(sock, b"before") == b"before"
        hold.touch()
        host.proxy.cut()
        words.expect(b"ssh -G does not answer: going on with what it has said last")
        hold.unlink()
        assert talk(sock, b"after") == b"after"
    assert "-oProxyUseFdpass=yes" in link_words(child)


def test_a_configuration_that_is_broken_for_a_while(host, held):
    """As while it is edited."""
    port, _, child, words = held
    good = host.cfg.read_text()
    with connect(port) as sock:
        assert talk(sock, b"before") == b"before"
        host.cfg.write_text("NoSuchKeyword yes\n" + good)
        host.proxy.cut()
        words.expect(b"down, connecting -> down, waiting")
        host.cfg.write_text(good)
        assert talk(sock, b"after") == b"after"
    assert "-oClearAllForwardings=yes" in link_words(child)


# ---- the table of keywords ----

# What the newest OpenSSH (10.5) has more than 9.2.
NEW = {"ChannelTimeout", "ObscureKeystrokeTiming", "RefuseConnection", "Tag",
       "VersionAddendum", "WarnWeakCrypto"}
# Another value than it has by itself, of each that belay carries out.
VALUES = {
    "addressfamily": "inet6", "clearallforwardings": "yes", "connecttimeout": "7",
    "dynamicforward": "1234", "enableescapecommandline": "yes", "escapechar": "^B",
    "exitonforwardfailure": "yes", "forkafterauthentication": "yes",
    "forwardx11": "yes", "forwardx11timeout": "77",
    "forwardx11trusted": None, "gatewayports": "yes", "hostname": "elsewhere",
    "ipqos": "cs1 cs2", "localforward": "1234 a:1", "permitremoteopen": "a:1",
    "port": "77", "proxyusefdpass": "yes", "remotecommand": "date",
    "remoteforward": "1234 a:1", "requesttty": "force", "sessiontype": "none",
    "stdinnull": "yes", "streamlocalbindmask": "0111", "streamlocalbindunlink": "yes",
    "tcpkeepalive": "no", "xauthlocation": "/x"}


def ssh_says(*options):
    """The lines of `ssh -G`, by keyword."""
    said = {}
    text = subprocess.run(["ssh", "-F", "none", "-G", *options, "testhost"], check=True,
                          capture_output=True, text=True).stdout
    for line in text.splitlines():
        keyword, _, value = line.partition(" ")
        said.setdefault(keyword.lower(), []).append(value)
    return said


def test_every_keyword_that_ssh_tells_is_in_the_table():
    assert set(ssh_says()) - set(tables().keywords) == set()


def test_every_keyword_of_the_manual_page_is_in_the_table():
    page = manual_page("ssh_config.5")
    if not page:
        pytest.skip("no manual page of ssh_config")
    words = set(re.findall(r"^\.It Cm ([A-Z]\w+)$", page, re.M))
    assert len(words) > 80
    unknown = {word for word in words | NEW if word.lower() not in tables().keywords}
    assert not unknown


def test_ssh_tells_of_all_that_belay_carries_out():
    """Else it would be dropped."""
    by_itself = ssh_says()
    ours = {name for name, who in tables().keywords.items() if who == "belay"}
    assert ours == set(VALUES)
    for name, value in VALUES.items():
        value = value or {"yes": "no", "no": "yes"}[by_itself[name][0]]
        # What goes to the background needs something to do there.
        said = ssh_says("-o", f"{name}={value}", *["-N"] * (name == "forkafterauthentication"))
        assert said[name] != by_itself.get(name), name


@pytest.mark.parametrize("line, by_itself, is_plain", [
    ("channeltimeout session=1m", "", True), ("channeltimeout none", "", False),
    ("newlimit 5", "", True), ("newlimit 5", "newlimit 0", True),
    ("newlimit 0", "newlimit 0", False)])
def test_what_only_ssh_can_carry_out(host, line, by_itself, is_plain):
    """A newer ssh than this one: as it is, but with a line more."""
    ssh = host.dir / "ssh"
    ssh.write_text(f"#!/bin/sh\ncase \" $* \" in\n*' -G -F none '*) echo '{by_itself}' ;;\n"
                   f"*' -G '*) echo '{line}' ;;\nesac\nexec ssh \"$@\"\n")
    ssh.chmod(0o755)
    term = host.start([*belay_argv(host), "cat; echo over"], env={"BELAY_SSH": ssh})
    wait_until(lambda: host.running("cat"))
    assert bool(host.relays()) is not is_plain
    term.type("\x04")
    term.expect("over")
    assert term.wait_exit() == 0
    keyword = line.split()[0].encode()
    assert (b"only ssh carries out " + keyword in term.raw) is is_plain


# ---- beside ssh ----

@pytest.fixture(params=["ssh", "belay"])
def both(request):
    return request.param


def client(host, program):
    return [belay_path() if program == "belay" else "ssh", "-F", host.cfg]


@contextlib.contextmanager
def forwarding(host, program, *options, listening=None, **more):
    """One that only forwards, once it listens there."""
    with host.popen([*client(host, program), *options, "-N", "testhost"], **more) as child:
        try:
            wait_until(lambda: listening() or child.poll() is not None)
            assert child.poll() is None, child.stderr.read()
            yield child
        finally:
            child.terminate()
            child.communicate(timeout=TIMEOUT)


def is_led_to(port, form, host, to):
    """Whether SOCKS on this port leads to an echo."""
    with connect(port) as sock, contextlib.suppress(OSError, AssertionError, struct.error):
        if form == 4:
            sock.sendall(struct.pack(">BBH4B", 4, 1, to, *socket.inet_aton(host)) + b"\0")
            assert exactly(sock, 8)[1] == 90
        else:
            kind = {"name": b"\3" + bytes([len(host)]) + host.encode(),
                    "inet": b"\1" + socket.inet_aton(host) if form == "inet" else b"",
                    "inet6": b"\4" + socket.inet_pton(socket.AF_INET6, host)
                    if form == "inet6" else b""}[form]
            sock.sendall(b"\5\1\0")
            exactly(sock, 2)
            sock.sendall(b"\5\1\0" + kind + struct.pack(">H", to))
            assert exactly(sock, 10)[1] == 0
        return talk(sock, b"hello") == b"hello"
    return False


PERMITS = ["any", "none", "127.0.0.1:{0}", "127.0.0.1:*", "*:{0}", "*:1", "localhost:{0}",
           "LOCALHOST:{0}", "[::1]:{0}", "a:1 b:2 localhost:{0}", "127.0.0.*:{0}"]


@pytest.mark.parametrize("permit", PERMITS)
def test_where_the_host_may_lead_to(host, permit):
    with service() as there:
        to = port_of(there)
        asked = [(4, "127.0.0.1"), ("inet", "127.0.0.1"), ("inet", "127.0.0.2"),
                 ("name", "localhost"), ("name", "127.0.0.1")]
        led = {}
        for program in ("ssh", "belay"):
            port = free_port()
            with forwarding(host, program, "-R", str(port), "-o",
                            f"PermitRemoteOpen={permit.format(to)}",
                            listening=lambda: listens(("127.0.0.1", port))):
                led[program] = [is_led_to(port, *one, to) for one in asked]
        assert led["belay"] == led["ssh"]
        assert any(led["ssh"]) is (permit not in ("none", "*:1", "LOCALHOST:{0}",
                                                  "[::1]:{0}", "127.0.0.*:{0}"))


def test_no_limit_on_what_is_asked_for_here(host, both):
    port = free_port()
    with service() as there:
        with forwarding(host, both, "-D", str(port), "-oPermitRemoteOpen=none",
                        listening=lambda: listens(("127.0.0.1", port))):
            assert is_led_to(port, 4, "127.0.0.1", port_of(there))


def listening_at(port):
    """The addresses on which somebody listens on that port, as the kernel writes them."""
    found = set()
    for name in ("tcp", "tcp6"):
        with open(f"/proc/net/{name}") as file:
            for words in map(str.split, file):
                if words[3] == "0A" and words[1].endswith(f":{port:04X}"):
                    found.add(words[1].split(":")[0])
    return found


@contextlib.contextmanager
def by_inet6(host):
    """The way to the host begins at ::1: the options that take it."""
    def pump(source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def serve(sock):
        with socket.create_connection(("127.0.0.1", host.proxy.port)) as there:
            back = threading.Thread(target=pump, args=(there, sock))
            back.start()
            pump(sock, there)
            back.join()

    try:
        with service(serve, socket.AF_INET6, ("::1", 0)) as way:
            yield ["-oHostName=::1", f"-oPort={port_of(way)}"]
    except OSError:
        pytest.skip("no IPv6 here")


WHERE = ["{0}", "localhost:{0}", "*:{0}", "127.0.0.1:{0}", "[::1]:{0}",
         "ip6-loopback-of-nobody:{0}", "testname:{0}"]


@pytest.mark.parametrize("gateway", ["no", "yes"])
@pytest.mark.parametrize("family", ["any", "inet", "inet6"])
def test_where_it_listens(host, family, gateway):
    """-4 and -6 hold for what listens, too."""
    name = socket.gethostname()
    with by_inet6(host) as way:
        options = [f"-oAddressFamily={family}", f"-oGatewayPorts={gateway}",
                   *(way if family == "inet6" else [])]
        for where in WHERE:
            at = {}
            for program in ("ssh", "belay"):
                port, other = free_port(), free_port()
                spec = where.replace("testname", name).format(port)
                listening = ["-D", spec, "-L", f"{other}:x:1"]
                with forwarding(host, program, *options, *listening,
                                listening=lambda: listening_at(other)):
                    at[program] = listening_at(port), listening_at(other)
            assert at["belay"] == at["ssh"], where
            assert at["ssh"][0] or where.startswith(("127.0.0.1", "[::1]", "ip6", "testname"))


def test_options_4_and_6(host):
    for letter, address in (("-4", {"0100007F"}), ("-6", {"0" * 24 + "01000000"})):
        with by_inet6(host) as way:
            port = free_port()
            with forwarding(host, "belay", letter, *(way if letter == "-6" else []),
                            "-D", str(port), listening=lambda: listening_at(port)):
                assert listening_at(port) == address


@pytest.mark.parametrize("mask", ["0177", "0117", "0000"])
def test_how_a_socket_is_made(host, mask):
    modes = {}
    for program in ("ssh", "belay"):
        path = host.dir / f"{program}.sock"
        path.touch()    # to be unlinked
        with forwarding(host, program, "-L", f"{path}:x:1", f"-oStreamLocalBindMask={mask}",
                        "-oStreamLocalBindUnlink=yes", listening=lambda: listens(str(path))):
            modes[program] = stat.S_IMODE(path.stat().st_mode)
        path.unlink(missing_ok=True)
    assert modes["belay"] == modes["ssh"]


def test_all_forwards_cleared(host, both):
    """ClearAllForwardings counts for those of the configuration, wherever it stands."""
    port = free_port()
    host.configure(f"LocalForward {port} x:1\nDynamicForward {port}\nRemoteForward {port}\n")
    done = host.piped([*client(host, both), "-oClearAllForwardings=yes", "testhost",
                       f"grep -c ':{port:04X} 00000000:0000 0A' /proc/net/tcp"])    # listens
    assert done.stdout == b"0\n"


@pytest.mark.parametrize("permit", ["yes", "no"])
def test_a_command_of_this_machine_is_run_once_or_not_at_all(host, both, permit):
    mark = host.dir / "mark"
    done = host.piped([*client(host, both), f"-oPermitLocalCommand={permit}",
                       f"-oLocalCommand=echo %n >>{mark}", "testhost", "true"])
    assert done.returncode == 0
    assert (mark.read_text() if mark.exists() else "") == (
        "testhost\n" if permit == "yes" else "")


@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash"])
def test_a_command_of_this_machine_says_it_where_ssh_does(host, both, shell):
    """As titles and colours; it has nothing of the link.  Twice: the host is known then."""
    for _ in range(2):
        done = host.piped([*client(host, both), "-oPermitLocalCommand=yes",
                           "-oLocalCommand=printf 'for %h, '; cat; echo >&2 \"it's\"", "testhost",
                           "cat"], b"input", env={"SHELL": shell})
        assert (done.returncode, done.stdout) == (0, b"for 127.0.0.1, input"), done
        assert done.stderr == b"it's\n"


@contextlib.contextmanager
def x_server(host, *more):
    """An X server: the client's environment."""
    if not all(map(shutil.which, ("Xvfb", "xauth", "xdpyinfo"))):
        pytest.skip("without Xvfb, xauth, xdpyinfo")
    host.sshd.stop()
    host.sshd.config = "X11Forwarding yes"
    host.sshd.start()
    authority = host.dir / "authority"
    read, write = os.pipe()
    subprocess.run(["xauth", "-q", "-f", authority, "add", ":77", ".", "0123" * 8],
                   check=True, stderr=subprocess.DEVNULL)
    with subprocess.Popen(["Xvfb", "-displayfd", str(write), "-auth", authority, "-noreset",
                           "-nolisten", "tcp", "-screen", "0", "640x480x24", *more],
                          pass_fds=[write], stderr=subprocess.DEVNULL) as server:
        os.close(write)
        with os.fdopen(read) as pipe:
            number = pipe.readline().strip()
        subprocess.run(["xauth", "-q", "-f", authority, "add", f":{number}", ".",
                        "0123" * 8], check=True)
        try:
            yield {"DISPLAY": f":{number}", "XAUTHORITY": str(authority)}
        finally:
            server.terminate()


def seen_of_display(host, program, display, command, *options):
    done = host.piped([*client(host, program), *options, "testhost", command], env=display)
    warned = b"untrusted X11 forwarding setup failed" in done.stderr
    return done.stdout.decode(), warned


UNTRUSTED = ("-X", "-oForwardX11Trusted=no")
# An untrusted program may not look at what others have on the root window.
SEES = ("echo ${DISPLAY:+set}; xdpyinfo >/dev/null 2>&1 && echo shown; "
        "xprop -root BELAY 2>/dev/null | grep -c secret")


@pytest.mark.parametrize("options", [("-X",), UNTRUSTED, ("-Y",), ("-x",),
                                     (*UNTRUSTED, "-oXAuthLocation=/no/such/xauth"),
                                     (*UNTRUSTED, "-oForwardX11Timeout=0")])
@pytest.mark.parametrize("server", [("+extension", "SECURITY"), ("-extension", "SECURITY")])
def test_what_programs_may_do_with_the_display(host, options, server):
    with x_server(host, *server) as display:
        subprocess.run(["xprop", "-root", "-f", "BELAY", "8s", "-set", "BELAY", "secret"],
                       env={**os.environ, **display}, check=True)
        seen = {program: seen_of_display(host, program, display, SEES, *options)
                for program in ("ssh", "belay")}
    assert seen["belay"] == seen["ssh"]
    if options == UNTRUSTED and server[0] == "-extension":
        assert seen["ssh"] == ("0\n", True) or seen["ssh"] == ("\n0\n", True)


def test_programs_that_come_to_the_display_late(host, both):
    """ForwardX11Timeout: from then on there is none, however it was before."""
    with x_server(host) as display:
        said, _ = seen_of_display(
            host, both, display,
            "xdpyinfo >/dev/null && echo shown; while xdpyinfo >/dev/null 2>&1; do sleep 0.1; done;"
            "echo refused", *UNTRUSTED, "-oForwardX11Timeout=2")
        assert said == "shown\nrefused\n"


# ---- the table of `make conformance` ----

def test_every_option_and_keyword_has_its_row():
    has = {f"-{letter}" for letter in compared.LETTERS} | set(compared.KEYWORDS)
    assert has | set(compared.PLAYED) | set(compared.DIFFERS) == set(compared.rows())
    assert not has & set(compared.PLAYED) and not has & set(compared.DIFFERS)


def test_what_is_said_to_be_played_by_a_test_is():
    place = pathlib.Path(__file__).parent
    code = "".join(path.read_text() for path in place.glob("test_*.py"))
    for test in compared.PLAYED.values():
        assert (place / test).exists() or f"def {test}(" in code, test


@pytest.mark.parametrize("name", ["-A", "-n", "-q", "-V", "hostname", "identityfile",
                                  "proxycommand", "sendenv", "setenv", "visualhostkey"])
def test_beside_ssh(host, name):
    assert compared.run(host, name)[0] == "passed", compared.play(host, name)


# belay's own settings.

def settings(host, text, mode=0o600):
    path = host.client_home / "config/belay/config"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def test_settings_count_for_their_hosts(host, tmp_path):
    mark = tmp_path / "lost"
    settings(host, f'Host other\n  GiveUp 1s\nMatch originalhost testhost\n'
                   f'  GiveUp 6s\n  OnLost "touch {mark}"\n')
    shown = host.piped([*belay_argv(host, "--config")],
                       env={"BELAY_PREDICT": None, "BELAY_ALONE": None,
                             "BELAY_UDP": None}).stdout
    assert [line.split("    #")[0] for line in shown.decode().splitlines()] == [
        "give-up 6s", f'on-lost "touch {mark}"']
    with host.popen([*belay_argv(host), "echo begun; cat"]) as child:
        assert child.stdout.read(6) == b"begun\n"
        host.proxy.refuse()
        host.proxy.cut()
        out, err = communicate(child, None)
        assert (child.returncode, out) == (255, b"") and b"given up" in err
    assert mark.exists()
    for one in host.processes():
        kill(one.pid, signal.SIGTERM)


@pytest.mark.parametrize(("text", "mode", "said"), [
    ("History 5\nPredikt never\n", 0o600, b"config:2: Predikt: no such setting"),
    ("History 5\n", 0o622, b"others can write to it")])
def test_settings_with_a_mistake_begin_nothing(host, text, mode, said):
    settings(host, text, mode)
    done = host.piped([*belay_argv(host), "echo begun"])
    assert (done.returncode, done.stdout) == (255, b"") and said in done.stderr, done
    assert host.sshd.logins() == 0
