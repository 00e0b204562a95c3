"""What is written about the code is so: the protocol's page, the map of the code, the
order of the layers, and the rules of the style that a program can check."""

import fnmatch
import os
import pathlib
import re
import shutil
import subprocess

import pytest

REPO = pathlib.Path(__file__).resolve().parents[2]
SRC = REPO / "src"
# The rooms, and which others each may use: the Makefile's table.
ROOMS = {room: uses.split() for room, uses in
         re.findall(r"^uses_(\w+) :=(.*)$", (REPO / "Makefile").read_text(), re.M)}
LARGEST = {"term": 4, **dict.fromkeys(set(ROOMS) - {"term"}, 5)}  # one part in so many
# A header of another room that is no more than a few inline functions.
INLINE = {"sys": {"wire/bytes.h"}}
PURE = [path for room in ("base", "wire", "stream", "term", "predict")
        for path in sorted((SRC / room).glob("*.[ch]")) if path.stem not in ("log", "trace")]
# What the pure layers may use of the system: none of it does I/O or asks the time.
HARMLESS = {"assert.h", "errno.h", "inttypes.h", "limits.h", "stdalign.h", "stdarg.h",
            "stdbool.h", "stddef.h", "stdint.h", "stdio.h", "stdlib.h", "string.h"}
# mmap(2) of memory, and of no file.
HARMLESS_IN = {"base/ring.c": {"sys/mman.h"}}
HARMLESS_STDIO = {"snprintf", "vsnprintf", "sscanf"}


def short(path):
    return f"{path.parent.name}/{path.name}"


def read(name):
    return (REPO / name).read_text()


def includes(path):
    """The headers that a file includes: ours, and the system's."""
    text = path.read_text()
    return (re.findall(r'^#\s*include "([^"]+)"', text, re.M),
            re.findall(r"^#\s*include <([^>]+)>", text, re.M))


def without_comments(path):
    return re.sub(r"/\*.*?\*/|//[^\n]*", " ", path.read_text(), flags=re.S)


# ---- the protocol ----

def test_protocol_shows_the_table_of_messages(tmp_path):
    program = tmp_path / "describe"
    subprocess.run(["gcc", "-std=c17", "-Isrc", "-o", program, "tests/doc/describe.c",
                    "src/wire/msg.c", "src/base/buf.c", "src/base/err.c"],
                   cwd=REPO, check=True)
    table = subprocess.run([program], capture_output=True, check=True, text=True).stdout
    block = re.search(r"^```messages\n(.*?)^```", read("doc/PROTOCOL.md"), re.M | re.S)
    assert block, "doc/PROTOCOL.md has no block ```messages"
    assert block.group(1).splitlines() == table.splitlines()


def test_protocol_tells_the_sizes_of_the_code():
    text = read("doc/PROTOCOL.md").replace(",", "")
    for header, name in (("wire/msg.h", "FRAME_MAX"), ("ssh/bootstrap.h", "BOOTSTRAP_MARK_LEN")):
        value = re.search(rf"\b{name} = ([\d *]+)", (SRC / header).read_text()).group(1)
        assert re.search(rf"\b{eval(value)}\b", text), f"{name} is not in PROTOCOL.md"


def test_protocol_has_the_names_of_the_code():
    """Every number of an enumeration that is on the wire stands in a table with its name."""
    code, page = (SRC / "wire/msg.h").read_text(), read("doc/PROTOCOL.md")
    enums = re.findall(r"^enum \w+ \{\n(.*?)^\};", code[code.index("/* hello."):], re.M | re.S)
    found = [pair for one in enums for pair in re.findall(r"^\t([A-Z]+_[A-Z_]+) = (\d+)[,;]", one, re.M)]
    assert len(found) > 30
    # What a byte cannot hold, and nothing at all, is never sent.
    assert not [name for name, number in found if 0 < int(number) < 256
                and f"| {number} | `{name}` |" not in page]


