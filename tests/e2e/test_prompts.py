"""Proves that a login that needs a person works on a reconnect too: what ssh asks is asked
in the status line, and the answer goes to ssh and nowhere else.
"""

import base64
import contextlib
import fcntl
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import termios
import threading
import time

import pytest

from harness import PROMPT, belay_argv, free_port, kill_link, ssh_children, wait_until
from tmux import Tmux

REFUSED = "needs your login: press Enter"
KEYS_WAIT = re.compile(rb"needs your login: (press )?~,")
SECRET = "correct horse"
OATH_KEY = "31323334353637383930"
HERE = pathlib.Path(__file__).parent
MODULES = pathlib.Path("/usr/lib/x86_64-linux-gnu")

SHOWN = {"BELAY_STATUS": None}  # the status line too


def own_key(host, passphrase, others=""):
    """A key of the host's own instead of the common one, or beside others."""
    key = host.dir / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", "own",
                    "-f", key], check=True)
    host.sshd.stop()
    host.sshd.config = f"AuthorizedKeysFile {key}.pub {others}"
    host.sshd.start()
    host.configure(f"IdentityFile {key}", port=host.sshd.port)
    return key


def reconnect(host, term):
    """Cuts the connection; returns when the login was refused and a person is needed."""
    for one in ssh_children(term):
        # One may have ended with another.
        subprocess.run(["kill", str(one.pid)], stderr=subprocess.DEVNULL)
    term.expect(REFUSED)


@pytest.fixture
def locked(host):
    """A session whose key is locked; ssh has asked for the passphrase itself."""
    own_key(host, SECRET)
    term = host.belay(env=SHOWN)
    term.expect("Enter passphrase for key")
    term.line(SECRET)
    term.expect(PROMPT)
    return host, term


@pytest.fixture
def locked_behind_proxy(locked):
    """The same, which connects by way of the proxy from now on."""
    host, term = locked
    term.line("exit 0")
    assert term.wait_exit() == 0
    host.configure(f"IdentityFile {host.dir}/key")
    term = host.belay(env=SHOWN)
    term.expect("Enter passphrase for key")
    term.line(SECRET)
    term.expect(PROMPT)
    return host, term


def ask_for_codes(host):
    """From now on the host asks for a password and a one-time code."""
    wanted = [MODULES / "libpam_wrapper.so", MODULES / "pam_wrapper/pam_matrix.so",
              MODULES / "security/pam_oath.so", shutil.which("oathtool")]
    if not all(path and pathlib.Path(path).exists() for path in wanted):
        pytest.skip("no libpam-wrapper, libpam-oath or oathtool")
    services = host.dir / "pam.d"
    services.mkdir()
    (host.dir / "users.oath").write_text(f"HOTP tester - {OATH_KEY}\n")
    (host.dir / "users.oath").chmod(0o600)
    (host.dir / "passdb").write_text(f"tester:{SECRET}:sshd\n")
    (services / "sshd").write_text(
        f"auth required {wanted[1]} passdb={host.dir}/passdb\n"
        f"auth required {wanted[2]} usersfile={host.dir}/users.oath window=5 digits=6\n"
        "account required pam_permit.so\nsession required pam_permit.so\n")
    host.sshd.stop()
    host.sshd.env = {"LD_PRELOAD": str(wanted[0]), "PAM_WRAPPER": "1",
                     "PAM_WRAPPER_SERVICE_DIR": str(services)}
    host.sshd.config = ("UsePAM yes\nKbdInteractiveAuthentication yes\n"
                        "AuthenticationMethods keyboard-interactive")
    host.sshd.start()
    host.proxy.cut()


@pytest.fixture
def pam(host):
    """A session on a host that asks for a password and a one-time code from now on."""
    term = host.shell(env=SHOWN)
    ask_for_codes(host)
    term.expect(REFUSED)
    return host, term


def one_time_code(counter):
    return subprocess.run(["oathtool", "--hotp", f"--counter={counter}", OATH_KEY],
                          check=True, capture_output=True, text=True).stdout.strip()


