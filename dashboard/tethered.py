"""A program that ends with whoever started it: ``python -m drivegrid.dashboard.tethered PROGRAM``.

Its standard input is the tether. When that is closed, on purpose or because its holder was killed,
the program is interrupted as by Ctrl-C, so that it can save what it has, and killed if it goes on.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

GRACE_S = 20.0
"""How long the program may take to end by itself."""


def run(command: list[str]) -> int:
    """Run a program until it ends or the standard input is closed.

    Returns:
        Its exit status; 128 and the number of the signal where one killed it, as shells do.
    """
    program = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    threading.Thread(target=_watch, args=(program,), daemon=True).start()
    status = program.wait()
    return status if status >= 0 else 128 - status


def _watch(program: subprocess.Popen[bytes]) -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    program.send_signal(signal.SIGINT)
    try:
        program.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        program.kill()


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
