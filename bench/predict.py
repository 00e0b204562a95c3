#!/usr/bin/python3
"""Predicted echo: from a key to its glyph, belay beside mosh and ssh.

    bench/predict.py [--quick] [--json FILE] [--svg FILE] [--only APP]... [--rounds N]

The same keys, five a second, are typed into the same programs over links of 100, 300 and
500 ms (bench/lab), each of belay, mosh and ssh as it comes. What is right is what ssh shows
without a delay, a key at a time; behind a key that ends a line or does more than write, a
person waits until the screen is so. Of each key that writes, erases or moves: the time until
its cell and the cursor are right on an emulated screen. Wrong is a cell that is as no key so
far would have it, for longer than 20 ms. Where mosh or a program is missing, its row is.
"""

import argparse
import collections
import concurrent.futures
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "lab"))

import budget  # noqa: E402
import lab as laboratory  # noqa: E402
from budget import at_most  # noqa: E402
from lab import REPO, harness  # noqa: E402
from screen import Screen  # noqa: E402

ROUND_TRIPS = (0.1, 0.3, 0.5)
ROWS, COLS = 24, 80
EVERY = 0.2         # seconds from key to key
LOOK = 0.5          # and so long a person looks at what a key like Enter has done
AT_ONCE = 0.02      # or sooner
WRONG = 0.02        # seconds; an unfinished redraw does not take so long
PATIENCE = 4        # and the round trip, for a screen to be right
QUIET = 0.08        # without output: the answer was all of it
AT_WORK = 10        # laboratories at a time
ROUNDS = 5          # of the processor's time
FLOOR = REPO / "build/bench/floor"
NAMES = {"BS": "\x7f", "LEFT": "\x1b[D", "RIGHT": "\x1b[C", "UP": "\x1b[A", "DOWN": "\x1b[B",
         "TAB": "\t", "CR": "\r", "ESC": "\x1b", "HOME": "\x1b[H", "END": "\x1b[F"}
# The tests' surroundings without what they switch off in belay.
AS_IT_COMES = {"BELAY_PREDICT": None, "BELAY_STATUS": None, "BELAY_UDP": None}
SOFT = {"\x7f", "\x1b[D", "\x1b[C"}     # they change the row, as text does

SHELL = ("echo hello world<CR>grep -n root /etc/passwd<CR>ls /etc/hostn<TAB><CR>"
         "echo fix teh<BS><BS>he parser<CR>cat /etc/hostname<^A><RIGHT><RIGHT><RIGHT> -n"
         "<^E> | wc -c<CR>test -d /usr && echo yes<CR>echo caf\u00e9 \u4f60\u597d<CR>"
         "echo one two<LEFT><LEFT><LEFT>and <^U><UP><CR>")
TEXT = ("The quick brown fox jumps over the lazy dog.<CR>It was a dark and stormy nihgt"
        "<BS><BS><BS>ght; the rain fell.<CR>Some words<LEFT><LEFT><LEFT>in<END> at the end<CR>")

