#!/usr/bin/python3 -ESs
"""In ssh's place: hands its stdin and stdout, and its last word, to the test at $HOSTILE_SOCKET,
and ends when that has closed the connection."""

import array
import os
import socket
import sys

if "-G" in sys.argv:
    os.execv("/usr/bin/ssh", ["ssh", "-F", "none", *sys.argv[1:]])
with socket.socket(socket.AF_UNIX) as test:
    try:
        test.connect(os.environ["HOSTILE_SOCKET"])
    except OSError:
        sys.exit(255)   # the test is over
    test.sendmsg([sys.argv[-1].encode()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                                            array.array("i", [0, 1]).tobytes())])
    os.close(0)
    os.close(1)
    test.recv(1)
sys.exit(255)
