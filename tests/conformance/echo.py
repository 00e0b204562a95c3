#!/usr/bin/python3
"""Compares what real terminals show after typing with predicted echo with what they show without.

    echo.py [--pictures FOLDER] [TERMINAL,...] [APP ...]

In each terminal that is there (xterm, VTE, kitty, alacritty, tmux, screen; under Xvfb) the same
keys are typed, sixteen a second, into the same programs on a host that is 100 ms away, with
--predict=never and with always.  Compared are the pixels at each <SHOT> of the keys, which have
text, attributes and the cursor, and behind the end all text with the scrollback, where a terminal
gives it away (not alacritty).  Both pictures of each that differs come into the folder.
"""

import contextlib
import fcntl
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
import threading
import time
import tty

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]

import recordings       # noqa: E402
import socket           # noqa: E402

TERMINALS = (*recordings.TERMINALS, "screen")
ROWS, COLS = 24, 80
AWAY = 0.05             # seconds, one way
BETWEEN = 0.06          # from key to key
PATIENCE = 60
NAMES = {"CR": "\r", "TAB": "\t", "BS": "\x7f", "ESC": "\x1b", "LEFT": "\x1b[D", "UP": "\x1b[A",
         "^C": "\x03", "^A": "\x01", "^E": "\x05", "^U": "\x15"}
SIZES = "<SIZE 20 60><WAIT><SIZE 24 80><WAIT>"
APPS = {
    "bash": "echo hello world<CR><WAIT>echo caf\u00e9 \u4f60\u597d<LEFT><LEFT>\u754c<CR><WAIT>"
            "echo nihgt<BS><BS><BS>ght<CR><WAIT><SHOT>seq 60<CR><WAIT>echo " + "long " * 20
            + "<BS><BS>x<SHOT><CR><WAIT>ls /etc/hostn<TAB><^A><LEFT># <CR><SHOT>",
    "bash-sizes": "seq 40<CR><WAIT>echo wide \u4f60\u597d " + SIZES + "and on<SHOT><CR><WAIT>"
                  "echo more" + SIZES + "<SHOT><CR><WAIT>",
    "zsh": "exec zsh -i<CR><WAIT>echo sug<WAIT>gested words<WAIT><CR><WAIT>echo sug<SHOT><^E>"
           "<WAIT><SHOT><CR><WAIT>echo \u4f60\u597d<BS>x<SHOT><CR><WAIT>",
    "fish": "exec fish --private --no-config<CR><WAIT>echo hello<CR><WAIT>echo he<SHOT>llo again"
            "<SHOT><CR><WAIT>ls /etc/hostn<TAB><WAIT><SHOT><CR><WAIT>",
    "vim": "vim -u NONE -N --clean new.txt<CR><WAIT>iThe quick brown fox<CR>jumps over \u4f60\u597d"
           " dogs<BS>.<CR>A third line<SHOT><ESC>kk0wcwslow<ESC>oand one more<SHOT><ESC><WAIT>"
           ":q!<CR><WAIT><SHOT>",
    "fzf": "seq 500 | fzf<CR><WAIT>17<WAIT><SHOT><BS><BS>42<SHOT><CR><WAIT><SHOT>",
}
RC = ("source /usr/share/zsh-autosuggestions/zsh-autosuggestions.zsh 2>/dev/null\n"
      "PROMPT='ready$ '\nRPROMPT='%F{green}right%f'\nunset HISTFILE\n"
      "print -s 'echo suggested by the history'\n")


# ---- in the terminal ----

