"""Proves that there is a server for every machine, and that each serves a session.

The host is another machine as far as belay can tell: its `uname` says so, and the kernel has
qemu's user emulation run the server that it is sent (machine.py).  The client stays what it
is, so that both orders of bytes and both sizes of pointers meet.
"""

import functools
import gzip
import os
import pathlib
import platform
import random
import re
import shutil
import subprocess

import pytest

from harness import HERE, PATH, PROMPT, REPO, belay_argv

SERVERS = pathlib.Path(os.environ.get("BELAY_SERVERS") or REPO / "build/servers").absolute()
# What the host says it is: whose server it gets, whose emulator runs that, and how its ELF
# files begin: class, order of bytes, number (elf(5)).
MACHINES = {
    "i686": ("i386", "i386", 1, 1, 3), "aarch64": ("aarch64", "aarch64", 2, 1, 183),
    "armv6l": ("armv6l", "arm", 1, 1, 40), "armv7l": ("armv7l", "arm", 1, 1, 40),
    "armv8l": ("armv7l", "arm", 1, 1, 40), "ppc64le": ("ppc64le", "ppc64le", 2, 1, 21),
    "s390x": ("s390x", "s390x", 2, 2, 22), "riscv64": ("riscv64", "riscv64", 2, 1, 243)}
# What a slow link pays for is the packed one.
PACKED_MAX = 127 * 1024
SIZE_MAX = 244 * 1024
SIZE_MAX_OF = dict.fromkeys(("Linux-x86_64", "Linux-aarch64", "Linux-armv7l"), 208 * 1024)
BINARY = random.Random(1).randbytes(3_000_000)
SOON = 30       # seconds in which an emulated server must have come back


def names():
    out = subprocess.run([REPO / "tools/cross", "names"], capture_output=True, check=True,
                         text=True)
    return out.stdout.split()


def make(*words, cwd):
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    subprocess.run(["make", "-s", *words], cwd=cwd, env=env, check=True, capture_output=True)


def server(machine):
    """The packed server for Linux on this machine; skips where it was not made."""
    path = SERVERS / f"Linux-{machine}.gz"
    if not path.exists():
        pytest.skip(f"no server for {machine}: make servers")
    return path


def emulator(machine):
    """The path of what runs programs of this machine; skips where there is none."""
    name = f"qemu-{MACHINES[machine][1]}-static"
    path = shutil.which(name)
    if not path:
        pytest.skip(f"no {name}: install qemu-user-static")
    return path


@functools.cache
def why_not():
    """Why no host can be another machine here, or None."""
    tried = subprocess.run([HERE / "machine.py", "/bin/true", "2", "2", "22", "--", "/bin/true"],
                           capture_output=True, text=True)
    return tried.stderr.strip().split("\n")[-1] if tried.returncode else None


def as_machine(host, machine):
    """A uname(1) that says this is that machine."""
    path = host.dir / "bin"
    path.mkdir()
    (path / "uname").write_text(f"#!/bin/sh\necho Linux {machine}\n")
    (path / "uname").chmod(0o755)
    host.sshd.setenv["PATH"] = f"{path}:{PATH}"


@pytest.fixture
def on_machine(make_host):
    """Makes a host that is such a machine."""
    def make(machine):
        argv = [HERE / "machine.py", emulator(machine), *map(str, MACHINES[machine][2:]), "--"]
        if why_not():
            pytest.skip(f"no other machines here: {why_not()}")
        host = make_host()
        host.sshd.stop()
        host.sshd.within = argv
        as_machine(host, machine)
        host.sshd.start()
        return host
    return make


@pytest.mark.parametrize("machine", MACHINES)
def test_session(on_machine, machine):
    packed = server(MACHINES[machine][0])
    host = on_machine(machine)
    term = host.shell()
    deployed = host.candidates()[0]
    assert [path.name for path in host.server_files()
            if path.name.endswith(f"-Linux-{machine}")], list(deployed.iterdir())
    assert host.server_files()[0].read_bytes() == gzip.decompress(packed.read_bytes())
    assert host.holder(term).exe == emulator(machine)
    for way in (host.proxy.cut, lambda: host.proxy.drop(up=True, down=True)):
        way()
        term.say("after", SOON)
        term.expect(PROMPT)
    term.resize(21, 91)
    term.line('until [ "$(stty size)" = "21 91" ]; do sleep 0.1; done; echo ch""anged')
    term.expect("changed", SOON)
    term.expect(PROMPT)
    host.finish(term)
    warm = host.shell()
    warm.say("warm")
    host.finish(warm)