def test_passphrase(locked):
    host, term = locked
    reconnect(host, term)
    term.line("")
    term.expect("Enter passphrase for key")
    term.line(SECRET)
    term.say("back-again")
    assert SECRET.encode() not in term.raw
    host.finish(term)


def test_a_wrong_answer_is_asked_for_again(locked):
    host, term = locked
    reconnect(host, term)
    term.line("")
    term.expect("Enter passphrase for key")
    term.line("wrong")
    term.expect("logging in")
    term.expect("Enter passphrase for key")
    term.type("x\x7fnonsense\x15" + SECRET + "\r")
    term.say("back-again")
    host.finish(term)


def test_what_is_typed_behind_an_answer(locked):
    """It is for the program, but not if another question comes."""
    host, term = locked
    reconnect(host, term)
    term.line("")
    term.expect("Enter passphrase for key")
    term.line("wrong\rmaybe a secret")
    term.expect("logging in")
    term.expect("Enter passphrase for key")
    term.line(f"{SECRET}\recho beh''ind")
    term.expect("behind")
    term.say("back-again")
    assert b"maybe" not in term.raw
    host.finish(term)


THROWN_AWAY = "and what you type is thrown away"


def test_the_link_answers_while_a_passphrase_is_typed(locked_behind_proxy):
    """What is left of it is thrown away, and does not come to the program."""
    host, term = locked_behind_proxy
    term.line("cat > ~/typed")
    host.proxy.stall()
    term.line("before")
    term.expect(KEYS_WAIT)
    term.type("~R")
    term.expect("Enter passphrase for key")
    term.type(SECRET[:4])
    host.proxy.heal()
    term.wait_until(lambda: len(ssh_children(term)) == 1)
    term.line(SECRET[4:])
    term.line("after")
    term.expect("after")
    term.type("\x04")
    term.expect(PROMPT)
    assert (host.home / "typed").read_text() == "before\nafter\n"
    assert THROWN_AWAY.encode() in term.raw
    assert SECRET[4:].encode() not in term.raw
    host.finish(term)


def test_the_login_ends_while_a_passphrase_is_typed(locked):
    host, term = locked
    reconnect(host, term)
    term.line("")
    term.expect("Enter passphrase for key")
    term.type(SECRET[:4])
    kill_link(term)
    term.expect(THROWN_AWAY)
    term.line(SECRET[4:])
    term.expect(REFUSED)
    term.line("")
    term.expect("Enter passphrase for key")
    term.line(SECRET)
    term.say("back-again")
    assert SECRET[4:].encode() not in term.raw
    host.finish(term)


def test_keys_right_behind_the_enter_that_logs_in(locked):
    """They may be the passphrase's first: the program does not get them."""
    host, term = locked
    reconnect(host, term)
    term.type("\r" + SECRET[:4])
    term.expect("belay: press Enter, then answer")
    term.line(SECRET[4:])
    term.expect("Enter passphrase for key")
    term.line(SECRET)
    term.say("back-again")
    for part in (SECRET[:4], SECRET[4:]):
        assert part.encode() not in term.raw
    host.finish(term)


def test_a_long_question_in_a_narrow_window(host):
    """It begins with its beginning, and arrows show the rest."""
    own_key(host, SECRET)
    with Tmux(host, belay_argv(host), cols=56) as term:
        term.wait("Enter passphrase for key")
        term.line(SECRET)
        term.wait(re.escape(PROMPT.strip()))
        term.line("clear; echo cle''ared")
        term.wait("^cleared$")
        belay = next(one for one in host.client_processes() if one.name == "belay")
        kill_link(belay)
        term.wait("login: press Enter")
        term.line("")
        term.wait(r"^belay: ssh asks: Enter passphrase for.* \(1/\d, arrows\)$")
        term("send-keys", "Down")
        term.wait(r"^belay: ssh asks: .* \(2/\d, arrows\)$")
        term("send-keys", "Up")
        term.wait(r"^belay: ssh asks: Enter passphrase for.* \(1/\d, arrows\)$")
        term.line(SECRET)
        term.line("echo ba''ck")
        term.wait("^back$")
        assert not any("belay:" in line for line in term.lines())
        term.line("exit")
        host.wait_gone()