App = collections.namedtuple("App", "name needs command keys")
APPS = [
    App("bash", "bash", "bash -i", SHELL),
    App("zsh", "zsh", "zsh -i", SHELL),
    App("fish", "fish", "fish -i", SHELL),
    App("vim", "vim", "vim -u ~/.vimrc new.c", "i" + TEXT + "<ESC>kk0wcwnew<ESC>Goand more<ESC>"),
    App("emacs", "emacs", "emacs -nw -Q new.txt", TEXT + "<^A>before <^E> behind"),
    App("nano", "nano", "nano new.txt", TEXT + "<UP><HOME>before "),
    App("python3", "python3", "python3 -q",
        "import os<CR>for i in range(3):<CR>    print(i)<CR><CR>os.sep<CR>"
        "x = 'hello'<BS> world'<CR>x.upper()<CR>"),
    App("sqlite3", "sqlite3", "sqlite3",
        "create table t(a, b);<CR>insert into t values(1, 'x');<CR>"
        "select * form<BS><BS><BS>rom t;<CR>"),
    App("less", "less", "less text", "   jjjj/line 100<CR>nnGg/line 42<CR>"),
    App("tmux", "tmux", "tmux -S predict.socket -f ~/.tmux.conf new bash -i",
        "echo hello wrold<BS><BS><BS><BS>orld<CR>cat /etc/hostname<CR>"
        "test -d /usr && echo yes<CR>ls /etc/hostname<CR>"),
    App("mutt", "mutt", "mutt -f mail", "msomebody@mail.invalid<CR>the subject of a letter<CR>qn"),
    App("read -s", "bash", "bash -i", "read -s -p 'pass: ' x<CR>topsecret<CR>echo ${#x}<CR>"),
]
QUICK = ("bash",)
PACE = 0.15         # seconds from key to key where the processor's time is taken
COUNTED = "echo what is typed here is counted, a key at a time"
HISTORY = ("grep -n root /etc/passwd", "echo hello world", "cat /etc/hostname")
SUGGESTIONS = "/usr/share/zsh-autosuggestions/zsh-autosuggestions.zsh"
HOME = {
    ".bashrc": "PS1='user@host:~$ '\nHISTFILE=\n",
    ".zshrc": f"PROMPT='user@host:~%# '\nRPROMPT='[%?]'\nHISTSIZE=100\n"
              f"[ -r {SUGGESTIONS} ] && . {SUGGESTIONS}\n"
              + "".join(f"print -s '{line}'\n" for line in HISTORY),
    ".config/fish/config.fish": "set -g fish_greeting\nfunction fish_prompt; "
                                "echo -n 'user@host:~> '; end\n",
    ".vimrc": "syntax on\nset ruler\n",
    ".tmux.conf": "set -g status off\n",
    ".muttrc": "set folder=~ editor=true abort_unmodified=no record='' postponed=~/postponed\n",
    "mail": "From one@mail.invalid Mon Jan  1 00:00:00 2024\nFrom: one@mail.invalid\n"
            "Subject: one\n\ntext\n",
    "text": "".join(f"line {number} of a file that a pager shows\n" for number in range(300)),
}


def keys_of(text):
    """Names are in angle brackets."""
    def key(name):
        return chr(ord(name[1]) & 31) if name[0] == "^" else NAMES[name]

    return [key(name) if name else one
            for name, one in re.findall(r"<([A-Z]+|\^.)>|(.)", text)]


def programs(rtt):
    """Those that are here, and their command lines on a laptop."""
    found = {"belay": lambda lab: harness.belay_argv(lab.host)}
    if shutil.which("mosh") and shutil.which("mosh-server"):
        found["mosh"] = lambda lab: ["mosh", f"--ssh=ssh -F {lab.cfg}", "testhost"]
    found["ssh"] = lambda lab: ["ssh", "-F", lab.cfg, "-tt", "testhost"]
    return found


def for_the_processor():
    """Those whose time is taken: of belay also without prediction; and what is least."""
    found = programs(0)
    ssh = found.pop("ssh")
    found["belay, never"] = lambda lab: harness.belay_argv(lab.host, "--predict=never")
    for how in ("bare", "glyph", "again"):
        found[f"floor, {how}"] = lambda lab, how=how: [FLOOR, how, *ssh(lab)]
    return found


# ---- a screen, and what it ought to be ----

class Looker:
    """The rows of a terminal's screen; only those that have changed are looked at."""

    def __init__(self, term):
        self.screen = term.screen
        self._now = None
        self.rows = [()] * ROWS

    def look(self):
        """Returns the numbers of the rows that have changed."""
        now = self.screen._now
        changed = set(range(ROWS)) if now is not self._now else set(now.dirty)
        self._now = now
        now.dirty.clear()
        for row in changed:
            line = now.buffer[row]
            self.rows[row] = tuple(line[col].data for col in range(COLS))
        return changed

    def state(self):
        return tuple(self.rows), self.screen.cursor


