"""Programs that call ssh by themselves: each once with ssh, and twice in a row with belay and a cut.

A script called `ssh` is first in their PATH, as doc/USES.md has it; all that a tool says and
brings must be the same with both.  In the middle, where a tool has a program run on the host,
that program waits until the connection has been cut: reset, or its sshd, or the link's ssh
killed.  Run by tests/conformance/run, a few of them by tests/e2e/test_conformance.py.
"""

import contextlib
import http.client
import http.server
import json
import os
import pathlib
import random
import re
import shlex
import shutil
import signal
import socket
import socketserver
import subprocess
import threading
import time

import cases
from cases import Missing, sum_of
from harness import PATH, all_processes, belay_path, free_port, kill, wait_until

PATIENCE = 120          # seconds that a tool may take
TTY_SIZE = 200_000      # bytes, of what goes through terminals and scripts
# On the host: says that it is there, and waits until the connection has been cut.
MIDDLE = """#!/bin/sh
: >{flag}
while [ -e {flag} ]; do sleep 0.05; done
"""
SSH = """#!/bin/sh
exec {ssh} -F {cfg} "$@"
"""


class Play:
    """A tool's places, and the ssh that it finds."""

    def __init__(self, host, with_belay, cut=None):
        self.host, self.cut = host, cut
        self.here, self.there = host.client_home / "work", host.home / "work"
        for place in (self.here, self.there):
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
        self.flag = self.there / "in-the-middle"
        self.middle = self.script(self.there / "middle", MIDDLE.format(flag=self.flag))
        front = self.here / "front"
        front.mkdir()
        ssh = belay_path() if with_belay else shutil.which("ssh")
        self.script(front / "ssh", SSH.format(ssh=shlex.quote(str(ssh)), cfg=host.cfg))
        for name in ("scp", "sftp"):        # which do not look for ssh in PATH
            if shutil.which(name):
                self.script(front / name, f'#!/bin/sh\nexec {shutil.which(name)} -S ssh "$@"\n')
        self.path = f"{front}:{PATH}"
        self.rng = random.Random(1)
        self._killed, self._before = 0, host.proxy.cuts

    def script(self, path, text):
        path.write_text(text)
        path.chmod(0o755)
        return path

    def host_program(self, name, text):
        """One that is first in PATH on the host."""
        front = self.there / "bin"
        front.mkdir(exist_ok=True)
        self.script(front / name, text)
        (self.host.home / ".bashrc").write_text(f"PATH={front}:$PATH\n")

    def file(self, path, size=TTY_SIZE):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.rng.randbytes(size))
        return path

    def env(self, **more):
        # As a user has it: windows share a login.
        return self.host.client_env(PATH=self.path, BELAY_ALONE=None, BELAY_SFTP="own", **more)

    @property
    def cuts(self):
        return self.host.proxy.cuts - self._before + self._killed

    def trouble(self):
        """Cuts the connection, as this run has it; plain ssh's goes on."""
        if self.cut == "reset":
            self.host.proxy.cut()
        elif self.cut == "sshd":
            processes = all_processes()
            for relay in self.host.relays():
                while relay and not relay.name.startswith("sshd"):
                    relay = processes.get(relay.ppid)
                self._kill([relay] if relay else [])
        elif self.cut == "ssh":
            self._kill(one for one in self.host.client_processes()
                       if one.name == "ssh" and "-oRemoteCommand=none" in one.argv)

    def _kill(self, processes):
        for one in processes:
            kill(one.pid)
            self._killed += 1

    def wait_in_the_middle(self):
        """As MIDDLE does, for what plays the host's part here."""
        self.flag.touch()
        wait_until(lambda: not self.flag.exists())

    @contextlib.contextmanager
    def in_the_middle(self):
        """Meanwhile the connection is cut each time that the host says that it is so far."""
        over, times = threading.Event(), []

        def watch():
            while not over.wait(0.02):
                if self.flag.exists():
                    self.trouble()
                    times.append(1)
                    time.sleep(0.1)
                    with contextlib.suppress(FileNotFoundError):
                        self.flag.unlink()

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
        assert times, "it has not come to the middle"

    def run(self, *argv, cwd=None, stdin=subprocess.DEVNULL, **env):
        """Runs a tool, which must end well; returns what it said on stdout."""
        argv = [str(word) for word in argv]
        need(argv[0], self.path)
        done = subprocess.run(argv, cwd=cwd or self.here, env=self.env(**env), stdin=stdin,
                              capture_output=True, timeout=PATIENCE, start_new_session=True)
        said = (done.stdout + done.stderr).decode(errors="replace")[-9000:]
        assert done.returncode == 0, f"{argv[0]} ended with {done.returncode}: {said}"
        return done.stdout.decode(errors="replace")

    def cut_middle(self, direction, size):
        """Of a tool that runs nothing of ours: cuts behind so many bytes."""
        if self.cut:
            self.host.proxy.cut_after(size, direction, [size, size])