def test_cancelling_waits_for_the_person_again(locked):
    host, term = locked
    reconnect(host, term)
    term.line("")
    term.expect("Enter passphrase for key")
    term.type("half\x03")
    term.expect(REFUSED)
    term.wait_until(lambda: not ssh_children(term))
    term.line("")
    term.expect("Enter passphrase for key")
    term.line(SECRET)
    term.say("back-again")
    assert "half" not in host.output_of(term, "history 2>/dev/null; fc -l 2>/dev/null")
    host.finish(term)


def test_password_and_one_time_code(pam):
    """Two questions one after the other, the second with a real one-time code."""
    host, term = pam
    term.line("")
    term.expect("belay: testhost asks: (tester@")
    term.expect("Password:")
    term.line(SECRET)
    term.expect("One-time password")
    code = one_time_code(0)
    term.line(code)
    term.say("back-again")
    assert SECRET.encode() not in term.raw and code.encode() not in term.raw
    assert "Accepted keyboard-interactive/pam for tester" in host.sshd.log()
    # A code is good for one login.
    host.proxy.cut()
    term.expect(REFUSED)
    term.line("")
    term.expect("Password:")
    term.line(SECRET)
    term.expect("One-time password")
    term.line(code)
    term.expect("Password:")
    term.line(SECRET)
    term.expect("One-time password")
    term.line(one_time_code(1))
    term.say("here-again")
    host.finish(term)


def test_an_answer_is_nowhere(pam, tmp_path):
    """Not in what the program got, not in what belay says, not in its memory."""
    host, term = pam
    term.line("")
    term.expect("Password:")
    term.line(SECRET)
    term.expect("One-time password")
    memory = memory_of(term.pid)
    assert b"One-time password" in memory
    assert SECRET.encode() not in memory
    term.line(one_time_code(0))
    term.say("back-again")
    host.finish(term)


def test_what_a_jump_host_asks(host):
    """Its ssh is one that ssh starts; it asks by way of belay too."""
    key = own_key(host, SECRET, host.keys / "client.pub")
    host.configure("Host testhost\nProxyJump jump\n"
                   f"Host jump\nHostName 127.0.0.1\nPort {host.sshd.port}\nUser tester\n"
                   f"HostKeyAlias testhost\nIdentityFile {key}\nIdentitiesOnly yes\n"
                   f"UserKnownHostsFile {host.dir}/known_hosts\n",
                   port=host.sshd.port)
    term = host.belay(env=SHOWN)
    term.expect("Enter passphrase for key")
    term.line(SECRET)
    term.expect(PROMPT)
    reconnect(host, term)
    term.line("")
    term.expect("Enter passphrase for key")
    term.line(SECRET)
    term.say("back-again")
    host.finish(term)


def test_a_question_in_the_status_line(host):
    """Where the model knows what the terminal shows, nothing remains of the question."""
    own_key(host, SECRET)
    term = host.belay(emulate=True, env=SHOWN)
    term.expect("Enter passphrase for key")
    term.line(SECRET)
    term.expect(PROMPT)
    term.line("clear")
    term.expect(PROMPT)
    reconnect(host, term)
    term.line("")
    term.wait_screen(r"^belay: ssh asks: Enter passphrase for key '")
    term.line(SECRET)
    term.say("back-again")
    assert not any("belay:" in line for line in term.screen.lines())
    host.finish(term)


