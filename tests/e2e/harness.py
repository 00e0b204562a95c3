"""A private host to log in to, and the clients that do so.

    Sshd     a throwaway sshd on loopback: own keys, login shell, home and environment
    Proxy    the network before it, which can fail in every way (proxy.py)
    Term     a program in a pty (term.py)
    Host     all of these together with what must be gone at the end

Every process of a test carries BELAY_TEST_ID in its environment: `<id>.host` behind
sshd, `<id>.client` before it.  That is how they are found, and how one that was left
behind is noticed.

Knobs: BELAY (the client), BELAY_SSHD, BELAY_SERVERS, BELAY_E2E_TIMEOUT (seconds that an
expected event may take), BELAY_E2E_KEEP (do not remove the temporary directories),
BELAY_E2E_SEED (of the tests that choose by chance: a number, or `random`).
"""

import atexit
import collections
import contextlib
import functools
import gzip
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time

from patience import TIMEOUT, Deadline
from proxy import Proxy
from term import Term

HERE = pathlib.Path(__file__).resolve().parent
REPO = HERE.parents[1]
HOST_PROGRAM = HERE / "host_program.py"
PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
PROMPT = "ready$ "
MARKER = "BELAY_TEST_ID"
LATE = 200      # seconds, see Host.wait_gone
# The same each time, so that a failure is of what was changed; `make soak` goes further.
SEED = os.environ.get("BELAY_E2E_SEED") or "1"
SEED = random.randrange(10**6) if SEED == "random" else int(SEED)
SANITIZERS = ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS")
# Who has its window closed gets a SIGCONT too, and with that the sanitizer's search for leaks at
# the end may wait for ever.
WINDOW_CLOSES = {"ASAN_OPTIONS": "detect_leaks=0"}
# Places that are not the test's own, where a server may come to lie.
SHARED_PLACES = [pathlib.Path(f"{place}/belay-{user}")
                 for place in ("/dev/shm", "/var/tmp", "/tmp")
                 for user in (os.getuid(), "tester")]


def wait_until(condition, timeout=TIMEOUT, what=None):
    """Waits until the condition is true; returns its value."""
    deadline = Deadline(timeout)
    while True:
        value = condition()
        if value:
            return value
        assert not deadline.over(), what or f"not within {timeout:.0f} s"
        time.sleep(0.02)


def communicate(child, input=None, timeout=TIMEOUT):
    """As the method of a child; as long as the machine needs for what takes so long."""
    deadline = Deadline(timeout)
    while True:
        try:
            return child.communicate(input, max(deadline.left(), 0.1))
        except subprocess.TimeoutExpired:
            if deadline.over():
                raise
            input = None    # it has been taken over


def _run(*argv, **more):
    return subprocess.run([str(arg) for arg in argv], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=True, text=True, **more).stdout


def _files(place):
    """The files below; those that go meanwhile do no harm."""
    return [pathlib.Path(where, name) for where, _, names in os.walk(place) for name in names]


def _is_socket(path):
    with contextlib.suppress(FileNotFoundError):
        return stat.S_ISSOCK(path.lstat().st_mode)
    return False


# Processes.

Process = collections.namedtuple("Process", "pid ppid name state argv exe")