def need(program, path=PATH):
    if not shutil.which(program, path=path):
        raise Missing(f"no {program} here")


def module(name):
    if subprocess.run(["/usr/bin/python3", "-c", f"import {name}"], capture_output=True).returncode:
        raise Missing(f"no {name} for Python here")


# Programs that drive a shell on a terminal.

TRAMP = r"""
(require 'tramp)
(setq tramp-verbose 1 backup-inhibited t auto-save-default nil create-lockfiles nil
      tramp-persistency-file-name nil vc-handled-backends nil
      remote-file-name-inhibit-cache t)
(let* ((default-directory "/METHOD:testhost:THERE/")
       (coding-system-for-read 'binary) (coding-system-for-write 'binary)
       (large (expand-file-name "large")) (back (expand-file-name "back")))
  (princ (format "made: %s\n" (process-file "/bin/sh" nil nil nil "-c" "exit 7")))
  (copy-file "HERE/large" large t)
  (princ (shell-command-to-string "./middle; echo behind the middle"))
  (with-temp-file back (insert-file-contents-literally large))
  (copy-file back "HERE/back" t)
  (princ (format "files: %S\n" (directory-files default-directory nil "^[a-z]+$")))
  (princ (format "there: %S %S\n" (file-exists-p back) (file-attribute-size (file-attributes back))))
  (let ((process (start-file-process "it" (generate-new-buffer "it") "/bin/sh" "-c"
                                     "./middle; echo one; echo two")))
    (set-process-query-on-exit-flag process nil)
    (set-process-sentinel process 'ignore)
    (while (accept-process-output process 20))
    (princ (with-current-buffer (process-buffer process) (buffer-string))))
  (delete-file back))
"""


def tramp(play, method="ssh"):
    file = play.file(play.here / "large")
    text = TRAMP.replace("METHOD", method).replace("THERE", str(play.there))
    (play.here / "play.el").write_text(text.replace("HERE", str(play.here)))
    with play.in_the_middle():
        said = play.run("emacs", "-Q", "--batch", "-l", "play.el", TERM="dumb")
    assert sum_of(play.there / "large") == sum_of(file)
    return said, sum_of(play.here / "back")


def tramp_scp(play):
    return tramp(play, "scp")


# It leaves while a program reads, as a script does that has what it wanted.
EXPECT = r"""
set timeout 60
spawn ssh testhost
expect_before {
    timeout { puts "it did not come"; exit 1 }
    eof { puts "the end"; exit 1 }
}
expect -ex {ready$ }
send "echo \$((6 * 7)) shell\r"
expect "42 shell"
expect -ex {ready$ }
send "./work/middle; echo beh''ind\r"
expect "behind"
expect -ex {ready$ }
send "echo reads''; while read word; do echo \"got \$word\"; done\r"
expect -ex "reads\r\n"
send "a-word\r"
expect "got a-word"
close
wait
"""


def script_of_expect(play):
    """The second time a line says that there is another session; nothing else is different."""
    (play.here / "play.exp").write_text(EXPECT)
    with play.in_the_middle():
        said = play.run("expect", "play.exp")
    return re.sub(r"belay: a new session; .*\n", "", said.replace("\r", ""))


PEXPECT = """
import pexpect, sys
from pexpect import pxssh
it = pxssh.pxssh(timeout=60, encoding="utf-8", options={"ControlMaster": "no"})
it.login("testhost", "tester", sync_multiplier=3, quiet=False, login_timeout=60)
for line in ("echo $((6 * 7))", "./work/middle; echo behind", "tty >/dev/null && echo terminal",
             "seq 2000 | cksum", "false; echo $?"):
    it.sendline(line)
    assert it.prompt(), it.before
    print(it.before.replace("\\r", ""))
it.logout()
it = pexpect.spawn("ssh", ["-t", "testhost", "read word; ./work/middle; echo [$word]; exit 5"],
                   encoding="utf-8", timeout=60)
it.sendline("typed")
it.expect_exact("[typed]")
it.expect(pexpect.EOF)
it.close()
print(it.exitstatus)
"""