class Truth:
    """The screens behind each key."""

    def __init__(self, keys):
        self.keys = keys
        self.states = []

    def hard(self, number):
        key = self.keys[number]
        return key not in SOFT and not key.isprintable()

    def aim(self, number):
        """Where the key's cell is and what it has, and the cursor; or None: it has none."""
        rows, (row, col) = self.states[number + 1]
        _, (row_before, col_before) = self.states[number]
        key = self.keys[number]
        if self.hard(number) or row != row_before or col == col_before:
            return None
        if key in SOFT:
            return row, col, rows[row][col], col
        return (row, col_before, key, col) if rows[row][col_before] == key else None

    def would_be(self, first, last):
        """Of each cell, what it may have."""
        states = self.states[first:last + 1]
        return lambda row, col, text: any(rows[row][col] == text for rows, _ in states)


class Typist:
    """Types into one program, and takes the times."""

    def __init__(self, term, truth, rtt):
        self.term, self.truth, self.rtt = term, truth, rtt
        self.looker = Looker(term)
        self.synced = 0             # this state was seen
        self.typed = 0              # keys
        self.judging = False        # no key is under way that may do anything
        self._seen = 0              # chunks
        self._open = {}             # keys that are not right yet, and when they were typed
        self._wrong = {}            # cells, and since when
        self.times = {}
        self.wrong = []             # seconds of each
        self.out_of_step = []

    def _look(self):
        if self._seen == len(self.term.chunks):
            return
        self._seen = len(self.term.chunks)
        now, changed = self.term.last_output, self.looker.look()
        row, col = self.looker.screen.cursor
        for number, (since, aim) in list(self._open.items()):
            at, column, text, cursor = aim
            # A later key may have come with it.
            there = col == cursor if self.truth.keys[number] in SOFT else col >= cursor
            if row == at and there and self.looker.rows[at][column] == text:
                self.times[number] = now - since
                del self._open[number]
        self._judge(changed, now)

    def _judge(self, changed, now):
        may_be = self.truth.would_be(self.synced, self.typed)
        rows = self.looker.rows
        for row in changed:
            for col in range(COLS):
                wrong = self.judging and not may_be(row, col, rows[row][col])
                if wrong:
                    self._wrong.setdefault((row, col), now)
                elif (row, col) in self._wrong:
                    self._right((row, col), now)

    def _right(self, cell, now):
        seconds = now - self._wrong.pop(cell)
        if seconds > WRONG:
            self.wrong.append(seconds)

    def _pump(self, seconds, until=lambda: False):
        def seen():
            self._look()
            return until()

        return self.term.pump(seconds, seen)

    def await_state(self, number):
        """Waits until the screen is as it ought to be."""
        if not self._pump(PATIENCE + self.rtt,
                          lambda: self.looker.state() == self.truth.states[number]):
            self.out_of_step.append(number)
        for cell in list(self._wrong):
            self._right(cell, time.monotonic())
        self.synced = number

    def type_all(self):
        for number, key in enumerate(self.truth.keys):
            hard, aim = self.truth.hard(number), self.truth.aim(number)
            if hard:                # all that is under way is seen before it
                self.await_state(number)
            now = time.monotonic()
            self.typed = number + 1
            self.judging = not hard
            if aim:
                self._open[number] = now, aim
            self.term.type(key)
            self._pump(now + EVERY - time.monotonic())
            if hard:
                self.await_state(number + 1)
                self._pump(LOOK)
        self.await_state(len(self.truth.keys))


# ---- runs ----

def is_here(app):
    return shutil.which(app.needs)


def start(lab, argv, app):
    """A terminal with the app in it, its screen cleared."""
    for name in ("new.c", "new.txt"):
        (lab.host.home / name).unlink(missing_ok=True)
        (lab.host.home / f".{name}.swp").unlink(missing_ok=True)
    term = lab.start(argv, env=AS_IT_COMES, emulate=True, rows=ROWS,
                     cols=COLS)
    term.wait_screen(r"ready\$")
    term.pump(0.5)
    term.line(f"cd; clear; exec env LANG=C.UTF-8 {app.command}")
    return term