class Typist:
    """Between the terminal and the program: passes on what both write, and types."""

    def __init__(self, name, framebuffer, place, argv):
        self.name, self.framebuffer = name, pathlib.Path(framebuffer)
        self.place = pathlib.Path(place)
        self.shots = 0
        tty.setraw(0)
        pid, self.fd = pty.fork()
        if not pid:
            os.execvp(argv[0], argv)
        self.fit()
        signal.signal(signal.SIGWINCH, lambda *_: self.fit())

    def fit(self):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, fcntl.ioctl(0, termios.TIOCGWINSZ, b"\0" * 8))

    def pump(self, seconds, quiet=None, until=None):
        """Returns whether the program is there at the end of it, or of so long a silence, or
        when it has written that."""
        end = time.monotonic() + seconds
        last, written = time.monotonic(), b""
        while (now := time.monotonic()) < end and (not quiet or now < last + quiet) \
                and not (until and until in written):
            for fd in select.select([0, self.fd], [], [], 0.01)[0]:
                try:
                    data = os.read(fd, 65536)
                except OSError:
                    return False
                if not data:
                    return False
                os.write(1 if fd else self.fd, data)
                written += data if fd and until else b""
                last = time.monotonic() if fd else last
        return True

    def shot(self):
        self.pump(PATIENCE, 0.8)
        if self.name == "tmux":     # a wide glyph's edge stays beside its cell in xterm
            subprocess.run(["tmux", "refresh-client"], stdin=0)
            self.pump(PATIENCE, 0.3)
        last, alike = None, 0
        while alike < recordings.EVEN:
            self.pump(0.06)
            now = self.framebuffer.read_bytes()
            alike, last = alike + 1 if now == last else 0, now
        (self.place / f"{self.shots}.xwd").write_bytes(last)
        self.shots += 1

    def type(self, keys):
        self.pump(PATIENCE, until=b"ready$ ")
        self.pump(PATIENCE, 1)
        for name, key in re.findall(r"<([^>]+)>|(.)", keys, re.S):
            if name == "SHOT":
                self.shot()
            elif name == "WAIT":
                self.pump(PATIENCE, 0.6)
            elif name.startswith("SIZE"):
                _, rows, cols = name.split()
                os.write(1, f"\033[8;{rows};{cols}t".encode())
            else:
                os.write(self.fd, NAMES.get(name, key).encode())
                self.pump(BETWEEN)
        self.shot()
        for _ in range(3):
            os.write(self.fd, b"exit\r")
            if not self.pump(5):
                return


def dump(name, path):
    """All that the terminal has, as it gives it away."""
    time.sleep(0.5)     # for what was written last
    run = {"tmux": ["tmux", "capture-pane", "-epJS", "-"],
           "kitty": ["kitty", "@", "get-text", "--ansi", "--extent", "all"]}.get(name)
    if run:
        text = subprocess.run(run, stdin=0, capture_output=True).stdout
        # What was drawn and erased behind a line's end tmux counts as blanks of the line.
        path.write_bytes(re.sub(rb" +$", b"", text, flags=re.M) if name == "tmux" else text)
    elif name == "screen":
        subprocess.run(["screen", "-X", "hardcopy", "-h", path])
    elif name == "xterm":
        os.write(1, b"\033[?11i")
    elif name == "vte":
        os.kill(os.getppid(), signal.SIGUSR1)
    time.sleep(0.7)


def typist(name, framebuffer, place, keys, *argv):
    one = Typist(name, framebuffer, place, argv)
    one.type(keys)
    dump(name, pathlib.Path(place) / "text")
    (pathlib.Path(place) / "done").touch()


def vte(place, *program):
    """recordings.vte, which gives its text away when it is told to."""
    import gi
    gi.require_version("Vte", "2.91")
    from gi.repository import GLib, Gtk, Vte
    new, made = Vte.Terminal.__new__, []

    def give(*_):
        text = made[0].get_text_range(-10000, 0, made[0].get_cursor_position()[1] + ROWS, COLS,
                                      None)
        text = text[0] if isinstance(text, tuple) else text
        (pathlib.Path(place) / "text").write_text(text.strip("\n"))    # there are rows before all
        return True

    def note(kind, *args, **more):
        made.append(new(kind, *args, **more))
        return made[0]
    Vte.Terminal.__new__ = note
    GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, signal.SIGUSR1, give)
    assert Gtk
    recordings.vte(str(ROWS), str(COLS), *program)


# ---- around it ----

def argv_of(name, place, program):
    me = [sys.executable, str(HERE / "echo.py")]
    if name == "vte":
        return [*me, "--vte", place, *program]
    if name == "screen":
        return recordings.argv_of("xterm", ROWS, COLS, ["screen", "-c", "/dev/null", *program])
    argv = recordings.argv_of(name, ROWS, COLS, program)
    if name == "xterm":
        argv[1:1] = ["-xrm", f"*printerCommand: cat >> {place}/text", "-xrm", "*printAttributes: 2",
                     "-xrm", "*allowWindowOps: true"]
    if name == "kitty":
        argv[3:3] = ["-o", "allow_remote_control=yes"]
    return argv


