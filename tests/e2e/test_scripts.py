"""Proves that the programs for the host's shell (src/ssh/find.sh, install.sh) never run what
another user may have put in their way, in every shell that may read them, and that a server
lands all the same.

They run here as they are embedded, without ssh, in a tree of their own that stands for the
shared directories, as a user ("victim") beside whom there is another ("neighbour").  Both
need root; without it the tests are skipped.
"""

import ast
import functools
import gzip
import multiprocessing
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import pytest

from harness import REPO, find_shell

VICTIM, NEIGHBOUR = 65532, 65533
MARK, BUILD, SCRIPT_LEN = "101112131415161718191a1b", "0.1.0-0123456789ab", 2048
STARTS = f"{MARK} start {os.uname().sysname} {os.uname().machine}\n"
NAME = f"server-{BUILD}-{os.uname().sysname}-{os.uname().machine}"
SHARED = ("/dev/shm", "/var/tmp", "/tmp")
SHELLS = {"dash": ["dash"], "bash": ["bash", "--posix"], "busybox": ["busybox", "sh"],
          "mksh": ["mksh"], "ksh93": ["ksh93"], "zsh": ["zsh", "--emulate", "sh"]}
SERVER = f"""#!/bin/sh
[ "$1" = --land ] && {{ mv -T "$2" "$3" && echo {BUILD}; exit; }}
echo "RAN $*"
"""
EVIL = "#!/bin/sh\necho EVIL\n"

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="needs root, to be two users")


@functools.cache
def embedded():
    """The three programs, as the client has them."""
    header = subprocess.run([REPO / "tools/embed", REPO / "src/ssh/find.sh",
                             REPO / "src/ssh/install.sh", REPO / "src/ssh/remove.sh"], check=True,
                            capture_output=True, text=True).stdout
    texts = re.split(r"static const char \w+\[\] =", header)[1:]
    return ["".join(ast.literal_eval(line.strip().rstrip(";").replace(r"\?", "?"))
                    for line in text.strip().splitlines()) for text in texts]


