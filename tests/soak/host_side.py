"""Runs on the host, for the soak (trouble.py).

    host_side.py ticks RATE            numbered lines with their time, so many a second
    host_side.py send SEED SIZE RATE   `ready`, then so many random bytes, so many a second
    host_side.py sum                   `ready`, reads to the end, then the checksum and size
"""

import hashlib
import random
import sys
import time

CHUNK = 32768


def randoms(seed, size):
    """The same bytes on both ends, in pieces."""
    rng = random.Random(int(seed))
    for at in range(0, size, CHUNK):
        yield rng.randbytes(min(CHUNK, size - at))


def paced(pieces, rate):
    """The pieces, not faster than so many bytes a second."""
    due = time.monotonic()
    for piece in pieces:
        time.sleep(max(due - time.monotonic(), 0))
        due = max(due, time.monotonic() - 1) + len(piece) / rate
        yield piece


def ticks(rate):
    number, together = 0, 10
    while True:
        for _ in range(together):
            number += 1
            sys.stdout.write(f"t{number:08d} {time.monotonic():.6f}\n")
        sys.stdout.flush()
        time.sleep(together / int(rate))


def send(seed, size, rate):
    out = sys.stdout.buffer
    out.write(b"ready\n")
    out.flush()
    for piece in paced(randoms(seed, int(size)), int(rate)):
        out.write(piece)
        out.flush()


def sum_up():
    print("ready", flush=True)
    sha, size = hashlib.sha256(), 0
    while piece := sys.stdin.buffer.read1(CHUNK):
        sha.update(piece)
        size += len(piece)
    print(sha.hexdigest(), size, flush=True)


if __name__ == "__main__":
    {"ticks": ticks, "send": send, "sum": sum_up}[sys.argv[1]](*sys.argv[2:])
