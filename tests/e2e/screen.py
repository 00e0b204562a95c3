"""A terminal as a person sees it: main screen, endless scrollback, alternate screen."""

import re

import pyte

ROWS, COLS = 40, 100

# Sequences that this pyte does not know and would print or stumble over.
_UNKNOWN = re.compile(
    rb"\x1b\[[>=<][0-9;]*[A-Za-z]"              # xterm's private queries and modes
    rb"|\x1b\[[0-9;]*\$[A-Za-z]|\x1b\[[0-9;]* q|\x1b\[\?[0-9;]*[^0-9;hl]"
    rb"|\x1bP.*?\x1b\\|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1bk.*?\x1b\\"
    rb"|\x1b\[[0-9;]*[tu]",
    re.S)
_ALT = re.compile(rb"\x1b\[\?(?:1049|1047|47)([hl])")
_PARTIAL = re.compile(
    rb"\x1b(?:\[[0-9;?><=$ ]*|\][^\x07\x1b]{0,200}|P[^\x1b]{0,200})?$")


class _Fixes:
    """What pyte 0.8.0 does wrong or does not know, and real terminals do."""

    def set_margins(self, top=None, bottom=None):
        if top or bottom:
            super().set_margins(top, bottom)
        else:
            self.margins = None
            self.cursor_position()

    def resize(self, lines=None, columns=None):
        row, col = self.cursor.y, self.cursor.x
        super().resize(lines, columns)
        self.cursor.y, self.cursor.x = min(row, self.lines - 1), min(col, self.columns - 1)

    def scroll_up(self, count=1):
        self._scroll(count or 1, self.index, -1)

    def scroll_down(self, count=1):
        self._scroll(count or 1, self.reverse_index, 0)

    def _scroll(self, count, step, edge):
        row = self.cursor.y
        self.cursor.y = (self.margins or (0, self.lines - 1))[edge]
        for _ in range(count):
            step()
        self.cursor.y = row

    def repeat(self, count=1):
        before = self.buffer[self.cursor.y][max(self.cursor.x - 1, 0)].data
        self.draw(before * (count or 1))


class _AltScreen(_Fixes, pyte.Screen):
    pass


class _MainScreen(_Fixes, pyte.HistoryScreen):
    def index(self):
        # Only what leaves by the top of the screen goes to the scrollback.
        if self.margins and self.margins.top:
            pyte.Screen.index(self)
        else:
            super().index()


class _Stream(pyte.ByteStream):
    csi = {**pyte.ByteStream.csi, "S": "scroll_up", "T": "scroll_down", "b": "repeat"}
    events = pyte.ByteStream.events | {"scroll_up", "scroll_down", "repeat"}


class Screen:
    """`answer(bytes)` is called with what it says when it is asked where its cursor is."""

    def __init__(self, rows=ROWS, cols=COLS, answer=None):
        self._main = _MainScreen(cols, rows, history=10**7, ratio=0.5)
        self._alt = _AltScreen(cols, rows)
        self._streams = {False: _Stream(self._main), True: _Stream(self._alt)}
        for screen in (self._main, self._alt):
            screen.write_process_input = lambda text: (
                answer(text.encode()) if answer and text.endswith("R") else None)
        self._rest = b""
        self.in_alt = False
        self.alt_used = False

    def feed(self, data):
        data = self._rest + data
        partial = _PARTIAL.search(data)
        self._rest = partial.group() if partial else b""
        data = data[:len(data) - len(self._rest)]
        at = 0
        for switch in _ALT.finditer(data):
            self._feed(data[at:switch.start()])
            at = switch.end()
            self.in_alt = switch.group(1) == b"h"
            if self.in_alt:
                self.alt_used = True
                self._alt.reset()
        self._feed(data[at:])

    def _feed(self, data):
        data = _UNKNOWN.sub(b"", data)
        if data:
            self._streams[self.in_alt].feed(data)

    def resize(self, rows, cols):
        self._main.resize(rows, cols)
        self._alt.resize(rows, cols)

    @property
    def _now(self):
        return self._alt if self.in_alt else self._main

    @property
    def cursor(self):
        return self._now.cursor.y, self._now.cursor.x

    def lines(self):
        return [line.rstrip() for line in self._now.display]

    def cells(self):
        """Each with its attributes."""
        now = self._now
        return [[now.buffer[y][x] for x in range(now.columns)] for y in range(now.lines)]

    def main_text(self):
        """All lines of the scrollback and of the main screen."""
        top = ["".join(line[x].data for x in range(self._main.columns)).rstrip()
               for line in self._main.history.top]
        return top + [line.rstrip() for line in self._main.display]
