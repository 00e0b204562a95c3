"""Proves that what is forwarded are streams of the session: connections survive every
failure of the network, byte for byte, and look otherwise as under ssh.
"""

import contextlib
import hashlib
import json
import os
import queue
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import threading

import pytest

from harness import PROMPT, SEED, belay_argv, belay_path, free_port, kill, wait_until

TIMEOUT = 60    # seconds; none of it takes one


def echo(sock):
    """Sends everything back, and the end when it comes."""
    while data := sock.recv(65536):
        sock.sendall(data)
    sock.shutdown(socket.SHUT_WR)


def digest(sock):
    """Answers with the checksum of everything, after its end."""
    sha = hashlib.sha256()
    while data := sock.recv(65536):
        sha.update(data)
    sock.sendall(sha.hexdigest().encode())


@contextlib.contextmanager
def service(serve=echo, family=socket.AF_INET, address=("127.0.0.1", 0)):
    """A service, each connection in a thread; gives its listener."""
    open_now = []

    def run(sock):
        with sock, contextlib.suppress(OSError):
            serve(sock)

    def accept(listener):
        with contextlib.suppress(OSError):
            while True:
                sock, _ = listener.accept()
                open_now.append(sock)
                threading.Thread(target=run, args=(sock,), daemon=True).start()

    with socket.socket(family) as listener:
        if family == socket.AF_INET:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(256)
        threading.Thread(target=accept, args=(listener,), daemon=True).start()
        yield listener
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        for sock in open_now:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


def port_of(listener):
    return listener.getsockname()[1]


def listens(where):
    family = socket.AF_UNIX if isinstance(where, str) else socket.AF_INET
    with socket.socket(family) as probe, contextlib.suppress(OSError):
        probe.connect(where)
        return True
    return False


def connect(port):
    sock = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT)
    sock.settimeout(TIMEOUT)
    return sock


def talk(sock, data):
    sock.sendall(data)
    return exactly(sock, len(data))


def exactly(sock, n):
    got = b""
    while len(got) < n:
        more = sock.recv(n - len(got))
        assert more, f"ended after {len(got)} of {n} bytes"
        got += more
    return got


@contextlib.contextmanager
def tunnel(host, *options, listening=None, command=("-N",), **more):
    """A belay that only forwards, once it listens."""
    argv = belay_argv(host, *options, *command[:1]) + list(command[1:])
    with host.popen(argv, **more) as child:
        try:
            if listening:
                wait_until(lambda: listens(("127.0.0.1", listening))
                           if isinstance(listening, int) else listens(listening))
            yield child
        finally:
            child.terminate()
            child.communicate(timeout=TIMEOUT)


@pytest.fixture
def local(host):
    """-L to an echo: the port to connect to."""
    port = free_port()
    with service() as there:
        with tunnel(host, "-L", f"{port}:127.0.0.1:{port_of(there)}", listening=port):
            yield port


def test_a_connection_survives_a_cut(host, local):
    with connect(local) as sock:
        assert talk(sock, b"before") == b"before"
        assert host.proxy.cut()
        assert talk(sock, b"after") == b"after"
        host.proxy.drop()
        assert talk(sock, b"after silence") == b"after silence"
    assert host.sshd.logins() == 3


def test_bytes_through_many_cuts(host):
    rng = random.Random(SEED)
    print(f"seed {SEED}: set BELAY_E2E_SEED to repeat")
    data = rng.randbytes(8_000_000)
    port = free_port()
    with service(digest) as there:
        with tunnel(host, "-L", f"{port}:127.0.0.1:{port_of(there)}", listening=port):
            host.proxy.cut_after(200_000, "up",
                                 [rng.randrange(1000, 400_000) for _ in range(12)])
            with connect(port) as sock:
                sock.settimeout(120)
                sock.sendall(data)
                sock.shutdown(socket.SHUT_WR)
                assert exactly(sock, 64).decode() == hashlib.sha256(data).hexdigest()
                assert sock.recv(1) == b""
    assert host.proxy.cuts == 13


