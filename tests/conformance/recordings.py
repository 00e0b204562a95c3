#!/usr/bin/python3
"""Compares what real terminals show of recordings with what a new one shows after a return.

    recordings.py [--pictures FOLDER] DIRECTORY [TERMINAL,...] [NAME ...]

The directory is one of those that terminals' projects test with, from their sources:

    alacritty   alacritty_terminal/tests/ref: NAME/alacritty.recording and NAME/size.json
    xterm.js    test/fixtures/escape_sequence_files: NAME.in
    libvterm    t: NAME.test, of which each part up to a RESET is one

Each terminal that is there shows the bytes, then the snapshot that the model makes of them, and
the pixels are compared: text, colours, lines, cursor.  KNOWN has those that differ by design, by
terminal, with the reason; others are to be looked at, and fail.  Both pictures of each that differs
come into the folder, as xwd(1) writes them.
"""

import collections
import contextlib
import json
import os
import pathlib
import re
import select
import shutil
import subprocess
import sys
import tempfile
import termios
import time
import tty

HERE = pathlib.Path(__file__).resolve().parent
REPO = HERE.parents[1]
TERMINALS = ("xterm", "vte", "kitty", "alacritty", "tmux")
SCREEN = "2400x1800x24"     # has room for the largest of them
PATIENCE = 60
EVEN = 3                    # pictures that are alike: nothing moves any more