@pytest.fixture
def security_key(make_host, tmp_path):
    """A host that takes a key of which ssh thinks that a security key has it, and then the
    common one; and what lets the key be touched."""
    host = make_host()
    library, public = host.dir / "fake_sk.so", host.dir / "touch_key.pub"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, HERE / "fake_sk.c"],
                   check=True)
    private = write_sk_key(host.dir / "touch_key")
    host.sshd.stop()
    host.sshd.config = f"AuthorizedKeysFile {public} {host.keys}/client.pub"
    host.sshd.start()
    touch = host.dir / "touch"
    env = {"FAKE_SK_SIGNS": str(host.dir / "signs"), "FAKE_SK_VERSION": ""}
    for version in ("0x000a0000", "0x00090000", "0x00080000", "0x00070000"):
        env["FAKE_SK_VERSION"] = version
        subprocess.run(["ssh-keygen", "-Y", "sign", "-f", private, "-n", "x",
                        "-w", library], input=b"", capture_output=True,
                       env={**host.client_env(), **env})
        if (host.dir / "signs").exists():
            break
    else:
        pytest.skip("this OpenSSH does not load the fake security key")
    host.configure(f"IdentityFile {private}\nSecurityKeyProvider {library}",
                   port=host.sshd.port)
    yield host, {**SHOWN, **env, "FAKE_SK_TOUCH": str(touch)}, touch
    touch.touch()


def write_sk_key(path):
    """An ed25519-sk key as PROTOCOL.key and PROTOCOL.u2f have it, without its device."""
    def string(data):
        return struct.pack(">I", len(data)) + data

    kind = b"sk-ssh-ed25519@openssh.com"
    public = string(kind) + string(bytes(range(32))) + string(b"ssh:")
    secret = (struct.pack(">II", 7, 7) + public + b"\x01" + string(b"handle") + string(b"")
              + string(b"touch"))
    secret += bytes(range(1, 1 + -len(secret) % 8))
    whole = (b"openssh-key-v1\0" + string(b"none") + string(b"none") + string(b"")
             + struct.pack(">I", 1) + string(public) + string(secret))
    text = base64.encodebytes(whole).decode()
    path.touch(0o600)
    path.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n" + text
                    + "-----END OPENSSH PRIVATE KEY-----\n")
    path.with_suffix(".pub").write_text(
        f"{kind.decode()} {base64.b64encode(public).decode()} touch\n")
    return path


NOTICE = "Confirm user presence for key ED25519-SK SHA"


def first_login(host, env, touch, **more):
    term = host.belay(env=env, **more)
    term.expect(NOTICE)  # by ssh itself
    touch.touch()
    term.expect(PROMPT)
    touch.unlink()
    return term


def test_a_key_that_wants_to_be_touched(security_key):
    """It is told on a reconnect that asks nobody anything, and keys stay the program's."""
    host, env, touch = security_key
    term = first_login(host, env, touch, emulate=True)
    term.line("clear")
    term.expect(PROMPT)
    kill_link(term)
    term.wait_screen(f"^belay: ssh says: {NOTICE}[^(]*$")
    term.line("echo ty''ped")
    touch.touch()
    term.wait_screen("^typed$")
    term.wait_until(lambda: not any("belay:" in line for line in term.screen.lines()))
    assert host.sshd.logins() == 2
    host.finish(term)


def test_a_key_that_is_not_touched(security_key):
    """Where a person has asked for the login, it can be cancelled."""
    host, env, touch = security_key
    term = first_login(host, env, touch)
    host.sshd.stop()
    host.sshd.config = f"AuthorizedKeysFile {host.dir}/touch_key.pub"
    host.sshd.start()
    term.expect(NOTICE)
    touch.touch()
    term.expect(REFUSED)  # it does not sign
    touch.unlink()
    term.line("")
    term.expect(re.compile(NOTICE.encode() + rb"\S+\.\.\. \(\^C cancels\)"))
    term.type("\x03")
    term.expect(REFUSED)
    touch.touch()
    term.wait_until(lambda: not ssh_children(term))
    host.sshd.stop()
    host.sshd.config = ""
    host.sshd.start()
    term.line("")
    term.say("back-again")
    host.finish(term)


def memory_of(pid):
    """What a process has in its writable memory."""
    found = b""
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps, \
            open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            begin, end, rest = re.match(r"(\w+)-(\w+) (.*)", line).groups()
            begin, end = int(begin, 16), int(end, 16)
            if rest.startswith("rw") and end - begin < 1 << 28:  # not a sanitizer's
                memory.seek(begin)
                try:
                    found += memory.read(end - begin)
                except OSError:
                    pass
    return found