def test_both_ways_at_once_through_cuts(host, local):
    rng = random.Random(SEED)
    print(f"seed {SEED}: set BELAY_E2E_SEED to repeat")
    data = rng.randbytes(4_000_000)
    host.proxy.cut_after(100_000, "down",
                         [rng.randrange(1000, 300_000) for _ in range(10)])
    with connect(local) as sock:
        sender = threading.Thread(target=sock.sendall, args=(data,))
        sender.start()
        assert exactly(sock, len(data)) == data
        sender.join()
    assert host.proxy.cuts >= 5


def test_half_close(host, local):
    with connect(local) as sock:
        sock.sendall(b"x" * 100_000)
        sock.shutdown(socket.SHUT_WR)
        assert exactly(sock, 100_000)
        assert sock.recv(1) == b""


def test_who_connects_only_to_look_costs_nothing(host):
    """As health checks do: the service hears of the end at once, on the same login."""
    heard = queue.Queue()

    def serve(sock):
        heard.put(sock.recv(1))

    port = free_port()
    with service(serve) as there:
        with tunnel(host, "-L", f"{port}:127.0.0.1:{port_of(there)}", listening=port):
            assert heard.get(timeout=TIMEOUT) == b""    # the fixture has looked
            logins = host.proxy.accepted
            for _ in range(20):
                connect(port).close()
                assert heard.get(timeout=TIMEOUT) == b""
            assert host.proxy.accepted == logins == 1


def test_who_listens_not_is_said(host):
    port, nobody = free_port(), free_port()
    with tunnel(host, "-L", f"{port}:127.0.0.1:{nobody}", listening=port) as child:
        with connect(port) as sock:
            assert sock.recv(1) == b""
        assert b"refused" in child.stderr.readline()
        with connect(port) as sock:  # and it goes on
            assert sock.recv(1) == b""
        os.set_blocking(child.stderr.fileno(), False)


def test_a_reset_ends_the_connection(host):
    def reset(sock):
        sock.recv(1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()

    port = free_port()
    with service(reset) as there:
        with tunnel(host, "-L", f"{port}:127.0.0.1:{port_of(there)}", listening=port):
            with connect(port) as sock:
                sock.sendall(b"x")
                with contextlib.suppress(ConnectionResetError):
                    assert sock.recv(1) == b""


def test_a_name_is_looked_up_on_the_host(host):
    port = free_port()
    with service() as there:
        with tunnel(host, "-L", f"{port}:localhost:{port_of(there)}", listening=port):
            with connect(port) as sock:
                assert talk(sock, b"hello") == b"hello"


def test_unknown_name(host):
    port = free_port()
    with tunnel(host, "-L", f"{port}:no-such-host.invalid:1", listening=port) as child:
        with connect(port) as sock:
            assert sock.recv(1) == b""
        said = child.stderr.readline()
        assert b"no-such-host.invalid:1" in said, said


def test_200_connections_at_once(host, local):
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(connect(local)) for _ in range(200)]
        for number, sock in enumerate(socks):
            sock.sendall(b"%03d" % number)
        host.proxy.cut()
        for number, sock in enumerate(socks):
            assert exactly(sock, 3) == b"%03d" % number


def with_files(number, argv):
    """That command, with so many files that may be open."""
    return ["/bin/sh", "-c", f'ulimit -n {number}; exec "$@"', "sh", *argv]


def test_connections_leave_descriptors_for_links(host):
    port = free_port()
    with service() as there, contextlib.ExitStack() as stack:
        argv = belay_argv(host, "-N", "-L", f"{port}:127.0.0.1:{port_of(there)}")
        child = stack.enter_context(host.popen(with_files(64, argv)))
        stack.callback(child.terminate)
        wait_until(lambda: listens(("127.0.0.1", port)))
        socks = [stack.enter_context(connect(port)) for _ in range(100)]
        for number, sock in enumerate(socks):
            sock.sendall(b"%03d" % number)
        assert exactly(socks[0], 3) == b"000"
        for number, sock in enumerate(socks):
            if number in (0, 50):
                host.proxy.cut()
                host.proxy.drop()
            if number:
                assert exactly(sock, 3) == b"%03d" % number
            assert talk(sock, b"more") == b"more"
            sock.close()                            # the next who waits is let in
        child.terminate()
        assert b"files" not in child.communicate(timeout=TIMEOUT)[1]


