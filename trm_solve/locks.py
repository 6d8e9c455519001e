"""A folder that belongs to one process at a time, by a lock that the kernel takes from a process that ends."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from trm_solve.errors import InputError
from trm_solve.files import make_folder, sweep, unwritable

LOCK = ".lock"  # in the folder, while it is held; says by whom
BUSY = (errno.EACCES, errno.EAGAIN)


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Make a folder and hold it; what a process before left unfinished is swept away.

    Raises `InputError` where it cannot be made, or says who holds it.
    """
    path = folder / LOCK
    make_folder(folder)
    try:
        file = _take(path)
    except OSError as error:
        if error.errno in BUSY and path.exists():
            hint = "wait for it, or choose another folder"
            raise InputError(f"{folder}: in use by {_holder(path)}", hint) from None
        raise unwritable(folder, error) from None
    try:
        sweep(folder)
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()  # before letting go: `_take` looks whether it got the file that has the name
        file.close()


def _take(path: Path) -> IO[str]:
    """Raises OSError, with one of `BUSY` where another process holds it."""
    while True:
        file = path.open("a+", encoding="utf-8")
        try:
            _lock(file)
            if path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat()):
                file.truncate(0)
                file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
                file.flush()
                return file
        except BaseException:
            file.close()
            raise
        file.close()  # whoever had it took its name away meanwhile


def _lock(file: IO[str]) -> None:
    """Raises OSError at once where another process holds the file."""
    if sys.platform == "win32":
        import msvcrt

        file.seek(1 << 20)  # past the words, which others may read meanwhile
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        return
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK):  # a file system without locks
            raise


def _holder(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(200).strip() or "another process"
    except OSError:
        return "another process"