# Without a person: the user's own program.

@pytest.mark.parametrize("words", [["cat"], ["-N"]])
def test_the_users_own_askpass_is_asked_again(host, tmp_path, words):
    """As ssh would, by each login of its own; a spare beside a link that lives asks nothing."""
    own_key(host, SECRET)
    asked, program = tmp_path / "asked", tmp_path / "askpass"
    program.write_text(f"#!/bin/sh\necho \"$1\" >>{asked}\necho '{SECRET}'\n")
    program.chmod(0o755)
    host.configure(f"IdentityFile {host.dir}/key")
    env = {"SSH_ASKPASS": str(program), "SSH_ASKPASS_REQUIRE": "force"}

    def times():
        return asked.read_text().count("Enter passphrase for key") if asked.exists() else 0

    port = free_port()
    more = ["-L", f"{port}:localhost:{host.sshd.port}"] if words == ["-N"] else []
    argv = [*belay_argv(host, *more, *(words if more else [])), *([] if more else words)]
    with host.popen(argv, env=env, bufsize=0) as child:
        wait_until(lambda: host.sshd.logins() == 1)
        if not more:
            child.stdin.write(b"one\n")
            assert child.stdout.readline() == b"one\n"
        wait_until(lambda: not more or listens(port))
        assert times() == 1
        host.proxy.cut()
        wait_until(lambda: host.sshd.logins() == 2)
        if not more:
            child.stdin.write(b"two\n")
            assert child.stdout.readline() == b"two\n"
            child.stdin.close()
            assert child.wait() == 0
        else:
            child.terminate()
        child.wait()
    assert times() == 2


class Answers:
    """As sshpass(1): the terminal that controls a program whose stdin and stdout are pipes, where
    each question is answered, after a while."""

    def __init__(self, answer, delay=0):
        self.master, self.slave = os.openpty()
        self.answer, self.delay, self.asked = answer, delay, 0
        self.raw = b""
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while data := os.read(self.master, 4096):
                self.raw += data
                if self.raw.count(b"Enter passphrase") > self.asked and data.endswith(b": "):
                    self.asked += 1
                    time.sleep(self.delay)
                    os.write(self.master, self.answer.encode() + b"\n")

    def control(self):
        """For a child that leads a session."""
        fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)

    def close(self):
        os.close(self.slave)
        os.close(self.master)


@pytest.mark.parametrize("delay", [0, 6])
def test_a_terminal_that_is_not_stdin_is_asked_again(host, delay):
    """As ssh would; by one ssh, however long it takes."""
    own_key(host, SECRET)
    host.configure(f"IdentityFile {host.dir}/key")
    terminal = Answers(SECRET, delay)
    with host.popen([*belay_argv(host), "cat"], bufsize=0,
                    preexec_fn=terminal.control) as child:
        for n in (1, 2):
            child.stdin.write(b"line\n")
            assert child.stdout.readline() == b"line\n"
            assert terminal.raw.count(b"Enter passphrase") == n
            if n == 1:
                host.proxy.cut()
        child.stdin.close()
        assert child.stdout.read() == b"" and child.wait() == 0
    terminal.close()


def test_sshpass(host):
    """Answers once, and gives up what asks again, as it does with ssh."""
    if not shutil.which("sshpass"):
        pytest.skip("no sshpass")
    own_key(host, SECRET)
    host.configure(f"IdentityFile {host.dir}/key")
    with host.popen(["sshpass", "-P", "Enter passphrase", "-p", SECRET, *belay_argv(host), "cat"],
                    bufsize=0) as child:
        child.stdin.write(b"line\n")
        assert child.stdout.readline() == b"line\n"
        host.proxy.cut()
        assert child.wait(20) == 5      # sshpass(1): the password is wrong
    for one in host.processes():        # nobody could tell the host
        if "hold" in one.argv[1:2]:
            os.kill(one.pid, signal.SIGTERM)


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