def test_too_few_descriptors_are_said(host):
    done = host.piped(with_files(14, belay_argv(host, "true")))
    assert done.returncode == 255
    assert b"ulimit -n" in done.stderr, done.stderr


def test_idle_connections_of_one_port_leave_room_for_others(host):
    many = free_port(2)
    other = many + 1
    with service() as here, contextlib.ExitStack() as stack:
        there = f"127.0.0.1:{port_of(here)}"
        stack.enter_context(tunnel(host, "-R", f"{many}:{there}", "-R", f"{other}:{there}",
                                   listening=other))
        wait_until(lambda: listens(("127.0.0.1", many)))
        idle = [stack.enter_context(connect(many)) for _ in range(400)]
        assert talk(idle[0], b"in") == b"in"
        assert talk(idle[300], b"in") == b"in"
        with connect(other) as sock:
            assert talk(sock, b"hello") == b"hello"
        idle[-1].sendall(b"at last")                # it waits to be let in
        for sock in idle[:200]:
            sock.close()
        assert exactly(idle[-1], 7) == b"at last"


def test_what_nobody_reads_holds_up_nobody_else(host):
    stop = threading.Event()

    def flood(sock):
        if sock.recv(1) == b"f":
            with contextlib.suppress(OSError):
                while not stop.is_set():
                    sock.sendall(b"x" * 65536)
        else:
            sock.sendall(b"!")

    port = free_port()
    with service(flood) as there:
        with tunnel(host, "-L", f"{port}:127.0.0.1:{port_of(there)}", listening=port):
            with connect(port) as stuck, connect(port) as sock:
                stuck.sendall(b"f")
                assert exactly(stuck, 10)
                sock.sendall(b"q")
                assert exactly(sock, 1) == b"!"
            stop.set()


# ---- the other forms ----

def test_remote(host):
    port = free_port()
    with service() as here:
        with tunnel(host, "-R", f"{port}:127.0.0.1:{port_of(here)}", listening=port):
            with connect(port) as sock:
                assert talk(sock, b"before") == b"before"
                host.proxy.cut()
                assert talk(sock, b"after") == b"after"


def test_remote_with_a_port_of_its_choice(host):
    with service() as here:
        with tunnel(host, "-R", f"0:127.0.0.1:{port_of(here)}") as child:
            said = child.stderr.readline().decode()
            # Programs look for ssh's own words.
            port = int(re.fullmatch(r"Allocated port (\d+) for remote forward to 127\.0\.0\.1:"
                                    rf"{port_of(here)}\r\n", said)[1])
            with connect(port) as sock:
                assert talk(sock, b"hello") == b"hello"


def socks5(port, kind, name, to):
    sock = connect(port)
    sock.sendall(b"\x05\x01\x00")
    assert exactly(sock, 2) == b"\x05\x00"
    sock.sendall(b"\x05\x01\x00" + kind + name + struct.pack(">H", to))
    return sock, exactly(sock, 10)[1]