def script_of_pexpect(play):
    module("pexpect")
    with play.in_the_middle():
        return play.run("/usr/bin/python3", "-c", PEXPECT)


# Files, backups, repositories.

def file_system(play):
    if not os.access("/dev/fuse", os.W_OK):
        raise Missing("no FUSE here")
    tree, mounted = play.there / "tree", play.here / "mounted"
    mounted.mkdir()
    play.file(tree / "file", 2_000_000)
    play.cut_middle("down", 500_000)
    play.run("sshfs", f"testhost:{tree}", mounted)
    try:
        shutil.copyfile(mounted / "file", play.here / "copy")
        shutil.copyfile(mounted / "file", mounted / "again")
        names = sorted(os.listdir(mounted))
    finally:
        play.run("fusermount3" if shutil.which("fusermount3") else "fusermount", "-u", mounted)
    return names, sum_of(play.here / "copy"), sum_of(tree / "again")


def trees(play):
    """Files to save, and where they come back to."""
    for number in range(5):
        play.file(play.here / "tree" / str(number), 400_000)
    (play.here / "back").mkdir()
    return play.here / "tree", play.here / "back"


def borg(play):
    tree, back = trees(play)
    env = {"BORG_REPO": f"ssh://testhost/{play.there}/repository", "BORG_BASE_DIR": play.here,
           "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes"}
    play.run("borg", "init", "-e", "none", **env)
    play.cut_middle("up", 500_000)
    play.run("borg", "create", "-C", "none", "::first", "tree", **env)
    play.cut_middle("down", 500_000)
    play.run("borg", "extract", "::first", cwd=back, **env)
    said = play.run("borg", "list", "--short", **env)
    return said, sum_of(back / "tree") == sum_of(tree)


def restic(play):
    tree, back = trees(play)
    env = {"RESTIC_REPOSITORY": f"sftp:testhost:{play.there}/repository",
           "RESTIC_PASSWORD": "secret"}
    play.run("restic", "init", "-q", **env)
    play.cut_middle("up", 500_000)
    play.run("restic", "backup", "-q", "tree", **env)
    play.cut_middle("down", 500_000)
    play.run("restic", "restore", "-q", "latest", "--target", back, **env)
    play.run("restic", "check", "-q", "--read-data", **env)
    return sum_of(next(back.rglob("tree"))) == sum_of(tree)


def git_annex(play):
    need("git-annex")
    env = cases.GIT | {"HOME": play.here}

    def git(*words, cwd="ours"):
        return play.run("git", *words, cwd=play.here / cwd, **env)

    git("init", "-q", "-b", "main", "ours", cwd=".")
    git("annex", "init", "-q", "ours")
    play.run("git", "init", "-q", "--bare", play.there / "theirs", **env)
    play.run("git", "annex", "init", "-q", "theirs", cwd=play.there / "theirs", **env)
    file = play.file(play.here / "ours/file", 2_000_000)
    want = sum_of(file)
    git("annex", "add", "-q", "file")
    git("commit", "-qm", "file")
    git("remote", "add", "origin", f"ssh://testhost{play.there}/theirs")
    play.cut_middle("up", 500_000)
    git("annex", "sync", "-q", "--no-resolvemerge", "origin")
    git("annex", "copy", "-q", "--to", "origin", "file")
    git("annex", "drop", "-q", "file")
    play.cut_middle("down", 500_000)
    git("annex", "get", "-q", "file")
    said = git("annex", "whereis", "--json", "file").count('"description"')
    return said, sum_of(pathlib.Path(os.path.realpath(file))) == want


# Many hosts.

PLAYBOOK = """
- hosts: testhost
  gather_facts: true
  tasks:
  - command: {there}/middle
  - copy: {{src: "{here}/large", dest: "{there}/large"}}
  - shell: ./middle; cksum large
    args: {{chdir: "{there}"}}
    register: sum
  - debug: {{msg: "{{{{ sum.stdout }}}}"}}
  - fetch: {{src: "{there}/large", dest: "{here}/back", flat: true}}
"""