@pytest.mark.parametrize("machine", [one for one in MACHINES if one != "armv8l"])
def test_command(on_machine, machine):
    """Some MB both ways, with cuts in the middle of them."""
    server(MACHINES[machine][0])
    host = on_machine(machine)
    host.piped(belay_argv(host, to="testhost") + ["true"], timeout=SOON)
    host.proxy.cut_after(1_000_000, "up", [1_500_000])
    done = host.piped(belay_argv(host) + ["cat; echo the end >&2; exit 5"], BINARY, timeout=90)
    assert host.proxy.cuts >= 2
    assert done.returncode == 5 and done.stderr.endswith(b"the end\n")
    assert done.stdout == BINARY


def test_come_back_with_a_fresh_terminal(on_machine):
    """A snapshot made by a big-endian server, for a client of the other order."""
    server("s390x")
    host = on_machine("s390x")
    term = host.shell()
    term.line("printf '\\033[1;31mr\\303\\251d\\033[0m \\346\\274\\242 en''d\\n'")
    term.expect("end\r\n")
    term.expect(PROMPT)
    term.hang_up()
    back = host.belay()
    back.expect("\x1b[", SOON)
    back.wait_until(lambda: any("réd 漢" in line for line in back.text_lines()))
    host.finish(back)


def test_host_that_cannot_unpack(on_machine, tmp_path):
    """Then the program goes as it is; where only the packed one is, belay unpacks it."""
    packed = server("s390x")
    shutil.copy(packed, tmp_path)
    host = on_machine("s390x")
    bin_ = host.dir / "tools"
    bin_.mkdir()
    (bin_ / "uname").symlink_to(host.dir / "bin/uname")
    for tool in "sh id dd ls mkdir chmod cat wc rm mv umask env bash stty sleep tty".split():
        if shutil.which(tool):
            (bin_ / tool).symlink_to(shutil.which(tool))
    host.home_file(".bashrc", f"PATH={bin_}\n")
    term = host.shell(env={"BELAY_SERVERS": tmp_path})
    program = gzip.decompress(packed.read_bytes())
    assert host.server_files()[0].read_bytes() == program
    assert host.proxy.bytes["up"] > len(program)
    host.finish(term)


# The units, where bytes stand in the other order, and where pointers have 32 bits.

STREAM = ["stream/*", "wire/*", "base/*"]
UNITS = {"wire/msg": ["wire/*", "base/*"], "stream/stream": STREAM, "stream/engine": STREAM,
         "stream/congestion": STREAM, "reconnect/reconnect_policy": ["reconnect/reconnect_policy"],
         "term/script": ["term/*", "base/*"],
         "libc/printf": [], "libc/malloc": [], "libc/environ": [],
         "link/seal": ["link/seal", "sys/sys", "libc/fortify"]}
# As the Makefile has it, but that musl's calloc calls malloc itself.
WRAP_MALLOC = "-Wl,--wrap=malloc,--wrap=free,--wrap=mmap,--wrap=munmap,--defsym=__real_calloc=calloc"
# What tools/cross puts that of the machine in the place of.
BEARSSL = ["-DBELAY_BEARSSL", "/libbearssl.a"]


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("machine", ["s390x", "i686"])
def test_unit(machine, unit, tmp_path):
    server(MACHINES[machine][0])
    program = tmp_path / "unit"
    sources = [path for what in UNITS[unit] for path in (REPO / "src").glob(f"{what}.c")]
    subprocess.run(["tools/cross", f"Linux-{MACHINES[machine][0]}", "-std=c17", "-O1",
                    "-fno-pie", "-static", "-Isrc", "-Itests/unit", "-D_DEFAULT_SOURCE",
                    "-D_XOPEN_SOURCE=700", "-ffunction-sections", "-Wl,--gc-sections",
                    WRAP_MALLOC, "-o", program, f"tests/unit/{unit}_test.c", *sources, *BEARSSL],
                   cwd=REPO, check=True)
    done = subprocess.run([emulator(machine), program], cwd=REPO, capture_output=True,
                          text=True, check=True)
    assert " 0 failed" in done.stdout.splitlines()[-1]