def test_one_line_that_every_shell_reads_alike():
    """Between single quotes on one line of sh, csh, fish and nu."""
    find, _, remove = embedded()
    assert not set(find + remove) & set("'\\!`\n\t")


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="no shellcheck here")
def test_shellcheck():
    done = subprocess.run(["shellcheck", "src/ssh/find.sh", "src/ssh/install.sh",
                           "src/ssh/remove.sh", "tools/embed"], cwd=REPO, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


class Tree:
    def __init__(self, root, shell):
        self.root, self.shell = root, shell
        self.home = root / "home"
        self.cache = self.home / ".cache/belay"
        self.runtime = root / "runtime/belay"
        self.shared = [root / f"shared{place}/belay-{VICTIM}" for place in SHARED]
        self.env = {"HOME": self.home, "XDG_RUNTIME_DIR": self.runtime.parent,
                    "PATH": "/usr/bin:/bin"}
        root.chmod(0o755)
        for path, owner in ((self.home, VICTIM), (self.runtime.parent, VICTIM)):
            path.mkdir(mode=0o700)
            os.chown(path, owner, owner)
        for path in self.shared:
            path.parent.mkdir(parents=True)
            path.parent.chmod(0o1777)

    @property
    def places(self):
        return [self.cache, self.runtime, *self.shared]

    def here(self, text):
        """A program with this tree in place of the shared directories."""
        for place in SHARED:
            text = text.replace(f" {place}/belay-", f" {self.root}/shared{place}/belay-")
        return text

    def argv(self, build=BUILD):
        find, _, _ = embedded()
        return ["setpriv", f"--reuid={VICTIM}", f"--regid={VICTIM}", "--clear-groups", "--",
                *self.shell, "-c", self.here(find), "belay", MARK, build, "3",
                str(SCRIPT_LEN), "hello"]

    def run(self, sent=b"", build=BUILD):
        """What the host says; `sent`: what the client does."""
        done = subprocess.run(self.argv(build), input=sent, env=self.env, cwd=self.home,
                              capture_output=True, timeout=60)
        said = done.stdout.decode()
        assert "EVIL" not in said + done.stderr.decode()
        return said

    def remove(self):
        """What is said, and whether all is gone that was to go."""
        _, _, remove = embedded()
        argv = self.argv()
        argv[argv.index("-c") + 1:] = [self.here(remove).replace("$u", str(VICTIM))]
        done = subprocess.run(argv, env=self.env, cwd=self.home, capture_output=True, timeout=60,
                              text=True)
        assert "EVIL" not in done.stdout + done.stderr
        return done.stdout, done.returncode

    def install(self, packed=True, build=BUILD, server=SERVER):
        """The same, with a client that sends the server, to all places that ask for it."""
        raw = server.encode()
        gz = gzip.compress(raw)
        _, install, _ = embedded()
        script = f"v={BUILD} z={len(gz) * packed} r={len(raw)}\n" + self.here(install)
        assert len(script) <= SCRIPT_LEN + 200          # the names of the tree are longer
        script = script.encode()
        find_argv = self.argv(build)
        find_argv[find_argv.index(str(SCRIPT_LEN))] = str(len(script))
        done = subprocess.run(find_argv, input=b"xyz" + script + (gz if packed else raw),
                              env=self.env, cwd=self.home, capture_output=True, timeout=60)
        said = done.stdout.decode()
        assert "EVIL" not in said + done.stderr.decode()
        return said


@pytest.fixture(params=SHELLS)
def tree(request, tmp_path):
    shell = SHELLS[request.param]
    if not find_shell(shell[0], tmp_path):
        pytest.skip(f"no {request.param} here")
    # Not below tmp_path, which is for root alone.
    with tempfile.TemporaryDirectory(prefix="bt.", dir="/tmp") as root:
        yield Tree(pathlib.Path(root), shell)


def directory(path, owner=VICTIM, mode=0o700):
    for parent in reversed(path.parents):
        if not parent.exists():
            parent.mkdir(mode=0o700)
            os.chown(parent, VICTIM, VICTIM)
    path.mkdir(exist_ok=True)
    path.chmod(mode)
    os.chown(path, owner, owner)
    return path


def program(path, text=SERVER, owner=VICTIM, mode=0o700):
    path.write_text(text)
    os.chown(path, owner, owner)
    path.chmod(mode)
    return path


def link(path, target, owner=NEIGHBOUR):
    path.symlink_to(target)
    os.chown(path, owner, owner, follow_symlinks=False)


# What is found.

@pytest.mark.parametrize("mode", [0o700, 0o755, 0o500])
def test_what_is_ours_is_run_wherever_it_is(tree, mode):
    for place in tree.places:
        program(directory(place, mode=mode) / NAME, mode=mode)
        assert tree.run() == f"{STARTS}RAN attach {MARK} hello\n"
        shutil.rmtree(place)


def test_the_first_place_counts(tree):
    for place in tree.places:
        program(directory(place) / NAME, f"#!/bin/sh\necho RAN {place}\n")
    for place in tree.places:
        assert f"RAN {place}\n" in tree.run()
        shutil.rmtree(place)


def a_link_for_the_directory(place, aside):
    """To a directory of the victim, where others can write as in /tmp: -O and -x say yes."""
    directory(aside, VICTIM, 0o1777)
    link(aside / NAME, program(aside / "own", EVIL))
    link(place, aside)


def a_link_to_a_good_directory(place, aside):
    program(directory(aside) / NAME, EVIL)
    link(place, aside)


def a_link_for_the_file(place, aside):
    directory(aside)
    link(directory(place) / NAME, program(aside / "own", EVIL))


def a_directory_of_the_neighbour(place, aside):
    program(directory(place, NEIGHBOUR, 0o755) / NAME, EVIL, NEIGHBOUR, 0o755)


def a_file_of_ours_in_his_directory(place, aside):
    program(directory(place, NEIGHBOUR, 0o755) / NAME, EVIL, VICTIM, 0o755)


def his_file_in_our_directory(place, aside):
    program(directory(place) / NAME, EVIL, NEIGHBOUR, 0o755)


def a_directory_others_write_to(place, aside):
    program(directory(place, mode=0o757) / NAME, EVIL)


def a_directory_the_group_writes_to(place, aside):
    program(directory(place, mode=0o770) / NAME, EVIL)


def a_directory_all_write_to_sticky(place, aside):
    program(directory(place, mode=0o1777) / NAME, EVIL)


def a_file_others_write_to(place, aside):
    program(directory(place) / NAME, EVIL, mode=0o702)


def a_file_the_group_writes_to(place, aside):
    program(directory(place) / NAME, EVIL, mode=0o770)


def a_directory_for_the_file(place, aside):
    directory(directory(place) / NAME)


def a_file_for_the_directory(place, aside):
    directory(place.parent, mode=0o755)
    program(place, EVIL)


ATTACKS = [one for name, one in list(globals().items())
           if re.match(r"(a|his)_", name)]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda one: one.__name__)
