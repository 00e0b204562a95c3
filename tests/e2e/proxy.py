"""A TCP proxy on loopback whose connections a test can cut, drop, stall and count.

Everything happens in one thread of its own; the methods of Proxy hand their work to it
and return when it is done.  "up" is from the client to the server, "down" the other way.
"""

import os
import select
import socket
import struct
import threading
import time

CHUNK = 65536
PACKET = 256    # what a slow connection passes on at once
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close() sends RST


def _reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    sock.close()


class _Pipe:
    """One direction of a connection."""

    def __init__(self, name, src, dst):
        self.name, self.src, self.dst = name, src, dst
        self.buf = b""
        self.eof = self.shut = False
        self.dropped = self.stalled = False
        self.rate = None        # bytes a second
        self.free = 0.0         # when it can pass on more

    def waits(self, now):
        """How long until it may be written to."""
        return max(self.free - now, 0.0) if self.rate else 0.0

    def finish(self):
        """Passes the end on once all before it is written."""
        if self.eof and not self.buf and not self.shut and not self.dropped:
            self.shut = True
            try:
                self.dst.shutdown(socket.SHUT_WR)
            except OSError:
                pass


class _Connection:
    def __init__(self, client, server):
        self.client, self.server = client, server
        self.pipes = [_Pipe("up", client, server), _Pipe("down", server, client)]
        for sock in (client, server):
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def reset(self):
        _reset(self.client)
        _reset(self.server)

    @property
    def over(self):
        return all(pipe.eof and (pipe.shut or pipe.dropped) for pipe in self.pipes)


