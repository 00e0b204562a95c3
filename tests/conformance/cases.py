"""What calls ssh, with belay in its place and a network that is cut.

Each case prepares its data, arms the cuts and runs a tool, which has to end as if nothing
had been; then what has arrived is compared.  Run by tests/conformance/run, and a smaller
selection by tests/e2e/test_conformance.py.
"""

import hashlib
import pathlib
import shlex
import shutil
import subprocess
import sys

REPO = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPO / "tests/e2e"))

from harness import PATH, belay_path    # noqa: E402

PATIENCE = 120      # seconds that a tool may take
FIRST = 20_000      # bytes that pass before the first cut: a start that fails, fails
SFTP_SERVERS = ["/usr/lib/openssh", "/usr/libexec/openssh", "/usr/lib/ssh",
                "/usr/libexec", "/usr/lib", REPO / "build/deps/sshd/usr/lib/openssh"]


class Missing(Exception):
    """There is no such tool here."""


def sftp_server():
    """The path of an sftp-server, or None."""
    return shutil.which("sftp-server", path=":".join(map(str, SFTP_SERVERS)))


def host_options():
    """What the Host of the cases is made with."""
    path = sftp_server()
    options = {"setenv": {}, "sshd_config": "", "ssh_config": ""}
    if path:
        options["sshd_config"] = f"Subsystem sftp {path}"
        if path.startswith(str(REPO)):      # where belay-server does not look
            options["setenv"]["BELAY_SFTP_SERVER"] = path
    return options


def sum_of(path):
    """Names and contents of a file or of all that is below a directory."""
    sum_ = hashlib.sha256()
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    for file in files:
        sum_.update(str(file.relative_to(path)).encode() + b"\0")
        if file.is_file():
            sum_.update(hashlib.sha256(file.read_bytes()).digest())
    return sum_.hexdigest()