@pytest.mark.parametrize("form", ["-D", "-R"])
def test_socks(host, form):
    port = free_port()
    with service() as there:
        to = port_of(there)
        with tunnel(host, form, str(port), listening=port):
            for kind, name in ((b"\x01", b"\x7f\0\0\1"), (b"\x03", b"\x09127.0.0.1"),
                               (b"\x03", b"\x09localhost")):
                sock, answer = socks5(port, kind, name, to)
                with sock:
                    assert answer == 0
                    assert talk(sock, b"five") == b"five"
                    host.proxy.cut()
                    assert talk(sock, b"again") == b"again"
            for request in (struct.pack(">BBH4B", 4, 1, to, 127, 0, 0, 1) + b"user\0",
                            struct.pack(">BBH4B", 4, 1, to, 0, 0, 0, 9)
                            + b"\0localhost\0"):
                with connect(port) as sock:
                    sock.sendall(request + b"early")
                    assert exactly(sock, 2) == b"\x00\x5a"
                    assert exactly(sock, 6 + 5)[6:] == b"early"
            sock, answer = socks5(port, b"\x01", b"\x7f\0\0\1", free_port())
            with sock:
                assert answer == 5
                assert sock.recv(1) == b""
            with connect(port) as sock:
                sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
                with contextlib.suppress(ConnectionResetError):
                    assert sock.recv(1) == b""


def test_unix_sockets(host):
    there, here = str(host.dir / "there.sock"), str(host.dir / "here.sock")
    back = str(host.dir / "back.sock")
    with service(family=socket.AF_UNIX, address=there):
        with tunnel(host, "-L", f"{here}:{there}", "-R", f"{back}:{there}",
                    listening=here):
            wait_until(lambda: listens(back))
            for path in (here, back):
                with socket.socket(socket.AF_UNIX) as sock:
                    sock.connect(path)
                    assert talk(sock, b"hello") == b"hello"
                    assert os.stat(path).st_mode & 0o777 == 0o600
    assert not os.path.exists(here)
    os.unlink(there)
    wait_until(lambda: not os.path.exists(back))


def test_from_the_configuration(host):
    port, other = free_port(), free_port()
    with service() as there:
        to = port_of(there)
        host.configure(f"LocalForward {port} 127.0.0.1:{to}\n"
                       f"RemoteForward {other} 127.0.0.1:{to}\n")
        with tunnel(host, listening=port):
            wait_until(lambda: listens(("127.0.0.1", other)))
            for here in (port, other):
                with connect(here) as sock:
                    assert talk(sock, b"hello") == b"hello"


@pytest.fixture
def display(host):
    """An X server of the client's machine that wants a cookie; the client's environment."""
    programs = ("Xvfb", "xauth", "xprop", "xdpyinfo")
    if not all(map(shutil.which, programs)):
        pytest.skip(f"without {', '.join(programs)}")
    authority, cookie = host.dir / "authority", "0123456789abcdef" * 2
    read, write = os.pipe()
    # The server reads the cookie, whatever display it is for.
    subprocess.run(["xauth", "-q", "-f", authority, "add", ":77", ".", cookie],
                   check=True, stderr=subprocess.DEVNULL)
    with subprocess.Popen(["Xvfb", "-displayfd", str(write), "-auth", authority,
                           "-noreset", "-nolisten", "tcp", "-screen", "0", "640x480x24"],
                          pass_fds=[write], stderr=subprocess.DEVNULL) as server:
        os.close(write)
        with os.fdopen(read) as pipe:
            number = pipe.readline().strip()    # whole: it writes the end by itself
        subprocess.run(["xauth", "-q", "-f", authority, "add", f":{number}", ".", cookie],
                       check=True)
        yield {"DISPLAY": f":{number}", "XAUTHORITY": str(authority)}
        server.terminate()