def test_protocol_shows_a_recorded_exchange():
    """Each frame, as far as it is shown; and what it is called is its type."""
    numbers = {int(number): name for name, number in
               re.findall(r"^([A-Z]+) (\d+) link ", read("doc/PROTOCOL.md"), re.M)}
    rows = re.findall(r"^\| `([<>] [0-9a-f]+)(?:\.\.\.)?` \| (\w+)", read("doc/PROTOCOL.md"), re.M)
    recorded = read("tests/golden/v1/terminal.txt").splitlines()
    assert len(rows) == len(recorded) > 20
    for (shown, name), line in zip(rows, recorded):
        assert line.startswith(shown) and numbers[int(line[10:12], 16)] == name, shown


def test_conformance_page_names_every_case():
    code = (REPO / "tests/conformance/cases.py").read_text()
    cases = re.findall(r'"([a-z O-]+)": [a-z_]+', code[code.index("CASES = {"):])
    page = read("doc/CONFORMANCE.md")
    assert len(cases) > 10
    assert not [case for case in cases if case not in page]


# ---- how soon it is back ----

def test_reaction_page_has_the_constants_of_the_code():
    code = "".join(" ".join((SRC / path).read_text().split()) for path in (
        "reconnect/reconnect_policy.c", "stream/link.c", "reconnect/reconnect.c", "ssh/address_race.h"))
    rows = re.findall(r"^\| `(\w+)` \| ([\d., ]+) s \|", read("doc/REACTION.md"), re.M)
    policy = set(re.findall(r"^static const uint64_t (\w+)(?:\[\])? =",
                            (SRC / "reconnect/reconnect_policy.c").read_text(), re.M))
    assert len(policy) == 10 and policy <= {name for name, _ in rows}
    for name, values in rows:
        said = [float(value) * 1e6 for value in values.split(",")]
        value = re.search(rf"\b{name}(?:\[\])? = (\{{[^}}]*\}}|[\d *]+)", code).group(1)
        assert [eval(one) for one in value.strip("{} ").split(",")] == said, name


def test_reaction_page_has_what_the_simulator_prints(tmp_path):
    program = tmp_path / "policy_sim"
    subprocess.run(["gcc", "-O1", "-std=c17", "-D_DEFAULT_SOURCE", "-Isrc", "-o", program,
                    "tests/sim/policy_sim.c", "src/reconnect/reconnect_policy.c",
                    "src/ssh/login_board.c"], cwd=REPO, check=True)
    output = subprocess.run([program], capture_output=True, check=True, text=True).stdout
    tables = [line for line in output.splitlines() if line.startswith("|")]
    page = read("doc/REACTION.md").splitlines()
    assert len(tables) > 12 and not [line for line in tables if line not in page]


def test_design_has_what_the_replay_of_keys_prints(tmp_path):
    program = tmp_path / "replay_test"
    wraps = ",".join(f"--wrap={name}" for name in ("malloc", "calloc", "free", "mmap", "munmap"))
    subprocess.run(["gcc", "-O1", "-std=c17", "-D_DEFAULT_SOURCE", "-Isrc", "-Itests/unit",
                    f"-Wl,{wraps}", "-o", program, "tests/unit/predict/replay_test.c",
                    *sorted(SRC.glob("predict/*.c")), *sorted(SRC.glob("term/*.c")),
                    *(SRC / f"base/{name}.c" for name in ("buf", "err", "keys", "hex"))],
                   cwd=REPO, check=True)
    output = subprocess.run([program], cwd=REPO, capture_output=True, check=True, text=True).stdout
    rows = [line for line in output.splitlines() if line.startswith("|")]
    page = read("doc/DESIGN.md").splitlines()
    assert len(rows) == 3
    assert not [row for row in rows if not any(line.startswith(row) for line in page)]


# ---- belay's page ----

def own_options():
    """belay's own, out of its table: what the value is, and its name in the usage."""
    code = (SRC / "ssh/own_options.c").read_text()
    table = code[code.index("table[] = {"):code.index("\n};")]
    found = re.findall(r'(?:FLAG\(|TEXT\(|SETTING\(|\{ )"([a-z-]+)"(?:, (OWN_\w+))?'
                       r'(?:(?:, \w+)?, "([A-Z:]+|own)")?', table)
    assert len(found) > 15
    return {name: (kind or "OWN_FLAG", value) for name, kind, value in found}