def playbook(play, **env):
    need("ansible-playbook")
    play.file(play.here / "large")
    (play.here / "play.yml").write_text(PLAYBOOK.format(here=play.here, there=play.there))
    sockets = play.here / "cp"
    with play.in_the_middle():
        try:
            said = play.run("ansible-playbook", "-i", "testhost,", "play.yml", ANSIBLE_NOCOLOR="1",
                            ANSIBLE_SSH_CONTROL_PATH_DIR=sockets, ANSIBLE_STDOUT_CALLBACK="default",
                            ANSIBLE_PYTHON_INTERPRETER="/usr/bin/python3", **env)
        finally:
            for one in sockets.glob("*"):       # it would stay for a minute
                play.run("ssh", "-S", one, "-O", "exit", "testhost")
    return said, sum_of(play.here / "back")


def playbook_pipelined(play):
    return playbook(play, ANSIBLE_PIPELINING="True")


def parallel(play):
    for name in ("one", "two"):
        play.file(play.here / name)
    with play.in_the_middle():
        said = play.run("parallel", "--will-cite", "--keep-order", "--sshlogin", "1/testhost",
                        "--workdir", play.there, "--transferfile", "{}", "--return", "{}.sum",
                        "--cleanup", "./middle; cksum {} >{}.sum; echo {}", ":::", "one", "two")
    return said, *((play.here / f"{name}.sum").read_text() for name in ("one", "two"))


# Programs that have a protocol over it.

def through(connect, data, play):
    """Whether an echo sends this back; in the middle the connection is cut."""
    back, step = b"", len(data) // 30
    with connect() as sock:
        sock.settimeout(60)
        for at in range(0, len(data), step):
            if at == 15 * step:
                play.trouble()
            sock.sendall(data[at:at + step])
            while len(back) < at + step:
                part = sock.recv(65536)
                assert part, f"the end after {len(back)} bytes"
                back += part
    return back == data


class Background:
    """A program that runs until it is told to end, and what it has said."""

    def __init__(self, play, *argv, **more):
        need(argv[0], play.path)
        self.child = subprocess.Popen([str(word) for word in argv], cwd=play.here, env=play.env(),
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, **more)
        self.said = b""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self):
        while data := os.read(self.child.stdout.fileno(), 65536):
            self.said += data

    def write(self, data):
        self.child.stdin.write(data)
        self.child.stdin.flush()

    def expect(self, what):
        wait_until(lambda: what in self.said or self.child.poll() is not None,
                   what=f"{what} is not said: {self.said}")
        assert what in self.said, self.said

    def end(self):
        """Its status."""
        self.child.stdin.close()
        status = self.child.wait(30)
        self._reader.join()
        self.child.stdout.close()
        return status

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.child.poll() is None:
            self.child.terminate()
        self.end()


# A network that only the host reaches: sshuttle's server runs in it.
FAR = "10.99.0.1"
FAR_ECHO = f"""
import socket, threading
server = socket.create_server(("{FAR}", 7))
print("listening", flush=True)
def serve(sock):
    while data := sock.recv(65536):
        sock.sendall(data)
while True:
    threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
"""
FAR_NETWORK = """
ip link set lo up && ip address add {far} dev lo && exec /usr/bin/python3 -c '{echo}'
"""


def sshuttle(play):
    need("sshuttle")
    if os.getuid() or subprocess.run(["iptables", "-w", "-t", "nat", "-L"], capture_output=True,
                                     check=False).returncode:
        raise Missing("no iptables here")
    subprocess.run(["ip", "route", "replace", FAR, "dev", "lo", "src", "127.0.0.1"], check=True)
    network = FAR_NETWORK.format(far=FAR, echo=FAR_ECHO)
    with Background(play, "unshare", "-n", "sh", "-c", network) as far:
        far.expect(b"listening")
        play.host_program("python3", f"#!/bin/sh\nexec nsenter --net=/proc/{far.child.pid}/ns/net "
                                     '/usr/bin/python3 "$@"\n')
        with Background(play, "sshuttle", "--method", "nat", "--disable-ipv6", "-v", "-r", "testhost",
                        FAR + "/32", stderr=subprocess.STDOUT) as it:
            it.expect(b"Connected to server")
            return through(lambda: connect_patiently((FAR, 7)), play.rng.randbytes(300_000), play)