class Far:
    """A way to a port that takes its time."""

    def __init__(self, port):
        self.port, self.listener = port, socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            one = self.listener.accept()[0]
            other = socket.create_connection(("127.0.0.1", self.port))
            for way in (one, other), (other, one):
                threading.Thread(target=self.carry, args=way, daemon=True).start()

    @staticmethod
    def carry(source, to):
        """Keeps what has come for as long as it takes, without keeping the next from coming."""
        waiting, more = [], True
        with contextlib.suppress(OSError):
            while more or waiting:
                rest = max(0, waiting[0][0] - time.monotonic()) if waiting else 1
                if more and select.select([source], [], [], rest)[0]:
                    data = source.recv(65536)
                    more = bool(data)
                    waiting.append((time.monotonic() + AWAY, data))
                elif not more:
                    time.sleep(rest)
                while waiting and waiting[0][0] <= time.monotonic():
                    data = waiting.pop(0)[1]
                    to.sendall(data) if data else to.shutdown(socket.SHUT_WR)


def run(host, name, mode, keys, display, place):
    import harness
    env, framebuffer = display
    os.mkdir(place)
    screens = pathlib.Path(place) / "screens"
    screens.mkdir(mode=0o700)
    mine = host.client_env(BELAY_PREDICT=mode, TERM=None)
    mine |= {"DISPLAY": env["DISPLAY"], "LANG": "C.UTF-8", "LIBGL_ALWAYS_SOFTWARE": "1",
             "SCREENDIR": str(screens)}
    program = [sys.executable, str(HERE / "echo.py"), "--type", name, framebuffer, place, keys,
               *map(str, harness.belay_argv(host))]
    with subprocess.Popen(argv_of(name, place, program), env=mine, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as terminal:
        end = time.monotonic() + 3 * PATIENCE
        while terminal.poll() is None and time.monotonic() < end \
                and not os.path.exists(f"{place}/done"):
            time.sleep(0.1)
        time.sleep(0.3)
        terminal.terminate()
    return pathlib.Path(place)


def compared(never, always):
    """What differs, or nothing."""
    shots = sorted(path.name for path in never.glob("*.xwd"))
    if not shots or not (always / "done").exists():
        return ["does not run"]
    wrong = [name for name in shots if not (always / name).exists()
             or (never / name).read_bytes() != (always / name).read_bytes()]
    texts = [place / "text" for place in (never, always)]
    given = [path.read_bytes() if path.exists() else b"" for path in texts]
    return wrong + ["text"] * (given[0] != given[1])


def main(terminals=None, *apps, pictures=None):
    import harness
    terminals = terminals.split(",") if terminals else [
        one for one in TERMINALS if shutil.which("screen") and one == "screen"
        or recordings.is_there(one)]
    failed = count = 0
    for app in apps or APPS:
        if not shutil.which(app.split("-")[0]):
            print(f"{app}: is not here")
            continue
        host = harness.Host()
        host.home_file(".zshrc", RC)
        # Nothing of one run is left for the next.
        host.home_file(".bash_profile", "export LANG=C.UTF-8\nPS1='ready$ '\nunset HISTFILE\n")
        host.configure(port=Far(host.proxy.port).listener.getsockname()[1])
        for name in terminals:
            with tempfile.TemporaryDirectory() as place, \
                    recordings.display(place) as display:
                never, always = (run(host, name, mode, APPS[app], display, f"{place}/{mode}")
                                 for mode in ("never", "always"))
                wrong = compared(never, always)
                count += 1
                failed += bool(wrong)
                size = (never / "text").stat().st_size if (never / "text").exists() else 0
                print(f"{app} in {name}: " + (", ".join(wrong) + " differ" if wrong else "same")
                      + f" ({len(list(never.glob('*.xwd')))} pictures, {size} bytes of text)",
                      flush=True)
                for one in wrong if pictures else ():
                    for where in never, always:
                        with contextlib.suppress(OSError):
                            shutil.copy(where / one, f"{pictures}/{app}-{name}-{where.name}-{one}")
        host.close()
    print(f"{count - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--type"]:
        typist(*sys.argv[2:])
    elif sys.argv[1:2] == ["--vte"]:
        vte(*sys.argv[2:])
    elif sys.argv[1:2] == ["--pictures"]:
        sys.exit(main(*sys.argv[3:], pictures=sys.argv[2]))
    else:
        sys.exit(main(*sys.argv[1:]))
