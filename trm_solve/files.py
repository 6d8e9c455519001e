"""Files that are written whole or not at all, and read if they are plain files. Standard library only."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import secrets
import stat
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Self

from trm_solve.errors import InputError, reason_of

LARGEST = 1 << 40  # bytes, where the size of a file decides nothing
ZIP, LFS, PAGE = "a zip archive or an Excel workbook", "a Git LFS pointer, not the file itself", "a web page"
LOOKS = (  # what people give in place of the file that was meant: how it begins, in small letters
    (b"pk\x03\x04", ZIP),
    (b"bzh", "a bzip2 file"),
    (b"\xfd7zxz", "an xz file"),
    (b"\x28\xb5\x2f\xfd", "a zstd file"),
    (b"par1", "a Parquet table"),
    (b"sqlite format 3", "a database"),
    (b"%pdf", "a PDF"),
    (b"\x89png", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"gif8", "a picture"),
    (b"version https://git-lfs", LFS),
    (b"<!doctype html", PAGE),
    (b"<html", PAGE),
    (b"<head", PAGE),
)


def looks_like(head: bytes) -> str:
    """What a file is that begins so; empty where that cannot be told."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return next((what for begin, what in LOOKS if start.startswith(begin)), "")


def open_plain(path: Path, largest: int = LARGEST) -> io.BufferedReader:
    """A plain file, to be read. Raises OSError for anything else, at once: a pipe would wait, a device never ends."""
    number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        status = os.fstat(number)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a plain file")
        if status.st_size > largest:
            raise OSError(errno.EFBIG, f"larger than {largest >> 10:,} KB")
        return os.fdopen(number, "rb")
    except BaseException:
        os.close(number)
        raise


def read_bytes(path: Path, largest: int) -> bytes:
    """What a plain file of at most so many bytes holds. Raises OSError."""
    with open_plain(path, largest) as file:
        found = bytearray()
        while block := file.read(1 << 20):  # not in one go: memory is taken for as much as is asked for
            found += block
            if len(found) > largest:  # it grew meanwhile, or does not say how large it is, as those in /proc
                raise OSError(errno.EFBIG, f"larger than {largest >> 10:,} KB")
    return bytes(found)


class AtomicFile:
    """A file that appears under its name only on `commit`; until then it is a hidden file in the same folder.

    Opening it proves that it can be written, before any work is done. What is not a plain file (a pipe, /dev/null) is
    written in place. Raises `InputError` where the file cannot be written.

    As a context manager it discards what was not committed. A signal may come at any moment, also before whoever opens
    it can close it: the hidden file goes with this object, at the latest when the program ends.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._leftover: weakref.finalize[[Path], AtomicFile] | None = None  # removes the hidden file
        try:
            self._target = path.resolve()  # through links, so that a link stays one; the folder we are in may be gone
            if path.is_dir():
                raise IsADirectoryError(21, "Is a directory")
            if path.exists() and not path.is_file():
                self.file: IO[bytes] = path.open("wb")
                return
            if path.exists() and not os.access(path, os.W_OK):
                raise PermissionError(13, "Permission denied")
            self._temporary = self._target.parent / f".{self._target.name}.{secrets.token_hex(4)}"
            self._leftover = weakref.finalize(self, _remove, self._temporary)
            self.file = self._temporary.open("xb")
        except OSError as error:
            raise unwritable(path, error) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()

    def write(self, content: str | bytes | memoryview) -> None:
        """Raises `InputError` where the disk says no, and leaves nothing behind."""
        with self._telling():
            self.file.write(content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content)

    def commit(self) -> None:
        """Put the file in its place, with the permissions of the one it replaces, once its bytes are on the disk.

        Raises `InputError` where the disk says no, and leaves everything as it was.
        """
        with self._telling():
            if self._leftover is not None:
                self.file.flush()
                os.fsync(self.file.fileno())
            self.file.close()
            if self._leftover is not None:
                if self._target.exists():
                    self._temporary.chmod(self._target.stat().st_mode & 0o7777)
                self._temporary.replace(self._target)
                self._leftover.detach()
                self._leftover = None
                _sync_names(self._target.parent)

    def discard(self) -> None:
        """Leave everything as it was. Nothing happens after `commit`."""
        with contextlib.suppress(OSError):  # of what was still to be written
            self.file.close()
        if self._leftover is not None:
            self._leftover()
            self._leftover = None

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            with telling(self.path):
                yield
        except InputError:
            self.discard()
            raise


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)


TEMPORARY = re.compile(r"\..+\.[0-9a-f]{8}", re.DOTALL)


def sweep(folder: Path) -> None:
    """Remove what killed processes left half-written in a folder that no other process writes to."""
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if TEMPORARY.fullmatch(path.name) and path.is_file() and not path.is_symlink():
                path.unlink()


def _sync_names(folder: Path) -> None:
    """Have the disk keep which name stands for which file, where the system can be told so."""
    with contextlib.suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def make_folder(folder: Path) -> None:
    """Make a folder, and those it lies in, where it is not there. Raises `InputError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made: {reason_of(error)}") from None


def unwritable(path: Path | str, error: OSError) -> InputError:
    """What to say of a disk that says no."""
    return InputError(f"{path}: cannot be written ({reason_of(error)})")


@contextlib.contextmanager
def telling(path: Path | str) -> Iterator[None]:
    """Writing to this file raises `InputError` where the disk says no, BrokenPipeError where nobody reads any more."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise unwritable(path, error) from None


def write(stream: IO[str] | AtomicFile, text: str) -> None:
    """Write to a file or to stdout. Raises `InputError` where the disk says no, BrokenPipeError where nobody reads."""
    with telling("<stdout>"):  # a file tells by itself
        stream.write(text)
        if not isinstance(stream, AtomicFile):
            stream.flush()  # the reader of a pipe sees each answer as it comes


def swallow_stdout() -> None:
    """After a broken pipe: let what is still buffered go nowhere, so that the interpreter ends without complaint."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextlib.contextmanager
def written_atomically(path: Path) -> Iterator[AtomicFile]:
    """A file that is there whole when the block ends well. Raises `InputError` where the disk says no."""
    with AtomicFile(path) as file:
        yield file
        file.commit()


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file whole or not at all. Raises `InputError` where the disk says no."""
    with written_atomically(path) as file:
        file.write(data)