def connect_patiently(address):
    """Until there is somebody."""
    def connected():
        with contextlib.suppress(OSError):
            return socket.create_connection(address, 5)
    return wait_until(connected)


# Docker's client, or its command line where there is none; on the host only a program of that name,
# which leads to a socket.
DIAL = """#!/usr/bin/python3 -S
import os, select, socket, sys
assert sys.argv[1:] == ["system", "dial-stdio"], sys.argv
sock = socket.socket(socket.AF_UNIX)
sock.connect("{socket}")
while True:
    for one in select.select([0, sock], [], [])[0]:
        data = os.read(0, 65536) if one == 0 else sock.recv(65536)
        if not data:
            sys.exit()
        while data and one != 0:
            data = data[os.write(1, data):]
        sock.sendall(data)
"""
VERSION = {"Version": "20.10", "ApiVersion": "1.41", "MinAPIVersion": "1.12", "Os": "linux",
           "Arch": "amd64", "KernelVersion": "5", "GoVersion": "go1", "GitCommit": "0",
           "Components": [], "Platform": {"Name": "played"}}


@contextlib.contextmanager
def docker_service(play, image):
    """A socket that answers as Docker's daemon; an image stops in the middle."""
    path = play.there / "docker.sock"

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def answer(self, kind, parts, size):
            self.send_response(200)
            self.send_header("Api-Version", VERSION["ApiVersion"])
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(size))
            self.end_headers()
            for part in parts:
                self.wfile.write(part)

        def halves(self):
            yield image[:len(image) // 2]
            play.wait_in_the_middle()
            yield image[len(image) // 2:]

        def do_HEAD(self):
            self.answer("text/plain", [], 0)

        def do_GET(self):
            if "/images/" in self.path:
                self.answer("application/x-tar", self.halves(), len(image))
                return
            text = b"OK" if "_ping" in self.path else json.dumps(VERSION).encode()
            self.answer("application/json", [text], len(text))

    class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
        daemon_threads = True

    with Server(str(path), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.1,))
        thread.start()
        try:
            yield path
        finally:
            server.shutdown()
            thread.join()


def docker(play):
    image = play.rng.randbytes(2_000_000)
    with docker_service(play, image) as path, play.in_the_middle():
        play.host_program("docker", DIAL.format(socket=path))
        if shutil.which("docker", path=PATH):
            env = {"DOCKER_HOST": "ssh://tester@testhost", "DOCKER_CONFIG": play.here}
            said = play.run("docker", "version", "--format", "{{.Server.Version}}", **env)
            play.run("docker", "image", "save", "-o", "image", "it", **env)
            return said, (play.here / "image").read_bytes() == image
        with subprocess.Popen(["ssh", "-l", "tester", "--", "testhost", "docker", "system",
                               "dial-stdio"], env=play.env(), stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as child:
            child.stdin.write(b"GET /v1.41/images/get?names=it HTTP/1.1\r\nHost: d\r\n\r\n")
            child.stdin.flush()
            answer = http.client.HTTPResponse(Reader(child.stdout))
            answer.begin()
            same = answer.read() == image
            child.terminate()
        return same


class Reader:
    """What http.client takes a file for."""

    def __init__(self, file):
        self.file = file

    def makefile(self, _):
        return self.file


def libvirt(play, proxy="netcat"):
    """virsh and libvirtd, with its driver for tests."""
    need("virsh")
    if os.getuid() or not shutil.which("libvirtd", path=PATH):
        raise Missing("no libvirtd here")
    (play.there / "libvirtd.conf").write_text(
        f'unix_sock_dir = "{play.there}"\nauth_unix_rw = "none"\nauth_unix_ro = "none"\n')
    none = play.there / "none"
    none.mkdir()
    with subprocess.Popen(["libvirtd", "-f", play.there / "libvirtd.conf", "-p",
                           play.there / "pid"], env=play.env(LIBVIRT_DRIVER_DIR=none),
                          stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as daemon:
        try:
            wait_until(lambda: daemon.poll() is not None
                       or (play.there / "libvirt-sock").exists())
            assert daemon.poll() is None, daemon.stdout.read()
            play.cut_middle("down", 15_000)
            return play.run("virsh", "-c", f"test+ssh://testhost/default?proxy={proxy}"
                            f"&socket={play.there}/libvirt-sock&no_tty=1&command=ssh",
                            "; ".join(["dumpxml test; list --all; capabilities"] * 40))
        finally:
            daemon.terminate()
            daemon.communicate(timeout=30)


# As VS Code's: a script on stdin starts a server on the host, and says where; the editor comes to it
# by -D and ends its ssh when its window is closed.
EDITOR = """
it() {
id=84aa
printf '%s: running\\n' $id
uname -s
python3 -c '
import socket, threading
server = socket.create_server(("127.0.0.1", 0))
print("listeningOn==%d==" % server.getsockname()[1], flush=True)
def serve(sock):
    while data := sock.recv(65536):
        sock.sendall(data)
    sock.close()
while True:
    threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
' &
printf '%s: end\\n' $id
while read line; do echo "heard $line"; done
kill $!
}
it
"""


def socks(port, to):
    """A connection by way of SOCKS 5."""
    sock = socket.create_connection(("127.0.0.1", port), 60)
    sock.sendall(b"\5\1\0")
    assert sock.recv(2) == b"\5\0"
    sock.sendall(b"\5\1\0\3\x09127.0.0.1" + to.to_bytes(2, "big"))
    assert sock.recv(10)[:2] == b"\5\0"
    return sock


def editor(play):
    port = free_port()
    with Background(play, "ssh", "-T", "-D", port, "-o", "ConnectTimeout=15", "testhost",
                    "bash") as it:
        it.write(EDITOR.encode())
        it.expect(b"==\n")
        it.expect(b": end\n")
        to = int(re.search(rb"On==(\d+)==", it.said)[1])
        same = through(lambda: socks(port, to), play.rng.randbytes(300_000), play)
        it.write(b"a word\n")
        it.expect(b"heard a word\n")
        status = it.end()
    return same, sorted(re.sub(rb"\d+==", b"N==", it.said).splitlines()), status


PARAMIKO = """
import paramiko, sys
it = paramiko.SSHClient()
it.load_host_keys(sys.argv[2])
it.connect("testhost", username="tester", key_filename=sys.argv[3], look_for_keys=False,
           allow_agent=False, sock=paramiko.ProxyCommand(sys.argv[1]))
into, out, err = it.exec_command("./work/middle; cat; exit 5")
into.write(b"typed\\n" * 20000)
into.channel.shutdown_write()
print(len(out.read()), err.read(), out.channel.recv_exit_status())
it.close()
"""


def paramiko(play):
    """A program with an ssh of its own, by ProxyCommand: with ssh too, for `ssh -W`."""
    module("paramiko")
    host = play.host
    with play.in_the_middle():
        return play.run("/usr/bin/python3", "-c", PARAMIKO,
                        f"ssh -W localhost:{host.sshd.port} testhost", host.dir / "known_hosts",
                        host.keys / "client")


CASES = {
    "TRAMP": tramp, "TRAMP with scp": tramp_scp, "expect": script_of_expect,
    "pexpect": script_of_pexpect, "sshfs": file_system, "borg": borg, "restic": restic,
    "git-annex": git_annex, "ansible-playbook": playbook,
    "ansible-playbook, pipelined": playbook_pipelined, "parallel": parallel, "sshuttle": sshuttle,
    "Docker": docker, "libvirt": libvirt, "VS Code's line": editor, "paramiko": paramiko,
}
CUTS = ("reset", "sshd", "ssh")
# It closes a terminal that might be a person's.
LEAVES = {"expect"}


def run(name, host):
    """A tool with ssh, and twice in a row with belay; returns the bytes that passed, and how often
    the link was cut.

    Raises Missing, or what went wrong.
    """
    want = CASES[name](Play(host, with_belay=False))
    cuts, before = 0, sum(host.proxy.bytes.values())
    for number, cut in enumerate(CUTS[:2]):
        play = Play(host, with_belay=True, cut=CUTS[(list(CASES).index(name) + number) % 3])
        have = CASES[name](play)
        host.proxy.heal()
        assert have == want, f"run {number + 1}, cut by {play.cut}: ssh {want}, belay {have}"
        assert play.cuts, f"run {number + 1} was not cut"
        cuts += play.cuts
    if name in LEAVES:
        for one in host.processes():
            if "hold" in one.argv:
                kill(one.pid, signal.SIGTERM)
    host.wait_gone()
    return sum(host.proxy.bytes.values()) - before, cuts
