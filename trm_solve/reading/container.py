"""What bytes hold a text: packed or not, whatever the encoding. Arrays and XML become lines of JSON.

Everything is read as a stream, in memory that does not grow with the file, and every line has a limit.
"""

from __future__ import annotations

import codecs
import gzip
import io
import json
import os
import stat
import time
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, TextIO, cast
from xml.parsers import expat

import numpy as np

from trm_solve.errors import FileError, reason_of, shown
from trm_solve.files import LFS, PAGE, ZIP, looks_like

LINE = 1 << 16  # characters of a line; no puzzle's line has as many
JSON_LINE = 1 << 26  # the same of JSON, where a file of thousands of puzzles or pairs may be one line
ARRAY_HEADER = 10_000  # bytes, as numpy itself allows once it has read them
PATIENCE = 1.0  # seconds in which somebody must begin to write into a pipe
GZIP, NUMPY = b"\x1f\x8b", b"\x93NUMPY"
MARKS = (  # byte order marks; that of UTF-32 begins as that of UTF-16 does
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
WAYS = {  # out, for one who gives a file of another kind
    ZIP: "unpack it, or save it as CSV",
    "a bzip2 file": "bzip2 -dc FILE | trm-solve solve -",
    "an xz file": "xz -dc FILE | trm-solve solve -",
    "a zstd file": "zstd -dc FILE | trm-solve solve -",
    "a Parquet table": "save it as CSV",
    "a database": "save its table as CSV",
    "a PDF": "copy the puzzle out of it as text",
    "a picture": "write the puzzle as text",
    LFS: "git lfs pull fetches it",
    PAGE: "copy the puzzle out of it as text",
}
NARROW = {
    0x3000: " ",
    **{0xFF00 + code: chr(0x20 + code) for code in range(1, 95)},
}  # letters as wide as signs of Chinese
LETTERS_END = "\u2600"  # letters, signs and lines of drawings come before it
BINARY = bytes(range(8)) + bytes(range(0x0E, 0x1A)) + bytes(range(0x1C, 0x20))  # no text has these


def open_file(path: Path) -> BinaryIO:
    """A file's bytes. Raises `FileError`, also for a pipe into which nobody writes: it would be waited for forever."""
    try:
        if stat.S_ISDIR(path.stat().st_mode):
            raise FileError(f"{path}: is a directory")
        if not stat.S_ISFIFO(path.stat().st_mode):
            return path.open("rb")
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        head, until = b"", time.monotonic() + PATIENCE
        while not head and time.monotonic() < until:
            try:
                if not (head := os.read(number, 1)):
                    time.sleep(0.01)
            except BlockingIOError:  # somebody has it open and will write
                break
        else:
            if not head:
                os.close(number)
                raise FileError(f"{path}: a pipe into which nobody writes")
        os.set_blocking(number, True)
        return cast(BinaryIO, io.BufferedReader(_Again(head, cast(BinaryIO, os.fdopen(number, "rb")))))
    except (OSError, ValueError) as error:
        reason = reason_of(error) if isinstance(error, OSError) else "no name of a file"
        raise FileError(f"{path}: {reason}") from None


class _Again(io.RawIOBase):
    """A stream of which the first bytes were read already."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head, self._rest = head, rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data, self._head = self._head[: len(buffer)], self._head[len(buffer) :]
        if not data:
            read = getattr(self._rest, "read1", self._rest.read)
            data = read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._rest.close()
        super().close()


def lines_of(stream: BinaryIO, source: str) -> Iterator[str]:
    """The lines of a text in whatever container. Raises `FileError` for what is none."""
    try:
        yield from _lines_of(stream, source, 2)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise FileError(f"{source}: a damaged gzip file") from None
    except UnicodeError:
        raise FileError(f"{source}: not a text file") from None
    except OSError as error:
        raise FileError(f"{source}: {reason_of(error)}") from None


def _lines_of(stream: BinaryIO, source: str, packed: int) -> Iterator[str]:
    read = getattr(stream, "read1", stream.read)
    head = bytes(read(4096))
    while 0 < len(head) < 8 and (more := read(4096)):
        head += more
    again = io.BufferedReader(_Again(head, stream), 1 << 16)
    if head.startswith(GZIP) and packed:
        yield from _lines_of(cast(BinaryIO, gzip.GzipFile(fileobj=again)), source, packed - 1)
        return
    if head.startswith(NUMPY):
        yield from _array_lines(cast(BinaryIO, again), source)
        return
    if what := looks_like(head):
        raise FileError(f"{source}: {what}", WAYS[what])
    encoding = _encoding(head)
    if encoding == "utf-8" and len(head) != len(head.translate(None, BINARY)):
        raise FileError(f"{source}: not a text file")
    if head.lstrip(codecs.BOM_UTF8).lstrip()[:5].lower() in (b"<?xml", b"<open", b"<sudo"):
        yield from _xml_lines(cast(BinaryIO, again), source)
        return
    errors = "trm-latin-1" if encoding.startswith("utf-8") else "strict"
    yield from limited(io.TextIOWrapper(again, encoding, errors=errors), source)


def _encoding(head: bytes) -> str:
    """By its mark; without one UTF-16 shows as zeros between letters. What is not UTF-8 is read as Latin-1."""
    for mark, name in MARKS:
        if head.startswith(mark):
            return name
    if 0 in head[:256]:
        for name in ("utf-16-le", "utf-16-be"):
            text = head[: len(head) // 2 * 2].decode(name, "ignore")
            if text and all(character in "\t\r\n" or " " <= character < LETTERS_END for character in text):
                return name
    return "utf-8"


def _latin_1(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return error.object[error.start : error.end].decode("latin-1"), error.end


codecs.register_error("trm-latin-1", _latin_1)


def limited(text: TextIO, source: str) -> Iterator[str]:
    """The lines of a text. Raises `FileError` at one that is too long."""
    number, limit, begun = 0, LINE, False
    while line := text.readline(LINE + 1):
        number += 1
        if not begun and line.strip():
            begun = True
            limit = JSON_LINE if line.lstrip()[:1] in ("[", "{") else LINE
        if len(line) > LINE:
            if limit > LINE and line[-1] != "\n":
                line += text.readline(limit - LINE)
            if len(line) > limit:
                told = f"{source}:{number}: a line of more than {limit:,} characters"
                raise FileError(told, "a puzzle a line, or JSON with a puzzle a line")
        yield line if line.isascii() else line.translate(NARROW)


def array_header(stream: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether in Fortran order, and type of the numpy array that a stream holds. Raises ValueError."""
    begin = stream.read(8)
    size = stream.read(2 if begin[6:7] == b"\1" else 4)
    if (length := int.from_bytes(size, "little")) > ARRAY_HEADER:  # memory would be taken for what it claims to be
        raise ValueError(f"a numpy array whose header claims {length:,} bytes")
    again = io.BytesIO(begin + size + stream.read(length))
    try:
        version = np.lib.format.read_magic(again)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of files that Python 2 wrote
            shape, fortran, kind = read(again)
    except Exception as error:  # whatever a header that is no Python makes numpy's parser do
        reason = str(error).split("\n")[0][:80]
        raise ValueError(f"not a numpy array that can be read ({reason})") from None
    if min(shape, default=0) < 0:
        raise ValueError(f"a numpy array of shape {shown(shape)}")
    return shape, fortran, kind


def _array_lines(stream: BinaryIO, source: str) -> Iterator[str]:
    """A numpy array as lines of JSON, one for each item of its first axis; an array of one grid is one line."""
    try:
        shape, fortran, kind = array_header(stream)
    except ValueError as error:
        raise FileError(f"{source}: {error}") from None
    if kind.hasobject or kind.names or kind.kind not in "biufUS" or len(shape) not in (1, 2, 3):
        what = f"a numpy array of {len(shape)} axes and type {str(kind)[:40]}"
        raise FileError(f"{source}: {what}", "save numbers as (puzzles, cells) or (puzzles, rows, columns)")
    one = len(shape) == 2 and max(shape) < 31 and shape[0] > 1  # a grid rather than rows of cells
    if fortran and not one:
        raise FileError(f"{source}: a numpy array in Fortran order", "save numpy.ascontiguousarray(array)")
    item = kind.itemsize * int(np.prod(shape[1:], dtype=object)) * (shape[0] if one else 1)
    if not 0 < item <= JSON_LINE:
        raise FileError(f"{source}: a numpy array of shape {shown(shape)}", "a puzzle is one item of its first axis")
    for _ in range(1 if one else shape[0]):
        if len(data := stream.read(item)) < item:
            raise FileError(f"{source}: this numpy array is cut short")
        array = np.frombuffer(data, kind)
        grid = array.reshape(shape if one else shape[1:], order="F" if fortran else "C")
        value = np.char.decode(grid, "latin-1").tolist() if kind.kind == "S" else grid.tolist()
        yield json.dumps(value) + "\n"


def _xml_lines(stream: BinaryIO, source: str) -> Iterator[str]:
    """What XML says in attributes and texts, as JSON in the line where it stands. Entities of its own are refused."""
    found: list[tuple[int, dict[str, str]]] = []
    texts: list[str] = []
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def begin(_: str, attributes: dict[str, str]) -> None:
        texts.clear()
        if attributes:
            found.append((parser.CurrentLineNumber, attributes))

    def end(name: str) -> None:
        if text := "".join(texts).strip():
            found.append((parser.CurrentLineNumber, {name: text}))
        texts.clear()

    def text(data: str) -> None:
        texts.append(data)
        if sum(map(len, texts)) > LINE:
            raise FileError(f"{source}: a text of more than {LINE:,} characters", "no puzzle has as many")

    def refuse(*_: object) -> None:
        raise FileError(f"{source}: XML that defines entities of its own", "no puzzle needs them")

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = begin, end, text
    parser.EntityDeclHandler = refuse
    line = 1
    try:
        while data := stream.read(1 << 14):
            parser.Parse(data, False)
            for number, fields in found:
                while line < number:
                    line += 1
                    yield "\n"
                yield json.dumps(fields) + "\n"
                line += 1
            found.clear()
        parser.Parse(b"", True)
    except LookupError as error:  # what it says of its encoding
        raise FileError(f"{source}: not XML that can be read ({error})") from None
    except expat.ExpatError as error:
        raise FileError(
            f"{source}:{error.lineno}:{error.offset + 1}: not XML ({expat.ErrorString(error.code)})"
        ) from None