ERASES = "what is erased keeps more of the pen there than its background"
WAITS = "behind the last column it does otherwise (tests/unit/term/test_edge.py)"
COLUMNS = "DECCOLM changes the window"
CLEARS = "DECCOLM clears the screen"
ALONE = "DECALN leaves the cursor alone"
PROTECTS = "protects nothing from DECSED"
ONE = "has one saved cursor for both screens"
UNKNOWN = "does not know the sequence"
REPEATS = "REP repeats what stood before moves, too, or stops at the end of the row"
MARGINS = "margins do not stop it from outside"
COLUMN = "IL and DL leave the column alone"
REGION = "takes other margins than these for none"
MANY = "takes a sequence with too many parameters for none"
OTHER = "47 and 1049 put the cursor elsewhere"
ORIGIN = "its origin mode counts from elsewhere"
SIDES = "knows no margins at the sides"
EIGHT = "takes bytes that are no UTF-8 for others: C1 controls, sets in GR"
CANCELS = "CAN and SUB leave something of what they end"
KNOWN = {
    # alacritty's
    "clear_underline": {"kitty": ERASES},
    "colored_underline": {"xterm": "4:1 to 4:5 are not underlines",
                          "kitty": "a symbol goes on into a blank behind it"},
    "decaln_reset": {"xterm": "DECALN changes the pen", "vte": ALONE, "alacritty": ALONE},
    "deccolm_reset": dict.fromkeys(("kitty", "alacritty", "tmux"), CLEARS),
    "delete_chars_reset": {"kitty": ERASES},
    "erase_chars_reset": {"kitty": ERASES},
    "erase_in_line": dict.fromkeys(("xterm", "vte", "alacritty"), WAITS),
    "insert_blank_reset": {"vte": ERASES, "kitty": ERASES},
    "origin_goto": {"alacritty": "DECOM leaves the cursor alone"},
    "saved_cursor": {"kitty": "its line-drawing set has other characters", "tmux": ONE},
    "saved_cursor_alt": dict.fromkeys(("xterm", "vte", "kitty", "tmux"), WAITS),
    "scroll_up_reset": {"kitty": ERASES},
    "selective_erasure": dict.fromkeys(("vte", "kitty", "alacritty", "tmux"), PROTECTS),
    "sgr": {"vte": "38:2 with three numbers only is none"},
    "underline": {"xterm": "4:2 to 4:5 are not underlines",
                  "alacritty": "a second underline comes beside the first"},
    "vim_24bitcolors_bce": {"xterm": ERASES, "vte": ERASES,     # the cursor's colour
                            "kitty": "IL brings in rows without the pen's background"},
    "vim_large_window_scroll": {"xterm": ERASES, "vte": ERASES},
    "vttest_cursor_movement_1": {"xterm": COLUMNS},
    "vttest_insert": {"xterm": COLUMNS},
    "vttest_origin_mode_1": {"tmux": ORIGIN},
    "vttest_tab_clear_set": {"vte": "it sets tab stops otherwise"},
    "wrapline_alt_toggle": dict.fromkeys(
        ("vte", "kitty", "tmux"), "a line waits no more when the other screen was there"),
    # xterm.js'
    "t0006-IND": dict.fromkeys(("kitty", "alacritty", "tmux"), WAITS),
    "t0008-BS": dict.fromkeys(("kitty", "tmux"), WAITS),
    "t0012-VT": dict.fromkeys(("alacritty", "tmux"), WAITS),
    "t0013-FF": dict.fromkeys(("alacritty", "tmux"), WAITS),
    "t0014-CAN": {"kitty": CANCELS},
    "t0015-SUB": {"vte": CANCELS, "kitty": CANCELS},
    "t0017-SD": dict.fromkeys(("kitty", "tmux"), WAITS),
    "t0020-CUF": {"kitty": MANY},
    "t0021-CUB": {"kitty": MANY, "tmux": WAITS},
    "t0022-CUU": {"kitty": MANY},
    "t0024-CUD": {"kitty": MANY},
    "t0030-HPR": {"vte": UNKNOWN, "kitty": MANY, "tmux": UNKNOWN},
    "t0034-VPR": {"vte": UNKNOWN, "kitty": MANY, "tmux": UNKNOWN},
    "t0040-REP": dict.fromkeys(("vte", "kitty", "alacritty", "tmux"), REPEATS),
    "t0050-ICH": dict.fromkeys(("xterm", "vte", "kitty", "alacritty", "tmux"), WAITS),
    "t0051-IL": dict.fromkeys(("alacritty", "tmux"), COLUMN),
    "t0052-DL": dict.fromkeys(("alacritty", "tmux"), COLUMN),
    "t0053-DCH": dict.fromkeys(("kitty", "tmux"), WAITS),
    "t0054-ECH": dict.fromkeys(("kitty", "tmux"), WAITS),
    "t0055-EL": dict.fromkeys(("xterm", "kitty", "alacritty", "tmux"), WAITS),
    "t0057-ED3": {"kitty": "ED 3 clears the screen, too"},
    "t0060-DECSC": dict.fromkeys(("vte", "kitty", "tmux"), WAITS),
    "t0061-CSI_s": dict.fromkeys(("vte", "kitty", "tmux"), WAITS),
    "t0075-DECSTBM_CUU_CUD": dict.fromkeys(("kitty", "alacritty"), MARGINS),
    "t0077-DECSTBM_quirks": dict.fromkeys(("vte", "kitty", "tmux"), REGION),
    "t0078-DECSTBM_CPL_CNL": dict.fromkeys(("kitty", "alacritty"), MARGINS),
    "t0079-DECSTBM_VPR": {"vte": UNKNOWN, "tmux": UNKNOWN},
    "t0080-HT": dict.fromkeys(("kitty", "alacritty", "tmux"), WAITS),
    "t0081-TBC": dict.fromkeys(("alacritty", "tmux"), WAITS),
    "t0082-HTS": dict.fromkeys(("kitty", "alacritty", "tmux"), WAITS),
    "t0083-CHT": {"kitty": WAITS, "alacritty": UNKNOWN, "tmux": UNKNOWN},
    "t0084-CBT": dict.fromkeys(("xterm", "kitty", "alacritty"), WAITS),
    "t0090-alt_screen": {"kitty": OTHER, "alacritty": "knows 1049 only", "tmux": WAITS},
    "t0091-alt_screen_ED3": {"kitty": OTHER, "alacritty": "knows 1049 only"},
    "t0092-alt_screen_DECSC": {"kitty": OTHER, "alacritty": "knows 1049 only", "tmux": ONE},
    "t0100-IRM": dict.fromkeys(("vte", "tmux"), REPEATS),
    "t0101-NLM": {"vte": UNKNOWN, "alacritty": "its LNM is for LF only", "tmux": UNKNOWN},
    "t0103-reverse_wrap": {"xterm": "goes on from the first row to the last",
                           **dict.fromkeys(("vte", "kitty", "alacritty", "tmux"), UNKNOWN)},
    "t0300-vttest1": dict.fromkeys(("kitty", "tmux"), WAITS),
    **dict.fromkeys(("t600-DECSTBM_SR", "t601-DECSTBM_SL", "t602-DECSTBM_DECIC",
                     "t603-DECSTBM_DECDC"),
                    dict.fromkeys(("vte", "kitty", "alacritty", "tmux"), UNKNOWN)),
    # libvterm's
    "02parser-1": dict.fromkeys(TERMINALS, EIGHT),
    "11state_movecursor-5": dict.fromkeys(("vte", "tmux"), UNKNOWN),
    "11state_movecursor-6": dict.fromkeys(("alacritty", "tmux"), UNKNOWN),
    "12state_scroll-7": {"vte": REGION},
    "13state_edit-4": {"vte": SIDES, "kitty": SIDES, "alacritty": COLUMN, "tmux": COLUMN},
    "13state_edit-5": {"vte": SIDES, "kitty": SIDES},
    "14state_encoding-2": dict.fromkeys(("vte", "alacritty", "tmux"), UNKNOWN),
    **dict.fromkeys(("14state_encoding-4", "14state_encoding-5", "14state_encoding-6",
                     "14state_encoding-7"), dict.fromkeys(TERMINALS, EIGHT)),
    "15state_mode-2": dict.fromkeys(("vte", "alacritty", "tmux"), UNKNOWN),
    "21state_tabstops-2": {"kitty": WAITS},
    "22state_save-1": dict.fromkeys(("kitty", "alacritty", "tmux"), UNKNOWN),
    **dict.fromkeys(("28state_dbl_wh-2", "28state_dbl_wh-3", "28state_dbl_wh-4",
                     "67screen_dbl_wh-2", "67screen_dbl_wh-3", "67screen_dbl_wh-4",
                     "67screen_dbl_wh-5"), {"xterm": "the model has no double width and height"}),
    "29state_fallback-1": {"kitty": "shows some of a sequence it does not know"},
    "31state_rep-4": {"tmux": REPEATS},
    "31state_rep-5": {"tmux": REPEATS},
    "31state_rep-6": dict.fromkeys(("alacritty", "tmux"), REPEATS),
    "64screen_pen-1": {"vte": ERASES, "kitty": ERASES},
    "65screen_protect-1": dict.fromkeys(("vte", "kitty", "alacritty", "tmux"), PROTECTS),
    "90vttest_01-movement-2-1": {"kitty": WAITS, "tmux": WAITS},
    "90vttest_02-screen-3-1": {"tmux": ORIGIN},
    "31state_rep-7": dict.fromkeys(TERMINALS, "the model repeats for a row's width at most"),
}