def test_belay_page_has_its_options():
    shown = dict(re.findall(r"^\.It Fl -([a-z-]+)(?: Ar (.*))?$", read("doc/belay.1"), re.M))
    own = own_options()
    assert set(shown) == set(own)
    for name, (_, value) in own.items():
        assert shown[name].replace(" : Ns Ar ", ":") == value.lower(), name


def test_belay_page_has_the_columns():
    """Of --list, which the host prints, and of --status."""
    listed = re.search(r'%s\\n", ("ID"[^;]*)\);', (SRC / "server/session_ctl.c").read_text())[1]
    told = re.search(r"report_heads\[\w+\] = \{(.*?)\};", (SRC / "client/report.c").read_text(), re.S)[1]
    page = read("doc/belay.1")
    for section, heads in (("list", listed), ("status", told)):
        text = re.search(rf"^\.Ss The columns of --{section}$(.*?)^\.S[sh]", page, re.M | re.S)[1]
        shown = [one for line in re.findall(r"^\.It Cm (.*)$", text, re.M) for one in line.split(" , ")]
        assert shown == re.findall(r'"([A-Z ]+)"', heads)


def test_belay_page_has_the_escapes():
    code = (SRC / "screen/escape.c").read_text()
    keys = dict(re.findall(r"\{ (?:'(.)'|CONTROL\w*_Z), (ESCAPE_\w+) \}", code))
    page = "\n".join(re.findall(r"^\.It Cm (~.*)$", read("doc/belay.1"), re.M))
    assert len(keys) > 5
    assert not [key for key in keys if f"~{key or '^Z'}" not in page]
    done = re.findall(r"\{ (ESCAPE_\w+), \w+, \"", (SRC / "client/escapes.c").read_text())
    assert sorted(done) == sorted(keys.values())


def fake_belay(tmp_path):
    """One with two sessions, and the table of options that is in the code."""
    kinds = {"OWN_SESSION": "session", "OWN_SESSIONS": "session",
             "OWN_RENAME": "session", "OWN_COUNT": "value", "OWN_ROWS": "value",
             "OWN_TIME": "value", "OWN_WORD": "value", "OWN_CHOICE": "value"}
    table = "".join(f"{name}\\t{kinds.get(kind, '')}\\twhat it does\\n"
                    for name, (kind, _) in own_options().items())
    fake = tmp_path / "belay"
    fake.write_text(f"#!/bin/sh\n[ $1 = --completions ] && exec printf '{table}'\n"
                    "printf 'ID HOST NAME\\n0a1b2c3d there work x\\n4e5f6071 there - x\\n'\n")
    fake.chmod(0o755)
    return {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}


def test_completion_of_bash(tmp_path):
    """Driven as bash does it; the sessions come from a belay of our own."""
    env = fake_belay(tmp_path)

    def completed(*words):
        script = (f". completions/belay.bash; COMP_WORDS=({' '.join(words)});"
                  f" COMP_CWORD={len(words) - 1}; _belay; echo ${{COMPREPLY[@]}}")
        return subprocess.run(["bash", "--norc", "-c", script], cwd=REPO, text=True,
                              capture_output=True, check=True, env=env).stdout.split()

    assert completed("belay", "--re") == ["--return", "--read-only", "--redraw", "--restore",
                                          "--restore-with", "--rename", "--remove"]
    assert set(completed("belay", "--")) == {f"--{name}" for name in own_options()}
    assert completed("belay", "--kill", "\"\"") == ["0a1b2c3d", "work", "4e5f6071"]
    assert completed("belay", "--session", "w") == ["work"]
    assert completed("belay", "--history", "1") == []
    assert completed("belay", "-p", "22", "there", "--re")[0] == "--return"
    assert completed("belay", "-p", "22", "there", "ls", "--re") == []   # ls's own


