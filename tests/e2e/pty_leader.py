"""Leads the session of a pty, as the user's shell does, and runs one program in it.

    pty_leader.py REPORT_FD PROGRAM ARGUMENT...

The kernel resets the modes of a terminal when the leader of its session ends.  So the
program under test must not be that leader, or nobody could see in what state it left
the terminal.  What happens to the program is told on REPORT_FD, a line each: `pid N`,
`stopped SIGNAL`, `status N` (negative: the signal that ended it).  When it has ended,
END comes last on the terminal; the leader itself waits until it is killed.
"""

import fcntl
import os
import signal
import sys
import termios

END = b"\x1b]test;the program has ended\x07"


def run_in_foreground(argv):
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpid())
    for number in (signal.SIGTTOU, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvpe(argv[0], argv, os.environ)
    except OSError as error:
        os.write(2, f"pty_leader: {argv[0]}: {error.strerror}\r\n".encode())
        os._exit(127)


def main():
    report, argv = int(sys.argv[1]), sys.argv[2:]
    os.set_inheritable(report, False)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    pid = os.fork()
    if not pid:
        run_in_foreground(argv)
    os.write(report, f"pid {pid}\n".encode())
    while True:
        _, status = os.waitpid(pid, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            break
        os.write(report, f"stopped {os.WSTOPSIG(status)}\n".encode())
    os.write(report, f"status {os.waitstatus_to_exitcode(status)}\n".encode())
    os.tcsetpgrp(0, os.getpgrp())
    os.write(1, END)
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