# ---- in the terminal ----

def settled(framebuffer):
    """The picture when all that was written is shown."""
    end = time.monotonic() + PATIENCE
    os.write(1, b"\x18\033[5n")
    answer = b""
    while b"n" not in answer and time.monotonic() < end:
        if select.select([0], [], [], 0.2)[0]:
            answer += os.read(0, 100)
    last, alike = None, 0
    while alike < EVEN and time.monotonic() < end:
        now = pathlib.Path(framebuffer).read_bytes()
        alike, last = alike + 1 if now == last else 0, now
        time.sleep(0.06)
    termios.tcflush(0, termios.TCIFLUSH)
    return last


def probe(framebuffer, size, result, *paths):
    tty.setraw(0)
    wanted = tuple(map(int, reversed(size.split("x"))))
    end = time.monotonic() + PATIENCE
    while os.get_terminal_size(0) != wanted and time.monotonic() < end:
        time.sleep(0.05)
    if os.get_terminal_size(0) != wanted:
        pathlib.Path(result).write_text(f"has {os.get_terminal_size(0)}")
        return
    pictures = []
    for path in paths:
        os.write(1, b"\033[?1049l\033c\033[H\033[2J\033[3J")
        settled(framebuffer)
        data = pathlib.Path(path).read_bytes()
        for at in range(0, len(data), 4096):
            os.write(1, data[at:at + 4096])
            while select.select([0], [], [], 0)[0]:
                os.read(0, 1000)
        pictures.append(settled(framebuffer))
    same = pictures[0] == pictures[1]
    for i, picture in enumerate(() if same else pictures):
        pathlib.Path(f"{result}.{i}").write_bytes(picture)
    pathlib.Path(result).write_text("same" if same else "differs")


