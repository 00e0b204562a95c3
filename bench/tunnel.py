#!/usr/bin/python3
"""Connections through a forward of belay, beside ssh's, in one run.

    bench/tunnel.py [--quick] [--json FILE]

Bulk both ways, on loopback and in the laboratory (bench/lab); on loopback two hundred
connections at once, bulk beside four hundred idle ones, many short ones one after the other (and
what they leave behind in the two programs), and bulk through cuts, whose checksum must be equal;
in the laboratory how soon a tunnel carries again after a change of address, beside autossh's.
Medians; a budget that is not kept makes the exit status 1.
"""

import argparse
import contextlib
import hashlib
import os
import pathlib
import random
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
REPO = HERE.parent
sys.path[:0] = [str(HERE / "lab"), str(REPO / "tests/e2e")]

import budget  # noqa: E402
import harness  # noqa: E402
import lab as laboratory  # noqa: E402
from budget import at_least, at_most  # noqa: E402
from test_forwards import connect, digest, echo, exactly, free_port  # noqa: E402
from test_forwards import listens, port_of, service  # noqa: E402

MB = 1 << 20
CHUNK = os.urandom(MB)


def source(size):
    def serve(sock):
        sock.recv(1)
        for _ in range(size // MB):
            sock.sendall(CHUNK)
        sock.shutdown(socket.SHUT_WR)
        sock.recv(1)
    return serve


def sink(sock):
    room = bytearray(MB)
    while sock.recv_into(room):
        pass
    sock.sendall(b"!")


SERVICES = {"source": source, "sink": lambda size: sink}


@contextlib.contextmanager
def apart(name, size, address=("127.0.0.1", 0)):
    """One of them in a process of its own; gives its listener."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(16)
        process = subprocess.Popen([sys.executable, __file__, "serve", name, str(size)],
                                   stdin=listener)
        try:
            yield listener
        finally:
            process.kill()
            process.wait()


def serve(name, size):
    """What runs there: stdin is what the connections come to."""
    listener, carry = socket.socket(fileno=0), SERVICES[name](size)

    def run(sock):
        with sock, contextlib.suppress(OSError):
            carry(sock)

    while True:
        sock, _ = listener.accept()
        threading.Thread(target=run, args=(sock,), daemon=True).start()


@contextlib.contextmanager
def forward(host, name, *listeners):
    """A program that only forwards; gives a port for each listener, and its process."""
    ports = [free_port() for _ in listeners]
    argv = {"ssh": ["ssh", "-F", host.cfg], "belay": harness.belay_argv(host)[:-1]}[name]
    for port, listener in zip(ports, listeners):
        argv = [*argv, "-L", f"{port}:127.0.0.1:{port_of(listener)}"]
    with host.popen([*argv, "-N", "testhost"]) as child:
        try:
            harness.wait_until(lambda: listens(("127.0.0.1", ports[-1])))
            yield ports, child
        finally:
            child.terminate()
            child.communicate()


def down(port, size):
    with connect(port) as sock:
        began = time.perf_counter()
        sock.sendall(b"x")
        room = bytearray(MB)
        while sock.recv_into(room):
            pass
        return size / 1e6 / (time.perf_counter() - began)


def up(port, size):
    with connect(port) as sock:
        began = time.perf_counter()
        for _ in range(size // MB):
            sock.sendall(CHUNK)
        sock.shutdown(socket.SHUT_WR)
        exactly(sock, 1)
        return size / 1e6 / (time.perf_counter() - began)


def short_ones(port, number):
    began = time.perf_counter()
    for _ in range(number):
        with connect(port) as sock:
            sock.sendall(b"a")
            exactly(sock, 1)
    return number / (time.perf_counter() - began)


@contextlib.contextmanager
def answered(port, number):
    """So many connections, opened together; each has had an answer."""
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(connect(port)) for _ in range(number)]
        for sock in socks:
            sock.sendall(b"a")
        for sock in socks:
            exactly(sock, 1)
        yield


def at_once(port, number):
    """Milliseconds from the first connection to the last answer."""
    began = time.perf_counter()
    with answered(port, number):
        return (time.perf_counter() - began) * 1000


IDLE = 400


def beside_ssh(host, rounds, size, number):
    found = {what: {"ssh": [], "belay": []}
             for what in ("down_mb_per_s", "up_mb_per_s", "short_per_s", "200_at_once_ms",
                          "down_beside_idle_mb_per_s", "up_beside_idle_mb_per_s")}
    with apart("source", size) as one, apart("sink", size) as two, service(echo) as three:
        for _ in range(rounds):
            for name in ("ssh", "belay"):
                with forward(host, name, one, two, three) as (ports, _):
                    found["down_mb_per_s"][name].append(down(ports[0], size))
                    found["up_mb_per_s"][name].append(up(ports[1], size))
                    found["short_per_s"][name].append(short_ones(ports[2], number))
                    found["200_at_once_ms"][name].append(at_once(ports[2], 200))
                    with answered(ports[2], IDLE):
                        found["down_beside_idle_mb_per_s"][name].append(down(ports[0], size))
                        found["up_beside_idle_mb_per_s"][name].append(up(ports[1], size))
    return {what: {name: statistics.median(values) for name, values in by.items()}
            for what, by in found.items()}


# Bit/s (0: as fast as it goes), round trip in s, bytes.
LINKS = {"100 Mbit/s, 20 ms": (100e6, 0.02, 48 * MB), "unlimited, 20 ms": (0, 0.02, 192 * MB)}


def in_laboratory(rate, rtt, size, rounds):
    """Bulk through a forward, each time one that has carried nothing else: MB/s."""
    found = {"down_mb_per_s": {"ssh": [], "belay": []}, "up_mb_per_s": {"ssh": [], "belay": []}}
    ways = {"down_mb_per_s": (7100, down), "up_mb_per_s": (7101, up)}
    with laboratory.Lab(rtt, rate) as lab, contextlib.ExitStack() as stack:
        with lab.on_host():
            stack.enter_context(apart("source", size, ("127.0.0.1", 7100)))
            stack.enter_context(apart("sink", size, ("127.0.0.1", 7101)))
            stack.enter_context(service(echo, address=("127.0.0.1", 7102)))
        programs = {"ssh": ["ssh", "-F", lab.cfg], "belay": harness.belay_argv(lab.host)[:-1]}
        for _ in range(rounds):
            for what, (there, carry) in ways.items():
                for name, argv in programs.items():
                    term = lab.start([*argv, "-L7200:127.0.0.1:7102",
                                      f"-L7201:127.0.0.1:{there}", "-N", "testhost"])
                    with lab.on_laptop():
                        harness.wait_until(lambda: carries(7200))
                        found[what][name].append(carry(7201, size))
                    term.close()
    return {what: {name: statistics.median(values) for name, values in by.items()}
            for what, by in found.items()}


def holds(pid):
    """Resident KiB and open descriptors of a process."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    rss = int(next(line for line in status.splitlines() if "VmRSS" in line).split()[1])
    return rss, len(os.listdir(f"/proc/{pid}/fd"))


def left_behind(host, number):
    """What `number` short connections leave, after some to warm up: KiB, descriptors."""
    with service(echo) as there, forward(host, "belay", there) as ((port,), child):
        server = next(one.pid for one in host.processes() if "hold" in one.argv)
        short_ones(port, 1000)
        time.sleep(2)
        before = [holds(pid) for pid in (child.pid, server)]
        short_ones(port, number)
        time.sleep(2)
        after = [holds(pid) for pid in (child.pid, server)]
    return {"connections": number,
            "kib": sum(b[0] - a[0] for a, b in zip(before, after)),
            "descriptors": sum(b[1] - a[1] for a, b in zip(before, after))}


def through_cuts(host, cuts):
    """Whether everything is there, in order, behind so many cuts."""
    rng = random.Random(1)
    data = rng.randbytes(cuts * 150_000)
    with service(digest) as there, forward(host, "belay", there) as ((port,), _):
        before = host.proxy.cuts
        host.proxy.cut_after(50_000, "up", [rng.randrange(1000, 100_000)
                                            for _ in range(cuts - 1)])
        with connect(port) as sock:
            sock.settimeout(600)
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            same = exactly(sock, 64).decode() == hashlib.sha256(data).hexdigest()
        return {"cuts": host.proxy.cuts - before, "equal": same}


RTT, PATIENCE = 0.05, 60


def tunnels(lab, ports):
    """The programs that keep a tunnel up, and their command lines."""
    ways = [f"-L{ports[name]}:127.0.0.1:7100" for name in ("belay", "autossh")]
    found = {"belay": [*harness.belay_argv(lab.host)[:-1], "-N", ways[0], "testhost"]}
    if shutil.which("autossh"):
        found["autossh"] = [
            "autossh", "-M", "0", "-F", lab.cfg, "-N", "-o", "ServerAliveInterval=5", "-o",
            "ServerAliveCountMax=2", "-o", "ExitOnForwardFailure=yes", ways[1], "testhost"]
    return found


def answers(sock):
    with contextlib.suppress(OSError):
        sock.sendall(b"a")
        return sock.recv(1) == b"a"
    return False


def carries(port):
    with contextlib.suppress(OSError):
        with socket.create_connection(("127.0.0.1", port), 1) as sock:
            sock.settimeout(1)
            return answers(sock)
    return False


def await_tunnel(lab, port, old):
    """Seconds to an answer from now on: on the connection that there was, or, when that has
    ended, on a new one; and whether it was the old one."""
    began = time.monotonic()
    old.settimeout(PATIENCE)
    if answers(old):
        return time.monotonic() - began, True
    while time.monotonic() < began + PATIENCE:
        with lab.on_laptop():
            if carries(port):
                return time.monotonic() - began, False
        time.sleep(0.05)
    return float(PATIENCE), False


def recoveries(rounds):
    """After a change of address: seconds, and how often the connection survived; and what
    `ssh host true` takes there."""
    found = {"login": [], "survived": {}}
    ports = {"belay": 7101, "autossh": 7102}
    with laboratory.Lab(RTT) as lab, contextlib.ExitStack() as stack:
        with lab.on_host():
            stack.enter_context(service(echo, address=("127.0.0.1", 7100)))
        for name, argv in tunnels(lab, ports).items():
            found[name] = []
            found["survived"][name] = 0
            lab.start(argv, env={"AUTOSSH_GATETIME": "0"})
        for _ in range(rounds):
            found["login"].append(lab.run(["ssh", "-F", lab.cfg, "testhost", "true"]))
            for name in found["survived"]:
                with lab.on_laptop():
                    # The other one's turn was a change for this one, too.
                    harness.wait_until(lambda n=name: carries(ports[n]), 2 * PATIENCE)
                    sock = connect(ports[name])
                with sock:
                    answers(sock)
                    lab.roam()
                    seconds, same = await_tunnel(lab, ports[name], sock)
                found[name].append(seconds)
                found["survived"][name] += same
                time.sleep(3)
    return {name: statistics.median(value) if isinstance(value, list) else value
            for name, value in found.items()}


def judge(found):
    def bulk(where, by, beside=""):
        return [at_least(f"{where}: forwarded bulk {what}, belay / ssh",
                         by[key]["belay"] / by[key]["ssh"], 0.9)
                for key, what in ((f"down{beside}_mb_per_s", "to the client"),
                                  (f"up{beside}_mb_per_s", "to the host"))]

    rows = [row for link, by in found["links"].items() for row in bulk(link, by)]
    rows += [*bulk("loopback", found),
            *bulk(f"loopback, beside {IDLE} idle connections", found, "_beside_idle"),
            at_most("left behind by short connections, KiB", found["left"]["kib"], 512),
            at_most("and descriptors", found["left"]["descriptors"], 0),
            at_least("through cuts, equal", int(found["cuts"]["equal"]), 1)]
    if "recovery" in found:
        rows.append(at_most("a tunnel after a change of address, of `ssh host true`",
                            found["recovery"]["belay"] / found["recovery"]["login"], 1))
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few rounds, to see it work")
    parser.add_argument("--json", type=pathlib.Path, default=REPO / "build/tunnel.json")
    args = parser.parse_args()
    why = harness.missing()
    if why:
        sys.exit(f"tunnel: {why}")
    quick = args.quick
    host = harness.Host()
    try:
        host.configure(port=host.sshd.port)  # not by way of the proxy that makes the cuts
        found = beside_ssh(host, *((3, 64 * MB, 100) if quick else (9, 256 * MB, 500)))
        found["left"] = left_behind(host, 5000 if quick else 50_000)
        host.configure()
        found["cuts"] = through_cuts(host, 10 if quick else 100)
    finally:
        host.close(2)
    found["links"] = {}
    why = laboratory.missing()
    if why:
        print(f"no laboratory: {why}")
    else:
        for link, (rate, rtt, size) in LINKS.items():
            found["links"][link] = in_laboratory(rate, rtt, size, 1 if quick else 5)
        found["recovery"] = recoveries(2 if quick else 7)
    shown = {**{f"{link}, {what}": by[what] for link, by in found["links"].items()
                for what in by},
             **{what: values for what, values in found.items() if what != "links"}}
    for what, values in shown.items():
        print(f"{what}: " + ", ".join(
            f"{name} {value:.2f}" if isinstance(value, float) else f"{name} {value}"
            for name, value in values.items()))
    budget.finish(found, judge(found), args.json)


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(sys.argv[2], int(sys.argv[3]))
    else:
        main()