def end_session(lab, term):
    term.close()
    lab.host.terms.remove(term)
    for one in lab.host.processes():
        try:
            os.kill(one.pid, 9)
        except ProcessLookupError:
            pass
    harness.wait_until(lambda: not lab.host.processes())


def furnish(lab):
    for name, text in HOME.items():
        path = lab.host.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def learn(app):
    """The screens behind each key, by ssh without a delay."""
    truth = Truth(keys_of(app.keys))
    with laboratory.Lab() as lab:
        furnish(lab)
        term = start(lab, programs(0)["ssh"](lab), app)
        looker = Looker(term)
        term.wait_until(lambda: "ready$" not in term.screen.lines()[0])
        rest(term, 1)
        for key in [None, *truth.keys]:
            if key:
                term.type(key)
                rest(term, QUIET if key.isprintable() or key in SOFT else 4 * QUIET)
            looker.look()
            truth.states.append(looker.state())
    return truth


def rest(term, seconds):
    """Reads until nothing has come for so long."""
    term.pump(seconds)
    while time.monotonic() - term.last_output < seconds:
        term.pump(seconds)


def processor_seconds(pid):
    """0: the program has ended."""
    try:
        return int(pathlib.Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
    except FileNotFoundError:
        return 0


def play(name, rtt, apps, truths):
    """All apps by one program over one link."""
    found = {}
    with laboratory.Lab(rtt) as lab:
        furnish(lab)
        for app in apps:
            term = start(lab, programs(rtt)[name](lab), app)
            typist = Typist(term, truths[app.name], rtt)
            typist.await_state(0)
            before = len(term.chunks)
            typist.type_all()
            found[app.name] = {
                "times_s": list(typist.times.values()), "not_seen": len(typist._open),
                "keys": typist.typed, "wrong_s": typist.wrong,
                "out_of_step": typist.out_of_step, "frames": frames(term, before)}
            end_session(lab, term)
    return found


# ---- what flickers ----

PIECE = re.compile(rb"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"
                   rb"|\x1b[PX^_].*?\x1b\\|\x1b[ -/]+.|\x1b.|.", re.S)


def frames(term, first):
    """All that was written before, and what was read at once since."""
    raw = bytes(term.raw)
    starts = [at for _, at in term.chunks[first:]]
    return [raw[:starts[0]], *(raw[a:b] for a, b in zip(starts, [*starts[1:], len(raw)]))]


def flickers(one):
    """How many cells did.  A frame that scrolls is not counted: other rows stand there."""
    before, *rest = one
    screen, cells = Screen(ROWS, COLS), 0
    screen.feed(before)
    for frame in rest:
        now = screen._now
        first, seen, scrolls = {}, collections.defaultdict(set), False
        rows = {row: tuple(now.buffer[row][col].data for col in range(COLS))
                for row in range(ROWS)}
        now.dirty.clear()
        for piece in PIECE.findall(frame):
            screen.feed(piece)
            scrolls |= screen._now is not now or len(now.dirty) > ROWS // 2
            for row in now.dirty:
                was, rows[row] = rows[row], tuple(now.buffer[row][col].data
                                                  for col in range(COLS))
                first.setdefault(row, was)
                for col, (old, new) in enumerate(zip(was, rows[row])):
                    if old != new:
                        seen[row, col].add(new)
            now.dirty.clear()
        cells += 0 if scrolls else sum(bool(them - {first[row][col], rows[row][col]})
                                       for (row, col), them in seen.items())
    return cells


def count_flickers(found, pool):
    runs = [one for by in found["links"].values() for by_app in by.values()
            for one in by_app.values()]
    for one, cells in zip(runs, pool.map(flickers, [one.pop("frames") for one in runs])):
        one["flickers"] = cells


# ---- the processor ----

def take_processor(rounds):
    """Microseconds a key in bash over 100 ms, by program and round."""
    subprocess.run(["make", "-s", "-C", REPO, FLOOR.relative_to(REPO)], check=True)
    app, found = APPS[0], collections.defaultdict(list)
    with laboratory.Lab(ROUND_TRIPS[0]) as lab:
        furnish(lab)
        for _ in range(rounds):
            for name, argv in for_the_processor().items():
                term = start(lab, argv(lab), app)
                term.wait_screen(r"user@host")
                for key in "true\recho these are not counted\r":
                    term.type(key)
                    term.pump(PACE)
                term.pump(1)
                before = processor_seconds(term.pid)
                for key in COUNTED:
                    term.type(key)
                    term.pump(PACE)
                used = processor_seconds(term.pid) - before
                found[name].append(used * 1e6 / len(COUNTED))
                end_session(lab, term)
    return found


def run(apps):
    found = {"apps": [app.name for app in apps], "links": {}}
    with concurrent.futures.ProcessPoolExecutor(AT_WORK) as pool:
        print("what is right ...", file=sys.stderr)
        truths = dict(zip(found["apps"], pool.map(learn, apps)))
        tasks = {(rtt, name): pool.submit(play, name, rtt, apps, truths)
                 for rtt in ROUND_TRIPS for name in programs(rtt)}
        for (rtt, name), task in tasks.items():
            print(f"{rtt * 1000:.0f} ms, {name} (load {os.getloadavg()[0]:.1f}) ...",
                  file=sys.stderr)
            found["links"].setdefault(f"{rtt * 1000:.0f}", {})[name] = task.result()
        count_flickers(found, pool)
    return found


# ---- figures ----

def figures(by_app):
    """Of one program over one link."""
    runs = by_app.values()
    times = [seconds for one in runs for seconds in one["times_s"]]
    return {"median_ms": statistics.median(times) * 1000,
            "mean_ms": statistics.mean(times) * 1000,
            "at_once": sum(seconds <= AT_ONCE for seconds in times) / len(times),
            "keys": len(times),
            "not_seen": sum(one["not_seen"] for one in runs),
            "wrong": sum(len(one["wrong_s"]) for one in runs),
            "wrong_ms": 1000 * sum(sum(one["wrong_s"]) for one in runs),
            "out_of_step": sum(len(one["out_of_step"]) for one in runs),
            "flickers": sum(one["flickers"] for one in runs)
                        / sum(one["keys"] for one in runs)}


def judge(found):
    rows = []
    for rtt, by in found["links"].items():
        mine = figures(by["belay"])
        rows += [at_most(f"{rtt} ms: from key to glyph, median, ms", mine["median_ms"], 5)]
        if "mosh" in by:
            rows += [at_most(f"{rtt} ms: mean, belay / mosh",
                             mine["mean_ms"] / figures(by["mosh"])["mean_ms"], 0.6)]
        if "ssh" in by:
            rows += [at_most(f"{rtt} ms: cells that flicker, a key more than without",
                             mine["flickers"] - figures(by["ssh"])["flickers"], 0.3)]
    if "processor_us" in found:
        rows += [at_most("processor, us a key more than without prediction, median of rounds",
                         more(found, "belay", "belay, never"), 50)]
    return rows


def more(found, one, than):
    return statistics.median(a - b for a, b in zip(found["processor_us"][one],
                                                   found["processor_us"][than]))


def line(what, one):
    return (f"| {what} | {one['median_ms']:.1f} ms | {one['mean_ms']:.0f} ms | "
            f"{100 * one['at_once']:.0f} % | {one['wrong']}, {one['wrong_ms']:.0f} ms | "
            f"{one['not_seen']} of {one['keys'] + one['not_seen']} | {one['flickers']:.2f} |")


def show(found):
    print("| | median | mean | at once | wrong cells | never right | flicker a key |\n"
          + "| --- " * 7 + "|")
    for rtt, by in found["links"].items():
        for name, by_app in by.items():
            print(line(f"{rtt} ms, {name}", figures(by_app)))
    for rtt, by in found["links"].items():
        for app in found["apps"]:
            for name, by_app in by.items():
                if by_app.get(app, {}).get("times_s"):
                    one = figures({app: by_app[app]})
                    print(line(f"{rtt} ms, {app}, {name}", one)
                          + (f" out of step: {by_app[app]['out_of_step']}"
                             if one["out_of_step"] else ""))
    for name, times in found.get("processor_us", {}).items():
        print(f"processor, us a key: {name} {statistics.median(times):.0f} "
              f"({min(times):.0f} .. {max(times):.0f})")


# ---- the picture ----

COLORS = {"belay": "#0b7a4b", "mosh": "#3f7fbf", "ssh": "#8c959f"}
PANEL, HEIGHT, LEFT, TOP, STEPS = 300, 180, 50, 40, 200


def curve(times, most, left):
    """The share of keys that are right after each time."""
    ordered = sorted(times)
    points = [(0, 0)]
    for step in range(1, STEPS + 1):
        at = ordered[len(ordered) * step // STEPS - 1]
        points += [(at, step / STEPS)] if at <= most else []
    points.append((most, points[-1][1]))
    return " ".join(f"{left + PANEL * at / most:.1f},{TOP + HEIGHT * (1 - share):.1f}"
                    for at, share in points)


def panel(found, rtt, left):
    most, by = rtt * 1.5 / 1000, found["links"][str(rtt)]
    parts = [f'<text x="{left}" y="{TOP - 12}" font-weight="bold">{rtt} ms round trip</text>']
    for share in (0, 25, 50, 75, 100):
        y = TOP + HEIGHT * (1 - share / 100)
        parts.append(f'<path d="M{left} {y:.0f}h{PANEL}" stroke="#8884"/>'
                     f'<text x="{left - 6}" y="{y + 4:.0f}" text-anchor="end">{share} %</text>')
    for third in range(4):
        parts.append(f'<text x="{left + PANEL * third / 3:.0f}" y="{TOP + HEIGHT + 18}" '
                     f'text-anchor="middle">{rtt * third / 2:.0f} ms</text>')
    for number, name in enumerate(name for name in COLORS if name in by):
        times = [seconds for one in by[name].values() for seconds in one["times_s"]]
        parts.append(f'<polyline points="{curve(times, most, left)}" fill="none" '
                     f'stroke="{COLORS[name]}" stroke-width="2"/>'
                     f'<text x="{left + PANEL - 60}" y="{TOP + HEIGHT - 60 + 16 * number}" '
                     f'fill="{COLORS[name]}" font-weight="bold">{name}</text>')
    return "\n".join(parts)


def draw(found, path):
    """The distribution at 100 and at 300 ms."""
    width = 2 * (LEFT + PANEL) + 40
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{TOP + HEIGHT + 50}" '
        f'viewBox="0 0 {width} {TOP + HEIGHT + 50}" font-family="sans-serif" font-size="12" '
        'fill="#57606a">\n<title>Keys whose glyph is right, by the time since they were typed'
        f'</title>\n<rect width="100%" height="100%" fill="#ffffff"/>\n{panel(found, 100, LEFT)}\n'
        f'{panel(found, 300, 2 * LEFT + PANEL + 10)}\n'
        f'<text x="{width / 2:.0f}" y="{TOP + HEIGHT + 40}" text-anchor="middle">keys whose '
        'glyph is right, by the time since they were typed</text>\n</svg>\n')


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="bash alone")
    parser.add_argument("--json", type=pathlib.Path, default=budget.BUILD / "predict.json")
    parser.add_argument("--svg", type=pathlib.Path, help="draw the distribution, too")
    parser.add_argument("--only", action="append", metavar="APP")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of the processor's time")
    args = parser.parse_args()
    why = laboratory.missing()
    if why:
        print(f"predict: skipped: {why}")
        return
    wanted = args.only or (QUICK if args.quick else [app.name for app in APPS])
    found = run([app for app in APPS if app.name in wanted and is_here(app)])
    rounds = min(args.rounds, 1) if args.quick else args.rounds
    if rounds:
        found["processor_us"] = take_processor(rounds)
    show(found)
    if args.svg:
        draw(found, args.svg)
    budget.finish(found, judge(found), args.json)


if __name__ == "__main__":
    main()