def test_display(host, display):
    term = host.shell("-X", env=display)
    name = host.output_of(term, "echo $DISPLAY").strip()
    assert name.startswith("localhost:")
    shown = host.output_of(term, "xdpyinfo | grep dimensions")
    assert "640x480" in shown
    # Others may see command lines: the cookie is in none, as it is or as the hello has it.
    cookie = host.output_of(term, "xauth list").split()[-1]
    seen = " ".join(arg for one in host.processes() + host.client_processes()
                    for arg in one.argv)
    assert len(cookie) == 32 and "attach" in seen
    assert cookie not in seen and cookie.encode().hex() not in seen

    def set_property(value):
        subprocess.run(["xprop", "-root", "-f", "BELAY", "8s", "-set", "BELAY", value],
                       env={**os.environ, **display}, check=True)

    set_property("begun")
    term.line("xprop -root -spy BELAY")     # a program that stays
    term.expect('"begun"')
    assert host.proxy.cut()

    def survived():     # xprop asks for changes only after what it shows first
        set_property("survived")
        return b'"survived"' in term.raw

    term.wait_until(survived)
    term.type("\x03")
    assert host.output_of(term, "xdpyinfo | grep dimensions; echo $DISPLAY") == (
        f"{shown}{name}\n")
    assert "0123456789abcdef" not in host.output_of(term, "xauth list")
    # Who does not know the session's cookie gets nowhere.
    assert "unable to open display" in host.output_of(
        term, "XAUTHORITY=/dev/null xdpyinfo 2>&1 || true")
    host.finish(term)


def test_display_of_who_comes_back(host, display):
    """Another client has another cookie; the display's number stays."""
    term = host.shell("-X", env=display)
    name = host.output_of(term, "echo $DISPLAY")
    term.signal(signal.SIGKILL)
    term.wait_exit()
    term = host.belay("-X", env=display)
    term.expect("back in the session")
    assert host.output_of(term, "echo $DISPLAY") == name
    term.wait_until(lambda: "640x480" in host.output_of(term, "xdpyinfo 2>&1; true"))
    host.finish(term)


# ---- stdin and stdout led on ----

def test_stdio(host):
    with service() as there:
        argv = belay_argv(host, "-W", f"127.0.0.1:{port_of(there)}")
        with host.popen(argv) as child:
            child.stdin.write(b"before")
            child.stdin.flush()
            assert child.stdout.read(6) == b"before"
            assert host.proxy.cut()
            out, _ = child.communicate(b"after" * 100_000, timeout=TIMEOUT)
        assert out == b"after" * 100_000
        assert child.returncode == 0


def test_stdio_to_nobody(host):
    done = host.piped(belay_argv(host, "-W", f"localhost:{free_port()}"))
    assert done.returncode == 255
    assert b"refused" in done.stderr


# ---- while it runs ----

def test_command_line(host):
    port = free_port()
    with service() as there:
        to = port_of(there)
        term = host.shell()
        term.type("\r~C")
        term.expect("belay> ")
        term.line(f"-L{port}:127.0.0.1:{to}")
        term.expect("Forwarding port.")
        with connect(port) as sock:
            assert talk(sock, b"hello") == b"hello"
            term.type("\r~#")
            term.expect(f"listening on localhost:{port} to 127.0.0.1:{to}")
        term.type("\r~C")
        term.expect("belay> ")
        term.line(f"-KL{port}")
        term.expect("Canceled forwarding.")
        assert not listens(("127.0.0.1", port))
        for line, answer in ((f"-KL{port}", "Unknown port forwarding."),
                             ("-Lx", "Bad forwarding specification."),
                             ("-Z", "Invalid command."), ("?", "Cancel dynamic forward")):
            term.type("\r~C")
            term.expect("belay> ")
            term.line(line)
            term.expect(answer)
        assert host.output_of(term, "echo typed").strip() == "typed"
        host.finish(term)


@pytest.mark.parametrize("program", ["ssh", "belay"])
@pytest.mark.parametrize("permit", [None, "no", "yes"])
def test_local_command(host, program, permit):
    """It needs PermitLocalCommand."""
    options = ["-oEnableEscapeCommandline=yes"] if program == "ssh" else []
    options += [f"-oPermitLocalCommand={permit}"] if permit else []
    term = getattr(host, program)(*options)
    term.expect(PROMPT)
    for line, allowed in (("!echo here:$((6*7)) >&2", "here:42"), ("?", "local command")):
        if program == "belay":
            allowed = allowed.replace("local command", "Run a command here")
        term.type("\r~C")
        term.expect("ssh> " if program == "ssh" else "belay> ")
        term.line(line)
        term.expect(allowed if permit == "yes" else
                    "Invalid command." if line[0] == "!" else "Cancel dynamic forward")
        assert permit == "yes" or allowed.encode() not in term.raw
        term.type("\r")
        term.expect(PROMPT)
    term.line("exit 0")
    assert term.wait_exit() == 0
    host.wait_gone()