def test_what_others_may_have_put_there_is_not_run(tree, attack):
    for number, place in enumerate(tree.places):
        if not place.parent.exists():
            directory(place.parent)
        attack(place, tree.root / f"aside{number}")
    assert tree.run() == f"{MARK} need {os.uname().sysname} {os.uname().machine} " \
        f"{shutil.which('screen') or shutil.which('tmux') or ''}\n"
    # And none of it is in the way of a good one for ever.
    said = tree.install()
    assert f"{MARK} run\n{'RAN'} attach {MARK} hello\n" in said or "failed" in said
    for number in range(len(tree.places)):
        aside = tree.root / f"aside{number}"
        assert not aside.exists() or {path.name for path in aside.iterdir()} <= {NAME, "own"}


def test_path_is_not_searched_where_the_neighbour_is(tree):
    """"." in PATH does not mean a directory that the bootstrap has looked into."""
    tree.env["PATH"] = ".:/usr/bin:/bin:"
    for place in tree.shared:
        directory(place, NEIGHBOUR, 0o755)
        for name in ("belay-server", "ls", "id", "screen", "dd", "mkdir", "chmod"):
            program(place / name, EVIL, NEIGHBOUR, 0o755)
    assert "need" in tree.run()


@pytest.mark.parametrize("env", [{"XDG_CACHE_HOME": "evil"}, {"XDG_RUNTIME_DIR": "evil"},
                                 {"XDG_CACHE_HOME": "-P"}])
def test_a_relative_place_is_none(tree, env):
    directory(tree.home / "evil")
    program(directory(tree.home / "evil/belay") / NAME, EVIL)
    tree.env.update(env)
    assert "need" in tree.run()


def swap_for_ever(good, bad, aside, started):
    """What a neighbour does in a directory where all can write (and which is not sticky)."""
    while True:
        for one, two in ((good, aside), (bad, good), (good, bad), (aside, good)):
            os.rename(one, two)
        started.set()


def test_a_swap_between_look_and_use(tree):
    """Whatever the name means a moment later."""
    place = tree.shared[0]
    place.parent.chmod(0o777)
    program(directory(place) / NAME)
    bad = directory(place.with_name("bad"), NEIGHBOUR, 0o755)
    program(bad / NAME, EVIL, NEIGHBOUR, 0o755)
    started = multiprocessing.Event()
    swapper = multiprocessing.Process(target=swap_for_ever, args=(
        place, bad, place.with_name("aside"), started), daemon=True)
    swapper.start()
    try:
        assert started.wait(10)
        for _ in range(60):
            tree.run()
    finally:
        swapper.kill()
        swapper.join()


# What lands.

@pytest.mark.parametrize("packed", [True, False])
def test_a_server_lands(tree, packed):
    said = tree.install(packed)
    assert said.endswith(f"{MARK} send {'gz' if packed else 'raw'} {tree.cache}\n{MARK} run\n"
                         f"RAN attach {MARK} hello\n")
    assert (tree.cache / NAME).read_text() == SERVER
    assert [path.name for path in tree.cache.iterdir()] == [NAME]
    for path, mode in ((tree.cache, 0o700), (tree.cache / NAME, 0o700)):
        found = path.stat()
        assert (found.st_uid, found.st_mode & 0o777) == (VICTIM, mode)
    assert tree.run() == f"{STARTS}RAN attach {MARK} hello\n"


def only_shared(tree, but=None):
    """Leaves a tree where a server can land in this shared place only (None: in none)."""
    tree.env["HOME"] = tree.env["XDG_RUNTIME_DIR"] = "/proc"
    for place in tree.shared:
        if place != but:
            directory(place, NEIGHBOUR, 0o777)


