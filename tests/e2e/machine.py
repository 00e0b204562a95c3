#!/usr/bin/python3
"""Runs a program where the kernel has an emulator run programs of another machine.

    machine.py EMULATOR CLASS ORDER NUMBER -- PROGRAM ARG...

CLASS, ORDER and NUMBER are those in the heads of that machine's ELF files (elf(5)).  A user
namespace of its own has a binfmt_misc of its own (Linux 6.7 and later), so nobody else sees
anything of it; all users are in it as they are, but that needs root to say.
"""

import ctypes
import os
import struct
import sys

CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000
MS_PRIVATE, MS_REC = 1 << 18, 1 << 14
BINFMT = "/proc/sys/fs/binfmt_misc"
USERS = 65536
libc = ctypes.CDLL(None, use_errno=True)


def call(function, *args):
    if function(*args) < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{function.__name__}: {os.strerror(number)}")


def own_namespace():
    """Enters it; a child that stays outside says who is who in it."""
    pid, (ready, go) = os.getpid(), os.pipe()
    child = os.fork()
    if child == 0:
        os.close(go)
        os.read(ready, 1)
        for name in ("uid_map", "gid_map"):
            with open(f"/proc/{pid}/{name}", "w") as file:
                file.write(f"0 0 {USERS}\n")
        os._exit(0)
    os.close(ready)
    call(libc.unshare, CLONE_NEWUSER | CLONE_NEWNS)
    os.close(go)
    if os.waitpid(child, 0)[1]:
        raise OSError("the users cannot be mapped")
    call(libc.mount, b"none", b"/", None, MS_REC | MS_PRIVATE, None)


def register(emulator, bits, order, number):
    """An ELF program or library of that machine goes to the emulator."""
    head = b"\x7fELF" + bytes([bits, order, 1])
    kind = struct.pack(">HH" if order == 2 else "<HH", 2, number)
    magic = head + bytes(9) + kind
    mask = b"\xff" * 7 + bytes(9) + (b"\xff\xfe" if order == 2 else b"\xfe\xff") + b"\xff\xff"
    call(libc.mount, b"none", BINFMT.encode(), b"binfmt_misc", 0, None)

    def escaped(data):
        return "".join(f"\\x{byte:02x}" for byte in data)

    with open(f"{BINFMT}/register", "w") as file:
        file.write(f":other:M::{escaped(magic)}:{escaped(mask)}:{emulator}:FP")


def main():
    split = sys.argv.index("--")
    emulator, *numbers = sys.argv[1:split]
    own_namespace()
    register(emulator, *map(int, numbers))
    os.execv(sys.argv[split + 1], sys.argv[split + 1:])


if __name__ == "__main__":
    main()