def test_completion_of_belay_autossh_in_bash():
    script = ("_comp_cmd_ssh() { COMPREPLY=(there); }; . completions/belay.bash;"
              " COMP_WORDS=(belay-autossh -M 0 t); COMP_CWORD=3; _belay_autossh;"
              " echo ${COMPREPLY[@]}; COMP_WORDS=(belay-autossh -M ''); COMP_CWORD=2; COMPREPLY=();"
              " _belay_autossh; echo ${COMPREPLY[@]}; complete -p belay-autossh")
    done = subprocess.run(["bash", "--norc", "-c", script], cwd=REPO, text=True,
                          capture_output=True, check=True)
    assert done.stdout.splitlines() == [
        "there", "0 20000", "complete -F _belay_autossh belay-autossh"], done


@pytest.mark.skipif(not shutil.which("fish"), reason="no fish")
def test_completion_of_fish(tmp_path):
    def completed(line):
        done = subprocess.run(["fish", "--no-config", "-c", "source completions/belay.fish; "
                               f"complete -C '{line}'"], cwd=REPO, text=True,
                              capture_output=True, check=True, env=fake_belay(tmp_path))
        return [one.split("\t")[0] for one in done.stdout.splitlines()]

    assert {f"--{name}" for name in own_options()} <= set(completed("belay --"))
    assert completed("belay --session w") == ["work"]


@pytest.mark.skipif(not shutil.which("zsh"), reason="no zsh")
@pytest.mark.parametrize("line,does", [
    ("belay --kill ''", "sessions 0a1b2c3d work 4e5f6071"),
    ("belay --session work al", "ssh belay al"),
    ("belay --new -p 22 --history=9 --linger 1h al", "ssh belay -p 22 al")])
def test_completion_of_zsh(tmp_path, line, does):
    """What is ours is ours to complete, and ssh's function sees none of it."""
    script = ("compadd() { print sessions $sessions }; _ssh() { print ssh $words[1,CURRENT] }; "
              f"_belay() {{ . completions/_belay }}; words=({line}); CURRENT=$#words; _belay")
    done = subprocess.run(["zsh", "-fc", script], cwd=REPO, text=True, capture_output=True,
                          env=fake_belay(tmp_path))
    assert done.stdout.strip() == does, done


def test_server_page_has_its_verbs():
    code = (SRC / "server/main.c").read_text()
    verbs = set(re.findall(r'^\t\{ "(?:--)?([a-z]+)", \d, ', code, re.M))
    page = read("doc/belay-server.8")
    assert len(verbs) > 6
    assert not [name for name in verbs if not re.search(rf"^\.(?:Cm|Fl) .*-?{name}", page, re.M)]


# ---- the server's own printf ----

def test_server_prints_what_its_printf_knows_and_without_stdio():
    for room in ("server", *ROOMS["server"]):
        for path in (SRC / room).glob("*.c"):
            text = without_comments(path)
            for literal in re.findall(r'"((?:[^"\\]|\\.)*)"', text):
                wrong = re.sub(r"%[-0]*(?:\d+|\*)?(?:\.(?:\d+|\*)?)?(?:hh?|ll?|[zjt])?[diuxcsp]"
                               r"|%%|%$", "", literal)
                assert "%" not in wrong, f"{short(path)}: {literal}"
            if path.name not in ("log.c", "trace.c"):
                code = re.sub(r'"(?:[^"\\]|\\.)*"', "", text)
                assert not re.search(r"\bFILE \*|\bstderr\b|\b(f?printf|f?puts|putchar|perror|"
                                     r"fopen)\(", code), short(path)


# ---- autossh's page ----

def items(page, macro):
    """The items of a man page that begin with this macro, and their texts."""
    found = re.findall(rf"^\.It {macro} (\S+)\n(.*?)(?=^\.It|^\.El)", read(page), re.M | re.S)
    return {name: re.sub(r"\s+", " ", text.replace("\\-", "-")) for name, text in found}


def test_autossh_page_has_the_variables_and_their_defaults():
    code = (SRC / "autossh/autossh_conf.c").read_text()
    shown = items("doc/belay-autossh.1", "Ev")
    read_by_it = set(re.findall(r'"(AUTOSSH_[A-Z_]+)"', code))
    assert set(shown) == read_by_it | {"AUTOSSH_NTSERVICE"}
    numbers = re.findall(r'\{ "(\w+)", offsetof\([^)]*\), [^,]+, [^,]+,\s*(-?\d+) \}', code)
    assert len(numbers) == 6
    for name, without in numbers:
        if name != "AUTOSSH_FIRST_POLL":
            assert re.search(rf"the default is {without}\b", shown[name]), name