def _process(pid):
    base = pathlib.Path(f"/proc/{pid}")
    line = (base / "stat").read_text()
    name, rest = line[line.index("(") + 1:line.rindex(")")], line[line.rindex(")") + 2:]
    state, ppid = rest.split()[:2]
    if state in "ZX":
        return None
    argv = (base / "cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
    return Process(pid, int(ppid), name, state, argv, os.readlink(base / "exe"))


def all_processes(wanted=lambda pid: True):
    """All processes that are no zombies and may be looked at, by pid."""
    found = {}
    for pid in (int(entry) for entry in os.listdir("/proc") if entry.isdigit()):
        with contextlib.suppress(OSError):
            process = wanted(pid) and _process(pid)
            if process:
                found[pid] = process
    return found


def marked_processes(mark):
    """The processes with this BELAY_TEST_ID."""
    line = f"{MARKER}={mark}".encode()

    def wanted(pid):
        return line in pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")

    return list(all_processes(wanted).values())


def descendants(pid):
    """The children of a process, their children and so on."""
    processes = all_processes()
    found, parents = [], {pid}
    while parents:
        children = [one for one in processes.values() if one.ppid in parents]
        found += children
        parents = {one.pid for one in children}
    return found


def kill(pid, number=signal.SIGKILL):
    """One that was found a moment ago, and may have ended since."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def ssh_children(term):
    """The ssh processes of the program in this terminal, belay or ssh."""
    return [one for one in descendants(term.pid) if one.name == "ssh"]


def kill_link(term, number=signal.SIGKILL):
    """Kills the ssh processes of a belay client; returns how many there were."""
    children = ssh_children(term)
    for child in children:
        kill(child.pid, number)
    return len(children)


def free_port(number=1):
    """The first of so many free ports on loopback; none that the kernel gives away by itself
    meanwhile (ip_local_port_range begins at 32768)."""
    while True:
        port = random.SystemRandom().randrange(21000, 32000)
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for one in range(port, port + number):
                stack.enter_context(socket.create_server(("127.0.0.1", one)))
            return port


# The server.

def find_sshd():
    """The path of an sshd, or None."""
    places = [os.environ.get("BELAY_SSHD"), "/usr/sbin/sshd",
              REPO / "build/deps/sshd/usr/sbin/sshd"]
    for place in filter(None, places):
        if os.access(place, os.X_OK):
            return pathlib.Path(place)
    return None


def find_nss_wrapper():
    """The path of libnss_wrapper.so, or None."""
    roots = [pathlib.Path("/usr/lib"), REPO / "build/deps"]
    return next((path for root in roots for path in root.rglob("libnss_wrapper.so*")),
                None)


def missing():
    """Why no test can be run here, or None."""
    if not find_sshd():
        return "no sshd: install openssh-server, or set BELAY_SSHD"
    if not find_nss_wrapper():
        return "no libnss_wrapper.so: install libnss-wrapper"
    return None


@functools.cache
def _keys():
    """A directory with a host key and a client key, for the life of this process."""
    place = tempfile.TemporaryDirectory(prefix="belay-keys-")
    for name in ("host", "client", "stranger"):
        _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name,
             "-f", f"{place.name}/{name}")
    return place


class Sshd:
    """A private sshd on loopback with one user, `tester`, who is whoever runs the tests.

    Login shell and home of the user come from libnss_wrapper.  `setenv` is set in every
    session, `config` are further lines of sshd_config, which override the others, `env`
    are variables of sshd itself, `within` the words of a command that runs it; these three may be
    changed before a start.  All files lie in `dir`.
    """

    def __init__(self, root, shell="/bin/bash", setenv=None, config=""):
        self.dir = pathlib.Path(root)
        self.home = self.dir / "home"
        self.shell = str(shell)
        self.log_path = self.dir / "sshd.log"
        self.port = None
        self.proc = None
        self.home.mkdir(mode=0o700, exist_ok=True)
        self.setenv = dict(setenv or {})
        self.config = config
        self.env = {}
        self.within = []
        self._write_users()

    def _write_users(self):
        ids = f"{os.getuid()}:{os.getgid()}"
        (self.dir / "passwd").write_text(
            f"tester:x:{ids}::{self.home}:{self.shell}\n"
            "sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin\n")
        (self.dir / "group").write_text(f"tester:x:{os.getgid()}:\nnogroup:x:65534:\n")

    @functools.cached_property
    def version(self):
        said = subprocess.run([find_sshd(), "-V"], capture_output=True, text=True)
        match = re.search(r"OpenSSH_(\d+)\.(\d+)", said.stderr + said.stdout)
        return tuple(map(int, match.groups())) if match else (0, 0)

    def _write_config(self):
        keys = _keys().name
        lines = [
            self.config, f"Port {self.port}", "ListenAddress 127.0.0.1",
            f"HostKey {keys}/host", f"AuthorizedKeysFile {keys}/client.pub",
            "PidFile none", "UsePAM no", "StrictModes no", "PermitRootLogin yes",
            "PasswordAuthentication no", "KbdInteractiveAuthentication no",
            "PrintLastLog no",
            "AcceptEnv LANG LC_*", "MaxStartups 100", "UseDNS no", "LogLevel VERBOSE"]
        if self.setenv:
            # One line: of several, sshd takes the first.
            lines.append("SetEnv " + " ".join(f'"{name}={value}"'
                                              for name, value in self.setenv.items()))
        if self.version >= (9, 8):
            lines.append("PerSourcePenalties no")
        helpers = find_sshd().parents[1] / "lib/openssh"
        for option, name in (("SshdSessionPath", "sshd-session"),
                             ("SshdAuthPath", "sshd-auth")):
            if (helpers / name).exists():
                lines.append(f"{option} {helpers / name}")
        path = self.dir / "sshd_config"
        path.write_text("\n".join(lines) + "\n")
        return path

    def start(self):
        """Starts it, on the same port as before if there was one."""
        if os.getuid() == 0:
            # It wants that; and stays, since others may be using it, too.
            os.makedirs("/run/sshd", 0o755, exist_ok=True)
        for _ in range(5):
            if self._try():
                return self
            self.port = None
        raise RuntimeError("sshd does not start:\n" + self.log()[-2000:])

    def _try(self):
        if not self.port:
            self.port = free_port()
        config = self._write_config()
        preload = f"{find_nss_wrapper()} {self.env.get('LD_PRELOAD', '')}"
        env = {"PATH": PATH, **self.env, "LD_PRELOAD": preload,
               "NSS_WRAPPER_PASSWD": str(self.dir / "passwd"),
               "NSS_WRAPPER_GROUP": str(self.dir / "group")}
        before = len(self.log())
        self.proc = subprocess.Popen(
            [*self.within, find_sshd(), "-D", "-f", config, "-E", self.log_path],
            env=env, stdin=subprocess.DEVNULL)
        wait_until(lambda: self.proc.poll() is not None
                   or "Server listening" in self.log()[before:])
        return self.proc.poll() is None

    def stop(self):
        """Ends it and all its connections, but not what runs in their sessions."""
        if not self.proc:
            return
        mine = [one for one in descendants(self.proc.pid) if one.name.startswith("sshd")]
        self.proc.kill()
        self.proc.wait()
        self.proc = None
        for one in mine:
            kill(one.pid)

    def connections(self):
        """How many connections it serves now."""
        return sum(one.ppid == self.proc.pid for one in descendants(self.proc.pid))

    def log(self):
        return self.log_path.read_text() if self.log_path.exists() else ""

    def logins(self):
        """How many logins there have been."""
        return self.log().count("Accepted publickey")


# What a login shell reads first: a prompt to wait for, and nothing else.

RC_FILES = {
    "sh": {".profile": "PS1='ready$ '\n"},
    "bash": {".bash_profile": "PS1='ready$ '\n", ".bashrc": ""},
    "zsh": {".zshrc": "PS1='ready$ '\n", ".zshenv": ""},
    "fish": {".config/fish/config.fish":
             "function fish_prompt; echo -n 'ready$ '; end\nset -g fish_greeting\n"},
    "csh": {".cshrc": "if ($?prompt) set prompt='ready$ '\n"},
    "ksh": {".profile": "PS1='ready$ '\n", ".kshrc": ""},
}
RC_FILES |= {"dash": RC_FILES["sh"], "ash": RC_FILES["sh"], "tcsh": RC_FILES["csh"],
             "ksh93": RC_FILES["ksh"], "mksh": RC_FILES["ksh"] | {".mkshrc": ""}}


def find_shell(name, place):
    """The path of a shell, or None; `ash` is busybox, linked into `place`."""
    if name != "ash":
        return shutil.which(name, path="/bin:" + PATH)
    busybox = shutil.which("busybox", path=PATH)
    if not busybox:
        return None
    link = pathlib.Path(place) / "ash"
    link.symlink_to(busybox)
    return str(link)


# The client.

def belay_path():
    path = pathlib.Path(os.environ.get("BELAY") or REPO / "build/belay")
    assert os.access(path, os.X_OK), f"no program {path}: make it first, or set BELAY"
    return path.absolute()


def belay_argv(host, *more, to="testhost"):
    """belay with further options, to the host of a Host."""
    return [belay_path(), "-F", host.cfg, *more, to]


class Host:
    """A host, the network before it, and the clients of one test.

    In `dir`: home (of the user there), run (session sockets), client (HOME of the
    clients), out (answers of output_of()), cfg (for ssh -F).
    """

    def __init__(self, shell="bash", setenv=None, sshd_config="", ssh_config=""):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="bt.", dir="/tmp"))
        self.id = self.dir.name
        self.run = self._folder("run")
        self.out = self._folder("out")
        self.client_home = self._folder("client")
        self.cfg = self.dir / "cfg"
        self.terms = []
        self.may_leave_sockets = False
        self._closed = False
        self._mounts = []
        self._shared_before = [place for place in SHARED_PLACES if place.exists()]
        self._answers = 0
        self.sshd = self.proxy = None
        atexit.register(self.close, patience=0)
        try:
            self._set_up(shell, setenv, sshd_config, ssh_config)
        except BaseException:
            self.close(patience=0)
            raise

    def _set_up(self, shell, setenv, sshd_config, ssh_config):
        path = find_shell(shell, self.dir)
        sanitizers = {name: os.environ[name] for name in SANITIZERS if name in os.environ}
        env = {MARKER: self.id + ".host", "BELAY_RUN_DIR": self.run, **sanitizers,
               **(setenv or {})}
        self.sshd = Sshd(self.dir, path or "/bin/sh", env, sshd_config)
        for name, text in RC_FILES[shell].items():
            self.home_file(name, text)
        self.sshd.start()
        self.proxy = Proxy(self.sshd.port)
        self.configure(ssh_config)

    @property
    def keys(self):
        """Where the keys host, client and stranger are."""
        return pathlib.Path(_keys().name)

    @property
    def home(self):
        return self.dir / "home"

    def _folder(self, name):
        path = self.dir / name
        path.mkdir(mode=0o700)
        return path

    def home_file(self, name, text):
        """Adds text to a file in the home of the user on the host."""
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.write(text.encode() if isinstance(text, str) else text)

    def configure(self, extra="", port=None, key="client", host_key="host"):
        """Writes the ssh configuration; without a port, it leads through the proxy.

        What is in `extra` comes first and so overrides the rest.  The keys are host,
        client and stranger.
        """
        keys = _keys().name
        public = pathlib.Path(keys, f"{host_key}.pub").read_text()
        (self.dir / "known_hosts").write_text(f"testhost {public}")
        lines = ["Host testhost", "HostName 127.0.0.1", "HostKeyAlias testhost",
                 f"Port {port or self.proxy.port}", "User tester",
                 f"IdentityFile {keys}/{key}", "IdentitiesOnly yes",
                 "IdentityAgent none", f"UserKnownHostsFile {self.dir}/known_hosts",
                 "GlobalKnownHostsFile none", "StrictHostKeyChecking yes"]
        self.cfg.write_text(f"Host *\n{extra}\n" + "\n  ".join(lines) + "\n")

    # Clients.

    def client_env(self, **more):
        home = self.client_home
        env = {"HOME": home, "PATH": PATH, "LANG": "C.UTF-8", "TERM": "xterm-256color",
               "USER": "local", "LOGNAME": "local", "SHELL": "/bin/sh",
               "XDG_CACHE_HOME": home / "cache", "XDG_CONFIG_HOME": home / "config",
               "XDG_STATE_HOME": home / "state", "XDG_DATA_HOME": home / "data",
               "XDG_RUNTIME_DIR": home / "runtime", MARKER: self.id + ".client",
               # raw bytes are compared; who looks sets them None
               "BELAY_STATUS": "off", "BELAY_PREDICT": "never",
               # most tests cut and count the connections of one client
               "BELAY_ALONE": "yes",
               # what cuts connections here does not cut datagrams
               "BELAY_UDP": "never"}
        for name in ("BELAY_SERVERS", *SANITIZERS):
            if name in os.environ:
                env[name] = os.environ[name]
        env.update(more)
        (home / "runtime").mkdir(mode=0o700, exist_ok=True)
        return {name: str(value) for name, value in env.items() if value is not None}

    def start(self, argv, env=None, **more):
        """Runs a program in a terminal; it ends with the test at the latest."""
        env = self.client_env(**(env or {}))
        term = Term(argv, env=env, cwd=self.client_home, **more)
        self.terms.append(term)
        return term

    def belay(self, *options, to="testhost", **more):
        return self.start(belay_argv(self, *options, to=to), **more)

    def ssh(self, *options, **more):
        return self.start(["ssh", "-F", self.cfg, *options, "testhost"], **more)

    def shell(self, *options, **more):
        """A belay at the prompt of its session."""
        term = self.belay(*options, **more)
        term.expect(PROMPT)
        return term

    @contextlib.contextmanager
    def popen(self, argv, env=None, **more):
        """A program on pipes, without a terminal; it must end within the block."""
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        with subprocess.Popen([str(arg) for arg in argv], cwd=self.client_home,
                              env=self.client_env(**(env or {})),
                              start_new_session=True, **(pipes | more)) as child:
            try:
                yield child
            except BaseException:
                child.kill()
                raise

    def piped(self, argv, input=b"", timeout=TIMEOUT, **more):
        """Runs a program on pipes, to its end; input None: more["stdin"] is its own."""
        with self.popen(argv, **more) as child:
            out, err = communicate(child, input, timeout)
        return subprocess.CompletedProcess(child.args, child.returncode, out, err)

    def finish(self, *terms):
        """Ends sessions as a user does, from a prompt."""
        for term in terms:
            term.line("exit 0")
            assert term.wait_exit() == 0
            term.assert_sane()

    def output_of(self, term, command):
        """What a command writes when it is typed at the prompt of a POSIX shell."""
        self._answers += 1
        path, done = self.out / str(self._answers), f"done-{self._answers}"
        term.line(f"{{ {command}; }} >{path} 2>&1; echo {done[:1]}''{done[1:]}")
        term.expect(done)
        term.expect(PROMPT)
        return path.read_text()

    # The other end.

    def processes(self):
        """What runs on the host."""
        return marked_processes(self.id + ".host")

    def client_processes(self):
        leaders = {term.leader.pid for term in self.terms}
        return [one for one in marked_processes(self.id + ".client")
                if one.pid not in leaders]

    def running(self, *argv):
        """The process on the host with this command line, or None."""
        return next((one for one in self.processes() if one.argv == list(argv)), None)

    def wait_gone(self, timeout=TIMEOUT):
        """Waits until nothing runs on the host any more."""
        self._wait_ended(lambda: not self.processes(), timeout)

    def _wait_ended(self, ended, timeout):
        """Where a login took long, a second one was made beside it, and the session of a command
        stays for three minutes after its end, so that a late one starts nothing (LATE)."""
        wait_until(lambda: ended() or self._only_waits(), timeout, "something runs on the host")
        wait_until(ended, timeout if not self._only_waits() else LATE,
                   "something runs on the host")

    def _only_waits(self):
        """Holders are left without a program."""
        there = self.processes()
        parents = {one.ppid for one in there}
        return there and not self.client_processes() and all(
            one.argv[1:2] == ["hold"] and one.pid not in parents for one in there)

    def holder(self, term):
        """The process that holds the session of a POSIX shell at its prompt."""
        shell = int(self.output_of(term, "echo $$"))
        processes = all_processes()
        return processes[processes[shell].ppid]

    def relays(self):
        """The processes of the server that serve a connection."""
        return [one for one in self.processes() if "attach" in one.argv[1:]]

    def candidates(self):
        """The directories where the server may come to lie, in the order of choice."""
        env = self.sshd.setenv if self.sshd else {}
        cache = pathlib.Path(env.get("XDG_CACHE_HOME", self.home / ".cache"))
        runtime = env.get("XDG_RUNTIME_DIR")
        own = [cache / "belay"] + ([pathlib.Path(runtime, "belay")] if runtime else [])
        return own + SHARED_PLACES

    def server_files(self, place=None):
        """The files below a candidate directory; the first one if none is named."""
        place = place or self.candidates()[0]
        return sorted(path for path in _files(place) if path.is_file() and not path.is_symlink())

    def mount(self, path, *options):
        """Mounts until the end of the test."""
        path.mkdir(parents=True, exist_ok=True)
        _run("mount", *options, path)
        self._mounts.append(path)

    # The end.

    def leftovers(self):
        """What ought not to be there when all clients have ended."""
        found = [f"process {one.pid}: {' '.join(one.argv) or one.name}"
                 for one in self.processes() + self.client_processes()]
        if not self.may_leave_sockets:
            found += [f"socket {path}" for path in _files(self.run) if _is_socket(path)]
        own = [place for place in self.candidates() if place not in SHARED_PLACES]
        new = [place for place in SHARED_PLACES if place not in self._shared_before]
        for place in own + new:
            found += [f"temporary file {path}" for path in _files(place)
                      if "tmp." in path.name]
        return found

    def close(self, patience=10):
        """Ends everything; returns what did not end by itself within `patience`."""
        if self._closed:
            return []
        self._closed = True
        atexit.unregister(self.close)
        try:
            if self.proxy:
                self._end_clients(patience)
        finally:
            if self.sshd:
                self.sshd.stop()
            if self.proxy:
                self.proxy.close()
            left = self.leftovers()
            for mark in (".host", ".client"):
                while self._kill_marked(mark):
                    time.sleep(0.02)
            self._clean()
        return left

    def _end_clients(self, patience):
        self.proxy.heal()
        left = False  # a shell that is left goes on; this is its end
        for term in self.terms:
            if term.status is None and not term.closed:
                kill(term.pid, signal.SIGTERM)
                term.pump(patience, lambda: term.status is not None)
                left = True
            term.close()
        for one in self.processes() if left else []:
            if "hold" in one.argv[1:]:
                kill(one.pid, signal.SIGTERM)
        with contextlib.suppress(AssertionError):
            wait_until(lambda: not self.leftovers() or self._only_waits(), timeout=patience)
        if self._only_waits() and self.sshd and self.sshd.logins() > 1:
            for one in self.processes():    # for an attempt that may be late, see wait_gone()
                kill(one.pid, signal.SIGTERM)
        with contextlib.suppress(AssertionError):
            wait_until(lambda: not self.leftovers(), timeout=patience)

    def _kill_marked(self, mark):
        processes = marked_processes(self.id + mark)
        for one in processes:
            kill(one.pid)
        return processes

    def _clean(self):
        for path in reversed(self._mounts):
            with contextlib.suppress(subprocess.CalledProcessError):
                _run("umount", "-l", path)
        for place in SHARED_PLACES:
            if place not in self._shared_before:
                shutil.rmtree(place, ignore_errors=True)
        if os.environ.get("BELAY_E2E_KEEP"):
            print(f"kept: {self.dir}", file=sys.stderr)
        else:
            for path in (self.home, self.home / ".cache"):
                with contextlib.suppress(OSError):
                    path.chmod(0o700)
            shutil.rmtree(self.dir, ignore_errors=True)

    def report(self):
        """What to look at when a test has failed."""
        text = [f"--- sshd ---\n{self.sshd.log()[-3000:]}"]
        for term in self.terms:
            text.append(f"--- {' '.join(map(str, term.leader.args[5:]))}: "
                        f"status {term.status} ---\n{term.tail()}")
        text += [f"running: {one}" for one in self.processes() + self.client_processes()]
        return "\n".join(text)


# The tables of the client.

Tables = collections.namedtuple("Tables", "keywords letters")


@functools.cache
def tables():
    """What the client knows: who carries out each keyword of ssh_config(5), and which
    letters of ssh(1) take a value."""
    with tempfile.TemporaryDirectory(prefix="belay-tables-") as place:
        _run("gcc", "-std=c17", "-D_DEFAULT_SOURCE", "-Isrc", "-o", f"{place}/keywords",
             "tests/doc/keywords.c", "src/ssh/ssh_config.c", "src/ssh/options.c",
             "src/ssh/own_options.c", "src/base/session_name.c",
             "src/base/buf.c", "src/base/err.c", cwd=REPO)
        lines = [line.split() for line in _run(f"{place}/keywords").splitlines()]
    return Tables({name: who for kind, name, who in lines if kind == "keyword"},
                  {name: how == "value" for kind, name, how in lines if kind == "letter"})


def manual_page(name):
    """The source of a manual page of this machine, or None."""
    for path in pathlib.Path("/usr/share/man").glob(f"man*/{name}*"):
        with contextlib.suppress(OSError):
            return (gzip.open if path.suffix == ".gz" else open)(path, "rb").read().decode()
    return None