def vte(rows, cols, *program):
    """A window with VTE's terminal."""
    import gi
    gi.require_version("Gtk", "3.0")
    gi.require_version("Vte", "2.91")
    from gi.repository import GLib, Gtk, Pango, Vte
    window, terminal = Gtk.Window(), Vte.Terminal()
    terminal.set_size(int(cols), int(rows))
    terminal.set_cursor_blink_mode(Vte.CursorBlinkMode.OFF)
    terminal.set_font(Pango.FontDescription("Monospace 8"))
    window.add(terminal)
    window.show_all()
    terminal.spawn_async(Vte.PtyFlags.DEFAULT, None, program, None, GLib.SpawnFlags.DEFAULT,
                         None, None, -1, None, lambda *_: None)
    terminal.connect("child-exited", lambda *_: Gtk.main_quit())
    Gtk.main()


# ---- around it ----

def argv_of(name, rows, cols, program):
    xterm = ["xterm", "-fa", "Monospace", "-fs", "8", "-geometry"]
    return {
        "xterm": [*xterm, f"{cols}x{rows}+0+0", "-e", *program],
        "vte": [sys.executable, str(HERE / "recordings.py"), "--vte", str(rows), str(cols), *program],
        "kitty": ["kitty", "--config", "NONE", "-o", "cursor_blink_interval=0", "-o", "font_size=8",
                  "-o", "remember_window_size=no", "-o", "window_padding_width=0",
                  "-o", "enable_audio_bell=no", "-o", f"initial_window_width={cols}c",
                  "-o", f"initial_window_height={rows}c", *program],
        "alacritty": ["alacritty", "-o", "font.size=8", f"window.dimensions.columns={cols}",
                      f"window.dimensions.lines={rows}", "-e", *program],
        "tmux": [*xterm, f"{cols}x{rows}+0+0", "-e", "tmux", "-L", f"recordings{os.getpid()}",
                 "-f", "/dev/null", "new-session", *program, ";", "set", "-g", "status", "off"],
    }[name]


def is_there(name):
    if name == "vte":
        script = "import gi; gi.require_version('Vte', '2.91'); from gi.repository import Vte"
        return subprocess.run([sys.executable, "-c", script], capture_output=True).returncode == 0
    return bool(shutil.which(name)) and (name != "tmux" or bool(shutil.which("xterm")))


@contextlib.contextmanager
def display(place):
    """Its environment, and the file with its pixels."""
    read, write = os.pipe()
    with subprocess.Popen(["Xvfb", "-displayfd", str(write), "-screen", "0", SCREEN, "-fbdir",
                           place, "-nolisten", "tcp"], pass_fds=[write],
                          stderr=subprocess.DEVNULL) as server:
        os.close(write)
        with open(read, encoding="ascii") as told:
            number = told.readline().strip()
        try:
            yield {**os.environ, "DISPLAY": f":{number}", "LANG": "C.UTF-8", "HOME": place,
                   "LIBGL_ALWAYS_SOFTWARE": "1"}, f"{place}/Xvfb_screen0"
        finally:
            server.terminate()