def test_autossh_page_has_the_table_of_ends():
    code = (SRC / "autossh/supervise.c").read_text()
    words = {"AGAIN": "restart", "DONE": "exit 0", "GIVE_UP": "exit 1",
             "NEVER_WORKED": "exit 1"}
    decided = [[words[one] for one in row.split(", ")] for row in
               re.findall(r"^\t\[[A-Z]+\] = \{ ([A-Z_, ]+) \}", code, re.M)]
    shown = [row.split(" Ta ")[1:] for row in
             re.findall(r"^\.It (.* Ta .*)$", read("doc/belay-autossh.1"), re.M)]
    assert len(decided) == 5 and shown[1:] == decided


# ---- the terminal's sequences ----

def test_sequences_are_those_of_the_code(tmp_path):
    program = tmp_path / "sequences"
    subprocess.run(["gcc", "-std=c17", "-Isrc", "-o", program, "tests/doc/sequences.c"],
                   cwd=REPO, check=True)
    rows = subprocess.run([program], capture_output=True, check=True, text=True).stdout
    shown = re.findall(r"^\| `.*$", read("doc/SEQUENCES.md"), re.M)
    assert shown == rows.splitlines()


# ---- the map ----

MAPPED = ("src", "tests", "tools", "bench", "packaging")
NOT_MAPPED = {"__pycache__", ".pytest_cache", "corpus"}


def mapped_files():
    """All files that the map must name; what tests feed on is data."""
    for top in MAPPED:
        for path in sorted((REPO / top).rglob("*")):
            parts = path.relative_to(REPO).parts
            if path.is_file() and not NOT_MAPPED & set(parts):
                yield "/".join(parts)


def named_in_map():
    """What stands there as code: `name`, `folder/name`, `folder/`, or a pattern."""
    return set(re.findall(r"`([^`\s]+)`", read("CODE-MAP.md")))


def is_named(path, names):
    """Whether one of the names means this file or directory."""
    return any(fnmatch.fnmatchcase(f"/{path}", f"*/{name}") for name in names)


def test_map_names_every_file():
    names = named_in_map()
    assert not [path for path in mapped_files() if not is_named(path, names)]


def test_map_names_every_directory():
    names = {name.rstrip("/") for name in named_in_map()}
    names |= {str(pathlib.PurePosixPath(name).parent) for name in names if "/" in name}
    directories = {str(pathlib.PurePosixPath(path).parent) for path in mapped_files()}
    assert not [path for path in sorted(directories) if not is_named(path, names)]


def test_map_names_nothing_that_is_not_there():
    there = list(mapped_files())
    there += {str(pathlib.PurePosixPath(path).parent) for path in there}
    wrong = []
    for name in named_in_map():
        is_path = "/" in name or re.fullmatch(r"[\w.*-]+\.(c|h|py|sh|md|[1-8])", name)
        name = name.rstrip("/")
        if is_path and not (REPO / name).exists() \
                and not any(is_named(path, [name]) for path in there):
            wrong.append(name)
    assert not wrong


# ---- the rooms ----

def test_every_folder_is_a_room():
    assert {path.name for path in SRC.iterdir()} == set(ROOMS)


def test_rooms_stand_in_no_circle():
    for room, uses in ROOMS.items():
        for other in uses:
            assert set(ROOMS[other]) <= set(uses) and room not in ROOMS[other], room


@pytest.mark.parametrize("path", sorted(SRC.glob("*/*.[ch]")), ids=short)
def test_includes_keep_to_the_rooms(path):
    room = path.parent.name
    for name in includes(path)[0]:
        other = name.split("/")[0]
        assert (SRC / name).is_file() or name == "ssh/bootstrap_scripts.h", name
        assert other in (room, *ROOMS[room]) or name in INLINE.get(room, ()), name