@pytest.mark.parametrize("brackets", [("", ""), ("\033[200~", "\033[201~")])
def test_pasted_text_opens_no_command_line(host, brackets):
    """Also where it fills reads up to the escape, of which a terminal gives 4095 bytes."""
    term = host.belay("-oPermitLocalCommand=yes")
    term.expect(PROMPT)
    command = "\r~C\r!touch ran\r"
    for text in (command + "~#\r~R\r~.\rend", *(" " * n + command for n in range(4090, 4096)),
                 "\r" * 4092 + command):
        text = text.join(brackets)
        term.line(f"stty raw -echo; echo now''here; head -c {len(text)} > pasted; "
                  "stty sane; echo do''ne")
        term.expect("nowhere")
        term.type(text)
        term.expect("done")
        assert (host.home / "pasted").read_bytes() == text.encode()
    assert b"belay>" not in term.raw
    assert not any(host.dir.rglob("ran"))
    host.finish(term)


def from_outside(host, *options):
    return host.piped([belay_path(), *options])


def test_from_another_terminal(host):
    port = free_port()
    with service() as there:
        to = port_of(there)
        with tunnel(host):
            wait_until(lambda: json.loads(
                from_outside(host, "--status", "--json").stdout) != [])
            options = ("-R", f"{port}:127.0.0.1:{to}", "testhost")
            assert from_outside(host, "--forward", *options).returncode == 0
            wait_until(lambda: listens(("127.0.0.1", port)))
            with connect(port) as sock:
                assert talk(sock, b"hello") == b"hello"
                host.proxy.cut()
                assert talk(sock, b"again") == b"again"

                def status():
                    return json.loads(from_outside(host, "--status", "--json").stdout)[0]

                # Those that only looked whether somebody listens are on their way out.
                wait_until(lambda: status()["connections"] == 1)
                one = status()
                assert one["destination"] == "testhost" and one["up"]
                assert one["outages"] == 1 and one["connections"] == 1
                assert one["round_trip_ms"] is None or one["round_trip_ms"] < 1000
                assert one["forwards"] == [{
                    "side": "remote", "listen": f"localhost:{port}",
                    "connect": f"127.0.0.1:{to}", "listening": True}]
                table = from_outside(host, "--status").stdout.decode().splitlines()
                assert table[0].split()[:3] == ["PID", "DESTINATION", "STATE"]
                assert str(one["pid"]) in table[1] and "1 (1 open)" in table[1]
            assert from_outside(host, "--cancel", *options).returncode == 0
            wait_until(lambda: not listens(("127.0.0.1", port)))
            done = from_outside(host, "--cancel", *options)
            assert done.returncode == 255 and b"Unknown port forwarding" in done.stderr
            done = from_outside(host, "--forward", "-L", "1:2:3", "elsewhere")
            assert done.returncode == 255 and b"no belay of yours" in done.stderr
        assert json.loads(from_outside(host, "--status", "--json").stdout) == []


def told(sock, *wanted):
    """What the service manager has been told, once that is among it."""
    lines = []
    while not all(any(re.match(one, line) for line in lines) for one in wanted):
        lines += sock.recv(4096).decode().splitlines()
    return lines


def test_under_a_service_manager(host):
    port, path = free_port(), str(host.dir / "notify")
    with service() as there, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(TIMEOUT)
        with tunnel(host, "-L", f"{port}:127.0.0.1:{port_of(there)}",
                    env={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "400000"}):
            lines = told(manager, "READY=1", "WATCHDOG=1")
            assert listens(("127.0.0.1", port))
            assert re.match(r"STATUS=testhost: up; .*1 forwards", "\n".join(
                line for line in lines if line.startswith("STATUS")))
            host.proxy.refuse()
            host.proxy.cut()
            told(manager, "STATUS=testhost: down", "WATCHDOG=1")
            host.proxy.accept()
            lines = told(manager, "STATUS=testhost: up.*1 outage before")
            assert "READY=1" not in lines


