"""A command as several processes side by side, as torchrun starts them, one thread each. Standard library only."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence

from trm_solve.errors import ExitCode
from trm_solve.interrupt import Interrupt

LOOK = 0.1  # seconds between looks at the processes
FORESEEN = {None, *ExitCode} - {ExitCode.UNEXPECTED}  # of a process that runs, or ended as it may


def side_by_side(jobs: int, arguments: Sequence[str]) -> int:
    """Run `trm-solve` with these arguments as so many processes; returns the highest of their exit codes.

    Ctrl-C and its like reach all of them. Where one fails, or is killed, the others are ended too.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    shared = os.environ | threads | {"WORLD_SIZE": str(jobs), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    command = [sys.executable, "-m", "trm_solve", *arguments]
    processes: list[subprocess.Popen[bytes]] = []
    with Interrupt() as interrupt:
        try:
            for rank in range(jobs):
                mine = shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)}
                processes.append(subprocess.Popen(command, env=mine, start_new_session=True))
            return _wait(processes, interrupt)
        except KeyboardInterrupt:
            return int(ExitCode.INTERRUPTED)
        finally:
            _end(processes, signal.SIGTERM)
            for process in processes:
                process.wait()


def _wait(processes: Sequence[subprocess.Popen[bytes]], interrupt: Interrupt) -> int:
    told = False
    while any(process.poll() is None for process in processes):
        if interrupt.raised and not told:
            told = True
            _end(processes, signal.SIGINT)
        if any(process.returncode not in FORESEEN for process in processes):
            return int(ExitCode.UNEXPECTED)
        time.sleep(LOOK)
    return max(process.returncode for process in processes)


def _end(processes: Sequence[subprocess.Popen[bytes]], number: signal.Signals) -> None:
    for process in processes:
        if process.poll() is None:
            process.send_signal(number)