def show(name, size, paths, env, framebuffer, place):
    result = pathlib.Path(place) / "result"
    result.unlink(missing_ok=True)
    program = [sys.executable, str(HERE / "recordings.py"), "--probe", framebuffer,
               "x".join(map(str, size)), str(result), *map(str, paths)]
    with subprocess.Popen(argv_of(name, *size, program), env=env, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as terminal:
        end = time.monotonic() + PATIENCE
        while terminal.poll() is None and not result.exists() and time.monotonic() < end:
            time.sleep(0.05)
        with contextlib.suppress(subprocess.TimeoutExpired):
            terminal.wait(2)
        terminal.terminate()
    return result.read_text() if result.exists() else "does not run"


# ---- the recordings ----

def of_alacritty(directory):
    for path in sorted(directory.glob("*/alacritty.recording")):
        size = json.loads((path.parent / "size.json").read_text())
        yield path.parent.name, path.read_bytes(), (size["screen_lines"], size["columns"])


def of_xterm_js(directory):
    """Text as programs write it, before the line discipline has had it."""
    for path in sorted(directory.glob("t*.in")):
        yield path.stem, path.read_bytes().replace(b"\n", b"\r\n"), (25, 80)


def pushed(line):
    """What a line of libvterm's tests writes: PUSH "BYTES", once or xCOUNT."""
    found = re.fullmatch(r'PUSH "((?:[^"\\]|\\.)*)"(?:\s*x\s*(\d+))?', line)
    if not found:
        return b""
    text = re.sub(r"\\x{(..)}", r"\\x\1", found[1]).replace(r"\e", r"\x1b").replace(r"\$", "$")
    return text.encode("latin1").decode("unicode_escape").encode("latin1") * int(found[2] or 1)


def of_libvterm(directory):
    for path in sorted(directory.glob("*.test")):
        parts, size = [b""], (25, 80)
        for line in path.read_text("latin1").splitlines():
            if line == "RESET":
                parts.append(b"")
            parts[-1] += pushed(line)
        for i, data in enumerate(filter(None, parts)):
            yield f"{path.stem}-{i + 1}", data, size


def recordings(directory):
    for source in of_alacritty, of_xterm_js, of_libvterm:
        yield from source(pathlib.Path(directory))


def main(directory, terminals=None, *names, pictures=None):
    terminals = terminals.split(",") if terminals else [one for one in TERMINALS if is_there(one)]
    count, failed = collections.Counter(), 0
    with tempfile.TemporaryDirectory() as place, display(place) as (env, framebuffer):
        snapshot = f"{place}/snapshot"
        subprocess.run(["gcc", "-std=c17", "-O1", "-Isrc", "-D_DEFAULT_SOURCE", "-o", snapshot,
                        HERE / "snapshot.c", *REPO.glob("src/term/*.c"),
                        *REPO.glob("src/base/*.c")], cwd=REPO, check=True)
        for what, data, size in recordings(directory):
            if names and what not in names:
                continue
            path, back = (pathlib.Path(place) / name for name in ("recording", "back"))
            path.write_bytes(data)
            back.write_bytes(subprocess.run([snapshot, *map(str, size)], input=data,
                                            capture_output=True, check=True).stdout)
            for name in terminals:
                found = show(name, size, (path, back), env, framebuffer, place)
                reason = KNOWN.get(what, {}).get(name) if found == "differs" else None
                count["by design" if reason else found] += 1
                failed += found == "differs" and not reason
                if found != "same":
                    print(f"{what} in {name}: {found}{': ' + reason if reason else ''}",
                          flush=True)
                for i in range(2 if pictures and found == "differs" else 0):
                    shutil.copy(f"{place}/result.{i}", f"{pictures}/{what}-{name}-{i}.xwd")
    print(", ".join(f"{n} {what}" for what, n in count.items()))
    return 1 if failed else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--probe"]:
        probe(*sys.argv[2:])
    elif sys.argv[1:2] == ["--vte"]:
        vte(*sys.argv[2:])
    elif len(sys.argv) < 2:
        sys.exit(__doc__)
    elif sys.argv[1] == "--pictures":
        sys.exit(main(*sys.argv[3:], pictures=sys.argv[2]))
    else:
        sys.exit(main(*sys.argv[1:]))