def test_unknown_machine(host):
    host.sshd.stop()
    as_machine(host, "pdp11")
    host.sshd.start()
    done = host.piped(belay_argv(host) + ["echo it is plain"], timeout=SOON)
    assert done.stdout == b"it is plain\n" and done.returncode == 0


# The files themselves.

@pytest.mark.parametrize("name", names())
def test_size(name):
    packed = SERVERS / f"{name}.gz"
    if not packed.exists():
        pytest.skip(f"no server {name}: make servers")
    assert packed.stat().st_size <= PACKED_MAX
    assert packed.with_suffix("").stat().st_size <= SIZE_MAX_OF.get(name, SIZE_MAX)


def test_the_client_is_hardened():
    """Position-independent, its tables read-only once it runs, with checks of the stack and of
    the C library."""
    program = pathlib.Path(os.environ.get("BELAY") or REPO / "build/belay")
    told = subprocess.run(["readelf", "-Whlds", program], capture_output=True, check=True,
                          text=True).stdout
    if "__asan_init" in told:
        pytest.skip("a sanitized one has its own ways")
    assert "Type:                              DYN" in told
    assert "GNU_RELRO" in told and "NOW" in told
    assert "__stack_chk_fail" in told
    assert "__snprintf_chk" in told or "musl" in told     # which has no such thing


def test_the_server_checks_its_stack_where_that_fits():
    """A wrong canary is looked for where x86_64 keeps it."""
    name = "Linux-x86_64"
    if not (SERVERS / name).exists():
        pytest.skip(f"no server for {name}")
    if b"__asan_init" in (SERVERS / name).read_bytes():
        pytest.skip("a sanitized one has its own ways")
    code = subprocess.run(["objdump", "-d", SERVERS / name], capture_output=True, check=True,
                          text=True).stdout
    assert code.count("%fs:0x28") > 20


@pytest.mark.parametrize("name", names())
def test_same_bits_wherever_it_is_made(name, tmp_path):
    if not (SERVERS / f"{name}.gz").exists():
        pytest.skip(f"no server for {name}: make servers")
    copy = tmp_path / "elsewhere"
    shutil.copytree(REPO, copy, ignore=shutil.ignore_patterns("build*", ".git", "e2e", "unit"))
    (copy / "build").mkdir()
    (copy / "build/deps").symlink_to(REPO / "build/deps")
    make("BUILD=made", f"made/servers/{name}.gz", cwd=copy)
    assert (copy / f"made/servers/{name}.gz").read_bytes() == (
        SERVERS / f"{name}.gz").read_bytes()


def test_macos_programs_link():
    """They are not run; but the server is of the same build as all others."""
    if not (REPO / "build/deps/zig/zig").exists():
        pytest.skip("no zig: tools/deps darwin")
    make("darwin", cwd=REPO)
    build = build_of(SERVERS / f"Linux-{platform.machine()}").strip().encode()
    for machine, kind in (("arm64", "0c000001"), ("x86_64", "07000001")):
        for path in (f"{machine}/belay", f"{machine}/servers/Darwin-{machine}"):
            program = (REPO / "build-darwin" / path).read_bytes()
            assert program[:8].hex() == "cffaedfe" + kind
            assert build in program


@functools.cache
def build_of(path, *emulator):
    return subprocess.run([*emulator, path, "--build"], capture_output=True, check=True,
                          text=True).stdout


@pytest.mark.parametrize("machine", MACHINES)
def test_the_page_says_which_have_no_datagrams(machine):
    path = server(MACHINES[machine][0]).with_suffix("")
    said = subprocess.run([emulator(machine), path, "--version"], capture_output=True, check=True,
                          text=True).stdout
    own = subprocess.run([SERVERS / f"Linux-{platform.machine()}", "--version"],
                         capture_output=True, check=True, text=True).stdout
    if "no datagrams" in own:
        pytest.skip("built without BearSSL")
    row = re.search(rf"^.*`{path.name}`.*$", (REPO / "doc/MACHINES.md").read_text(), re.M)[0]
    assert ("no datagrams" in said) == ("no datagrams" in row)


@pytest.mark.parametrize("machine", MACHINES)
def test_all_are_of_one_build(machine):
    path = server(MACHINES[machine][0]).with_suffix("")
    assert (build_of(path, emulator(machine))
            == build_of(SERVERS / f"Linux-{platform.machine()}"))