class Lab:
    """A host and a network for one case, and tools to run."""

    def __init__(self, host, rng, size):
        self.host, self.rng, self.size = host, rng, size
        self.here = host.client_home / "work"       # with us
        self.there = host.home / "work"             # on the host
        for place in (self.here, self.there):
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
        self.belay = [str(belay_path()), "-F", str(host.cfg)]

    def data(self, path, size=None):
        """Writes bytes that cannot be compressed."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.rng.randbytes(size or self.size))
        return path

    def tree(self, path):
        """Writes files of all sizes into a directory."""
        left, number = self.size, 0
        while left > 0:
            size = self.rng.choice((0, 1, 3_000, 70_000, 1_500_000, 4_000_000))
            self.data(path / f"d{number % 5}" / f"file {number}", min(size, left) or 1)
            left, number = left - size, number + 1
        return path

    def cuts(self, direction, size=None):
        """Arms a handful of cuts at random bytes of a transfer of this size."""
        size = size or self.size
        steps = [self.rng.randrange(size // 10, size // 4) for _ in range(9)]
        sizes = [FIRST + self.rng.randrange(size // 10)]
        while steps and sum(sizes) + steps[-1] < 0.9 * size:
            sizes.append(steps.pop())
        self.host.proxy.cut_after(sizes[0], direction, sizes[1:])

    def run(self, *argv, **env):
        """Runs a tool, which must end well; returns what it said on stdout."""
        argv = [str(word) for word in argv]
        if not shutil.which(argv[0], path=PATH):
            raise Missing(f"no {argv[0]} here")
        done = subprocess.run(argv, cwd=self.here, env=self.host.client_env(BELAY_SFTP="own", **env),
                              stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=PATIENCE, start_new_session=True)
        said = (done.stdout + done.stderr).decode(errors="replace")[-1500:]
        assert done.returncode == 0, f"{argv[0]} ended with {done.returncode}: {said}"
        assert b"belay:" not in done.stderr, f"belay is heard: {said}"
        return done.stdout


def need_sftp():
    if not sftp_server():
        raise Missing("no sftp-server here")


def same(have, want):
    assert sum_of(have) == sum_of(want), f"{have} is not {want}"


# git

GIT = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b",
       "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}


def git(lab, place, *args):
    env = {**GIT, "GIT_SSH_COMMAND": shlex.join(lab.belay)}
    return lab.run("git", "-C", place, *args, **env)


def commit(lab, place, name):
    lab.tree(place / name)
    git(lab, place, "add", "-A")
    git(lab, place, "commit", "-qm", name)


def repository(lab):
    """A repository on the host, and one with us that knows all of it."""
    git(lab, lab.here, "init", "-q", "-b", "main", "ours")
    commit(lab, lab.here / "ours", "first")
    git(lab, lab.here, "clone", "-q", "--bare", "ours", lab.there / "repo")
    return lab.here / "ours"


def same_repository(lab, place):
    """Both have the same commits, and all that belongs to them."""
    heads = [git(lab, one, "rev-parse", "main") for one in (place, lab.there / "repo")]
    assert heads[0] == heads[1]
    for one in (place, lab.there / "repo"):
        git(lab, one, "fsck", "--full", "--strict")


def git_clone(lab):
    repository(lab)
    lab.cuts("down")
    git(lab, lab.here, "clone", "-q", f"testhost:{lab.there}/repo", "copy")
    same_repository(lab, lab.here / "copy")
    same(lab.here / "copy/first", lab.here / "ours/first")


def git_fetch(lab):
    ours = repository(lab)
    git(lab, lab.here, "clone", "-q", lab.there / "repo", "copy")
    commit(lab, ours, "second")
    git(lab, ours, "push", "-q", lab.there / "repo", "main")
    lab.cuts("down")
    git(lab, lab.here / "copy", "fetch", "-q", f"testhost:{lab.there}/repo", "main")
    git(lab, lab.here / "copy", "merge", "-q", "--ff-only", "FETCH_HEAD")
    same_repository(lab, lab.here / "copy")


def git_push(lab):
    ours = repository(lab)
    commit(lab, ours, "second")
    lab.cuts("up")
    git(lab, ours, "push", "-q", f"testhost:{lab.there}/repo", "main")
    same_repository(lab, ours)


# rsync, tar

def rsync_to(lab):
    lab.tree(lab.here / "tree")
    lab.cuts("up")
    lab.run("rsync", "-a", "-e", shlex.join(lab.belay), "tree/", f"testhost:{lab.there}")
    same(lab.there, lab.here / "tree")


def rsync_from(lab):
    lab.tree(lab.there)
    lab.cuts("down")
    lab.run("rsync", "-a", "-e", shlex.join(lab.belay), f"testhost:{lab.there}/", "tree")
    same(lab.here / "tree", lab.there)


def tar_to(lab):
    lab.tree(lab.here / "tree")
    lab.cuts("up")
    lab.run("bash", "-o", "pipefail", "-c", f"tar -C tree -cf - . | "
            f"{shlex.join(lab.belay)} testhost tar -C {lab.there} -xf -")
    same(lab.there, lab.here / "tree")


def tar_from(lab):
    lab.tree(lab.there)
    lab.cuts("down")
    (lab.here / "tree").mkdir()
    lab.run("bash", "-o", "pipefail", "-c", f"{shlex.join(lab.belay)} testhost "
            f"tar -C {lab.there} -cf - . | tar -C tree -xf -")
    same(lab.here / "tree", lab.there)


# scp, sftp

def scp(lab, *args):
    program, *options = lab.belay
    lab.run("scp", "-q", "-r", "-S", program, *options, *args)


def scp_to(lab, *options):
    need_sftp()
    lab.tree(lab.here / "tree")
    lab.cuts("up")
    scp(lab, *options, "tree", f"testhost:{lab.there}")
    same(lab.there / "tree", lab.here / "tree")


def scp_from(lab, *options):
    need_sftp()
    lab.tree(lab.there / "tree")
    lab.cuts("down")
    scp(lab, *options, f"testhost:{lab.there}/tree", ".")
    same(lab.here / "tree", lab.there / "tree")


def scp_legacy_to(lab):
    scp_to(lab, "-O")


def scp_legacy_from(lab):
    scp_from(lab, "-O")


def sftp(lab, line):
    need_sftp()
    program, *options = lab.belay
    (lab.here / "batch").write_text(line + "\n")
    lab.run("sftp", "-q", "-S", program, *options, "-b", "batch", "testhost")


def sftp_put(lab):
    lab.data(lab.here / "file")
    lab.cuts("up")
    sftp(lab, f"put file {lab.there}/file")
    same(lab.there / "file", lab.here / "file")


def sftp_get(lab):
    lab.data(lab.there / "file")
    lab.cuts("down")
    sftp(lab, f"get {lab.there}/file file")
    same(lab.here / "file", lab.there / "file")


# ansible, with the shared connection that it asks for by itself

def ansible(lab, module, arguments=""):
    need_sftp()
    program, *options = lab.belay
    sockets = lab.here / "cm"
    variables = {"ansible_ssh_executable": program,
                 "ansible_ssh_common_args": shlex.join(options),
                 "ansible_sftp_extra_args": f"-S {program}",
                 "ansible_control_path_dir": sockets,
                 "ansible_python_interpreter": "/usr/bin/python3"}
    (lab.here / "inventory").write_text("testhost " + " ".join(
        f"{name}='{value}'" for name, value in variables.items()) + "\n")
    try:
        return lab.run("ansible", "-i", "inventory", "testhost", "-m", module,
                       "-a", arguments, ANSIBLE_NOCOLOR="1")
    finally:
        for socket in sockets.glob("*"):    # it would stay for a minute
            subprocess.run(["ssh", "-S", socket, "-O", "exit", "testhost"],
                           capture_output=True, check=False)


def ansible_ping(lab):
    assert b'"ping": "pong"' in ansible(lab, "ping")


def ansible_copy(lab):
    lab.data(lab.here / "file")
    lab.cuts("up")
    ansible(lab, "copy", f"src=file dest={lab.there}/file")
    same(lab.there / "file", lab.here / "file")


def ansible_shell(lab):
    path = lab.data(lab.there / "file", lab.size // 4)
    lab.cuts("down", lab.size // 4)
    said = ansible(lab, "shell", f"od -An -v -tx1 {path} | tr -d ' '")
    hexes = "".join(said.decode().split("\n")[1:])
    assert bytes.fromhex(hexes) == path.read_bytes()


CASES = {
    "git clone": git_clone, "git fetch": git_fetch, "git push": git_push,
    "rsync to the host": rsync_to, "rsync from the host": rsync_from,
    "scp to the host": scp_to, "scp from the host": scp_from,
    "scp -O to the host": scp_legacy_to, "scp -O from the host": scp_legacy_from,
    "sftp put": sftp_put, "sftp get": sftp_get,
    "tar to the host": tar_to, "tar from the host": tar_from,
    "ansible ping": ansible_ping, "ansible copy": ansible_copy,
    "ansible shell": ansible_shell,
}
NO_CUTS = {"ansible ping"}      # too short to be cut in the middle


def run(name, host, rng, size):
    """Runs a case; returns the bytes that passed, and how often the link was cut.

    Raises Missing, or what went wrong.
    """
    host.piped([belay_path(), "-F", host.cfg, "testhost", "true"])  # brings the server
    before = sum(host.proxy.bytes.values()), host.proxy.cuts
    try:
        CASES[name](Lab(host, rng, size))
    finally:
        host.proxy.heal()
        passed = sum(host.proxy.bytes.values()) - before[0], host.proxy.cuts - before[1]
    assert passed[1] or name in NO_CUTS, "it was not cut"
    host.wait_gone()
    return passed