def test_a_login_that_is_refused_under_a_service_manager(host):
    """The host is asked once, and after a while again: the service does not end, to be started anew."""
    path = str(host.dir / "notify")
    argv = belay_argv(host, "-N", "-oPubkeyAuthentication=no", "-oBatchMode=yes")
    assert host.piped(argv).returncode == 255
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(TIMEOUT)
        before = host.proxy.accepted
        with host.popen([argv[0], "--wait", *argv[1:]], env={"NOTIFY_SOCKET": path}) as child:
            told(manager, "STATUS=testhost: first login, refused")
            with pytest.raises(subprocess.TimeoutExpired):
                child.wait(2)
            child.terminate()
            output = child.communicate(timeout=TIMEOUT)[1]
    assert host.proxy.accepted == before + 1
    assert output.count(b"trying again in a minute, then less often") == 1


# ---- what cannot be ----

@pytest.mark.parametrize("form", ["-L", "-R"])
def test_a_port_that_is_taken(host, form):
    with service() as there:
        taken = port_of(there)
        spec = f"{taken}:127.0.0.1:{taken}"
        done = host.piped(belay_argv(host, form, spec) + ["sleep 1; echo went on"])
        assert done.stdout == b"went on\n" and done.returncode == 0
        assert re.search(rb"127.0.0.1:%d: Address .*in use" % taken, done.stderr)
        must = belay_argv(host, "-oExitOnForwardFailure=yes", form, spec)
        done = host.piped([*must, "-N"])
        assert done.returncode == 255
        assert b"ExitOnForwardFailure" in done.stderr
        assert host.piped([*must, "-fN"]).returncode == 255
        if form == "-L":    # this is known before there is a command
            done = host.piped([*must, "echo ran"])
            assert (done.returncode, done.stdout) == (255, b"")
        for _ in range(5):      # also where the command has ended before
            assert host.piped([*must, "true"]).returncode == 255


def test_in_the_background_once_it_listens(host):
    port = free_port()
    with service() as there:
        done = host.piped(belay_argv(host, "-f", "-N", "-L",
                                     f"{port}:127.0.0.1:{port_of(there)}"),
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        assert done.returncode == 0
        with connect(port) as sock:
            assert talk(sock, b"hello") == b"hello"
            host.proxy.cut()
            assert talk(sock, b"again") == b"again"
        for one in host.client_processes():
            if "-N" in one.argv and "ssh" not in one.argv[0]:
                kill(one.pid, signal.SIGTERM)


def test_a_command_waits_for_its_connections(host):
    """As ssh does: ssh -f -L ... host sleep 10 is a tunnel for who comes in time."""
    port = free_port()
    with service() as there:
        argv = belay_argv(host, "-L", f"{port}:127.0.0.1:{port_of(there)}")
        with host.popen([*argv, "read x; exit 3"]) as child:
            wait_until(lambda: listens(("127.0.0.1", port)))
            with connect(port) as sock:
                assert talk(sock, b"hello") == b"hello"
                child.stdin.write(b"\n")
                child.stdin.close()
                with pytest.raises(subprocess.TimeoutExpired):
                    child.wait(1)
                host.proxy.cut()
                assert talk(sock, b"again") == b"again"
            assert child.wait(TIMEOUT) == 3
            child.stdin = None


def test_ports_are_given_back(host):
    port = free_port()
    with service() as there:
        to = port_of(there)
        for _ in range(2):
            with tunnel(host, "-R", f"{port}:127.0.0.1:{to}", listening=port) as child:
                with connect(port) as sock:
                    assert talk(sock, b"hello") == b"hello"
            assert child.returncode is not None
            wait_until(lambda: not listens(("127.0.0.1", port)))