def test_no_room_is_too_large():
    lines = {room: sum(len(path.read_text().splitlines())
                       for path in (SRC / room).glob("*.[ch]")) for room in ROOMS}
    whole = sum(lines.values())
    assert not {room: n for room, n in lines.items() if n * LARGEST[room] > whole}


@pytest.mark.parametrize("path", PURE, ids=short)
def test_pure_layers_do_no_io(path):
    assert set(includes(path)[1]) <= HARMLESS | HARMLESS_IN.get(short(path), set())
    text = without_comments(path)
    calls = set(re.findall(r"\b(v?[fs]?n?printf|v?dprintf|[fs]?scanf|f?puts|f?putc|"
                           r"putchar|fopen|fdopen|fread|fwrite|fflush|getc|fgets|perror|"
                           r"tmpfile|getenv|system|exit|abort)\s*\(", text))
    assert calls <= HARMLESS_STDIO
    assert not re.search(r"\bFILE\b|\bstd(in|out|err)\b", text)


# ---- the style ----

@pytest.mark.parametrize("path", sorted(SRC.glob("*/*.h")), ids=short)
def test_headers_begin_with_what_they_are_about(path):
    assert path.read_text().startswith("/*")


@pytest.mark.parametrize("words,least,most", [([], 60, 999), (["T=socks"], 1, 1)])
def test_quick_tests_are_chosen(words, least, most):
    plan = subprocess.run(["make", "-n", "test", *words], cwd=REPO, capture_output=True, text=True,
                          check=True, env={**os.environ, "MAKEFLAGS": ""}).stdout
    chosen = re.findall(r"^tests/quick (.*)$", plan, re.M)
    assert len(chosen) == 1 and least <= len(chosen[0].split()) <= most


@pytest.mark.skipif(not shutil.which("musl-gcc"), reason="no musl-gcc")
def test_a_build_without_bearssl_is_another():
    """The server does something else, so a client of the one does not take it for the other's."""
    def build(*words):
        plan = subprocess.run(["make", "-n", "BUILD=build/none", *words, server], cwd=REPO,
                              capture_output=True, text=True, check=True,
                              env={**os.environ, "MAKEFLAGS": ""}).stdout
        return re.search(r"BELAY_BUILD='\"(\S+)\"'", plan)[1], "-DBELAY_BEARSSL " in plan
    server = f"build/none/servers/{os.uname().sysname}-{os.uname().machine}"
    one, one_has = build("BEARSSL=/libbearssl.a")
    other, other_has = build("BEARSSL=")
    assert one != other and one_has and not other_has


def test_makefile_can_be_read_in_a_sitting():
    assert len(read("Makefile").splitlines()) <= 250


def test_the_page_of_settings_has_them():
    """Each setting, with its choices; and that page is what its reader is told of."""
    code = (SRC / "ssh/own_options.c").read_text()
    table = code[code.index("table[] = {"):code.index("\n};")]
    settings = set(re.findall(r'SETTING\("([a-z-]+)"', table))
    settings |= set(re.findall(r'\{ "([a-z-]+)"[^{}]*true \}', table))
    page = read("doc/belay_config.5")
    shown = re.findall(r"^\.It Cm ([a-z][a-z-]+) ", page[page.index(".Sh SETTINGS"):], re.M)
    assert len(shown) == len(set(shown)) and set(shown) == settings
    for name, words in re.findall(r'\{ "([a-z-]+)", OWN_CHOICE[^{}]*"([a-z|]+)", true \}', table):
        line = re.search(rf"^\.It Cm {name} Cm (.*)$", page, re.M)[1]
        assert set(line.split(" | ")) == set(words.split("|")), name


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze")
def test_the_unit_is_one_that_systemd_understands(tmp_path):
    """Also an older one, which says of what it does not know that it is not known."""
    text = read("packaging/belay@.service").replace("@PREFIX@/bin/belay", "/bin/true")
    (tmp_path / "belay@.service").write_text(text)
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", "--user",
                           str(tmp_path / "belay@.service")], capture_output=True, text=True,
                          env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)})
    said = [line for line in (done.stdout + done.stderr).splitlines() if "belay@" in line]
    assert not said, said