class Proxy:
    def __init__(self, target_port, address="127.0.0.1"):
        self.target = ("127.0.0.1", target_port)
        self.accepted = 0       # connections that reached the server
        self.refused = 0        # connections reset because of refuse() or no server
        self.cuts = 0           # connections cut by cut() or cut_after()
        self.bytes = {"up": 0, "down": 0}
        self._connections = []
        self._limits = {"up": None, "down": None}
        self._sizes = {"up": iter(()), "down": iter(())}
        self._rate = None       # of what comes down, bytes a second
        self._new = "pass"      # or "refuse", or (up, down) to drop
        self._listener = socket.create_server((address, 0), backlog=64)
        self._listener.setblocking(False)
        self.port = self._listener.getsockname()[1]
        self._calls = []
        self._wake = os.pipe()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    # What a test can do.

    def cut(self):
        """Resets all connections, on both sides; returns how many there were."""
        return self._call(self._cut)

    def drop(self, up=True, down=True, new=False):
        """Discards silently what comes on the present (and new) connections.

        A connection that lost bytes stays dead for ever, also after heal().
        """
        def do():
            for connection in self._connections:
                for pipe in connection.pipes:
                    if {"up": up, "down": down}[pipe.name]:
                        pipe.dropped, pipe.buf = True, b""
            if new:
                self._new = (up, down)
        self._call(do)

    def stall(self, up=True, down=True):
        """Holds everything back on the present connections until heal()."""
        def do():
            for connection in self._connections:
                for pipe in connection.pipes:
                    pipe.stalled = {"up": up, "down": down}[pipe.name]
        self._call(do)

    def limit(self, rate):
        """From now on so many bytes a second come down on a connection; None: as they do."""
        def do():
            self._rate = rate
            for connection in self._connections:
                connection.pipes[1].rate = rate
        self._call(do)

    def refuse(self):
        """Resets new connections at once."""
        self._call(lambda: setattr(self, "_new", "refuse"))

    def accept(self):
        """Lets new connections pass again."""
        self._call(lambda: setattr(self, "_new", "pass"))

    def heal(self):
        """Undoes refuse(), stall(), and drop() for new connections."""
        def do():
            self._new = "pass"
            self._limits = {"up": None, "down": None}
            for connection in self._connections:
                for pipe in connection.pipes:
                    pipe.stalled = False
        self._call(do)

    def cut_after(self, size, direction, then=()):
        """Cuts when exactly so many further bytes have passed in this direction.

        Then once more for each size of `then`, counted from the cut before.
        """
        def do():
            self._limits[direction] = size
            self._sizes[direction] = iter(then)
        self._call(do)

    @property
    def live(self):
        """How many connections there are now."""
        return self._call(lambda: len(self._connections))

    def close(self):
        self._call(None)
        self._thread.join()
        os.close(self._wake[0])
        os.close(self._wake[1])

    # The thread.

    def _call(self, what):
        done = threading.Event()
        result = []
        self._calls.append((what, result, done))
        os.write(self._wake[1], b"!")
        assert done.wait(30), "the proxy hangs"
        return result[0]

    def _run(self):
        while True:
            for sock, event in self._wait():
                if sock is self._wake:
                    if not self._do_calls():
                        return
                elif sock is self._listener:
                    self._accept()
                else:
                    self._serve(sock, event)
            self._connections = [one for one in self._connections
                                 if not one.over or self._close(one)]

    def _wait(self):
        poll = select.poll()
        poll.register(self._wake[0], select.POLLIN)
        poll.register(self._listener, select.POLLIN)
        by_fd = {self._wake[0]: self._wake, self._listener.fileno(): self._listener}
        wanted = {}
        now, timeout = time.monotonic(), None
        for connection in self._connections:
            for pipe in connection.pipes:
                if pipe.stalled:
                    continue
                if not pipe.eof and len(pipe.buf) < CHUNK:
                    wanted[pipe.src] = wanted.get(pipe.src, 0) | select.POLLIN
                if pipe.buf and pipe.waits(now):
                    timeout = min(timeout or 1, pipe.waits(now))
                elif pipe.buf:
                    wanted[pipe.dst] = wanted.get(pipe.dst, 0) | select.POLLOUT
        for sock, events in wanted.items():
            poll.register(sock, events)
            by_fd[sock.fileno()] = sock
        return [(by_fd[fd], event) for fd, event
                in poll.poll(timeout and int(timeout * 1000) + 1)]

    def _do_calls(self):
        os.read(self._wake[0], 4096)
        while self._calls:
            what, result, done = self._calls.pop(0)
            if what:
                result.append(what())
            else:
                self._listener.close()
                self._cut()
                result.append(None)
            done.set()
            if not what:
                return False
        return True

    def _accept(self):
        client, _ = self._listener.accept()
        server = None
        if self._new != "refuse":
            try:
                server = socket.create_connection(self.target, timeout=5)
            except OSError:
                pass
        if not server:
            self.refused += 1
            _reset(client)
            return
        self.accepted += 1
        connection = _Connection(client, server)
        connection.pipes[1].rate = self._rate
        if self._new != "pass":
            for pipe, dropped in zip(connection.pipes, self._new):
                pipe.dropped = dropped
        self._connections.append(connection)

    def _serve(self, sock, event):
        for connection in self._connections:
            for pipe in connection.pipes:
                if sock.fileno() < 0:
                    return
                if pipe.stalled:
                    continue
                if sock is pipe.dst and event & ~select.POLLIN and pipe.buf:
                    self._write(pipe)
                elif sock is pipe.src and event & ~select.POLLOUT and not pipe.eof:
                    self._read(pipe)

    def _read(self, pipe):
        try:
            data = pipe.src.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if pipe.dropped:
            pipe.eof = pipe.eof or not data
            return
        limit = self._limits[pipe.name]
        if limit is not None:
            data = data[:limit]
            self._limits[pipe.name] = limit - len(data)
        pipe.eof = not data and limit != 0
        pipe.buf += data
        self.bytes[pipe.name] += len(data)
        self._write(pipe)
        if self._limits[pipe.name] == 0:
            self._cut()
            self._limits[pipe.name] = next(self._sizes[pipe.name], None)

    def _write(self, pipe):
        now = time.monotonic()
        try:
            if pipe.buf and not pipe.waits(now):
                sent = pipe.dst.send(pipe.buf[:PACKET if pipe.rate else None])
                pipe.buf = pipe.buf[sent:]
                pipe.free = max(pipe.free, now - 0.01) + sent / (pipe.rate or 1e9)
        except BlockingIOError:
            pass
        except OSError:
            pipe.buf, pipe.eof = b"", True
        pipe.finish()

    def _cut(self):
        cut, self._connections = self._connections, []
        self.cuts += len(cut)
        for connection in cut:
            connection.reset()
        return len(cut)

    @staticmethod
    def _close(connection):
        connection.client.close()
        connection.server.close()