def test_in_a_shared_directory_it_gets_one_of_its_own(tree):
    for place in tree.shared:
        only_shared(tree, place)
        assert f"send gz {place}\n{MARK} run\n" in tree.install()
        assert place.stat().st_mode & 0o777 == 0o700
        for one in tree.shared:
            shutil.rmtree(one)


def test_nothing_goes_where_the_neighbour_was_first(tree):
    only_shared(tree)
    said = tree.install()
    assert "RAN" not in said and said.endswith(f"{MARK} failed\n")
    assert said.count("belongs to somebody else") == 3
    assert not [path for place in tree.shared for path in place.iterdir()]


def test_nothing_goes_through_a_link(tree):
    only_shared(tree)
    for place in tree.shared:
        place.rmdir()
        link(place, tree.home)
    before = sorted(tree.home.iterdir())
    assert tree.install().count("is a symbolic link") == 3
    assert sorted(tree.home.iterdir()) == before


def test_a_directory_that_was_open_to_all_is_closed(tree):
    """What was laid there meanwhile is neither followed nor run."""
    precious = program(tree.home / "precious", "precious", mode=0o600)
    directory(tree.cache, mode=0o777)
    link(tree.cache / NAME, precious)
    first = os.getpid()
    for number in range(first, first + 2000):
        link(tree.cache / f"tmp.{number}", precious)
    assert "RAN" in tree.install()
    assert precious.read_text() == "precious"
    assert tree.cache.stat().st_mode & 0o777 == 0o755
    assert not (tree.cache / NAME).is_symlink()


def test_a_place_that_is_in_the_way_is_passed_over(tree):
    directory(directory(tree.cache) / NAME)
    said = tree.install()
    assert f"refused {tree.cache}: it does not run there" in said and "RAN" not in said
    assert not list((tree.cache / NAME).iterdir())


def test_why_no_place_does(tree):
    """In words of its own; what the shell says comes behind them."""
    only_shared(tree)
    for place in tree.shared:
        place.rmdir()
        place.write_text("a file")
    lines = tree.install().splitlines()
    refused = [line for line in lines if " refused " in line]
    assert len(refused) == 5 and lines[-1] == f"{MARK} failed"
    for line in refused:
        assert re.fullmatch(rf"{MARK} refused /\S+: [a-z ,]+( \([A-Z][\w ]+\))?", line), line


@pytest.mark.parametrize("text", [EVIL.replace("EVIL", "something else"), "", "\0" * 5000])
def test_what_does_not_answer_as_it_should_is_not_kept(tree, text):
    assert "refused" in tree.install(server=text)
    assert not list(tree.cache.iterdir())


# What is taken away.

DIGITS = "0123456789abcdef" * 2


def test_all_of_ours_is_taken_away(tree):
    for place in tree.places:
        program(directory(place) / NAME, "#!/bin/sh\necho no sessions\n")
        for name in ("tmp.12", "open", DIGITS, f"{DIGITS}.agent"):
            (place / name).write_text("")
        directory(directory(place / "terminfo") / "x")
    directory(directory(tree.home / ".local/state/belay") / "remains")
    (tree.cache / "serving-hosts").write_text("a client's")
    said, status = tree.remove()
    assert status == 0 and len(said.splitlines()) == 6 * len(tree.places) + 1, said
    assert [path.name for path in tree.cache.iterdir()] == ["serving-hosts"]
    assert not [place for place in [*tree.places[1:], tree.home / ".local/state/belay"]
                if place.exists()]


def test_what_has_sessions_is_left(tree):
    program(directory(tree.cache) / NAME, "#!/bin/sh\necho 0123 a session\n")
    said, status = tree.remove()
    assert (said, status) == ("", 1) and (tree.cache / NAME).exists()


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda one: one.__name__)
def test_what_others_may_have_put_there_is_not_asked(tree, attack):
    """Nor does a link of theirs lead to what is taken away."""
    for number, place in enumerate(tree.places):
        if not place.parent.exists():
            directory(place.parent)
        attack(place, tree.root / f"aside{number}")
    _, status = tree.remove()
    assert status in (0, 1)
    for aside in tree.root.glob("aside*"):
        assert not aside.is_dir() or list(aside.iterdir()), attack
