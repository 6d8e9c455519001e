"""A little of `make fuzz`, the same inputs every time."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import fuzz
import pytest

from trm_solve.errors import TrmError


@pytest.mark.parametrize("name", fuzz.NAMES)
def test_changed_files_are_read_or_refused(tmp_path: Path, name: str) -> None:
    reader = fuzz.readers(tmp_path)[name]
    fuzz.attempt(reader, reader.seeds[-1], None)
    assert reader.refused == 0, "the files that are changed are no good ones"
    fuzz.fuzz(reader, 150, 1)
    assert reader.findings == []


def hangs(path: Path) -> None:
    del path
    while True:
        pass


def hides(path: Path) -> None:
    try:
        hangs(path)
    except Exception:
        raise TrmError("damaged") from None


def goes_on(path: Path) -> None:
    try:
        hangs(path)
    except Exception:
        return


def takes_memory(path: Path) -> None:
    del path
    try:
        bytearray(b"1") * (fuzz.MEMORY * 2)
    except MemoryError:
        raise TrmError("damaged") from None


def asks_only(path: Path) -> None:
    try:
        with path.open("rb") as file:
            file.read(fuzz.MEMORY * 2)
    except MemoryError:
        raise TrmError("damaged") from None


def tells_at_length(path: Path) -> None:
    raise TrmError(f"{path}\n")


@pytest.mark.parametrize(
    ("read", "found"),
    [
        (lambda path: path / 0, "TypeError"),
        (lambda _: warnings.warn("odd", stacklevel=1), "UserWarning"),
        (hangs, "TooSlow"),
        (hides, "TooSlow"),
        (goes_on, "and went on"),
        (takes_memory, "takes "),
        (asks_only, ""),
        (tells_at_length, "several lines"),
    ],
)
def test_what_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Any, found: str) -> None:
    monkeypatch.setattr(fuzz, "SECONDS", 0.05)
    monkeypatch.setattr(fuzz, "MEMORY", 50 << 20)
    reader = fuzz.Reader(read, str(tmp_path / "f"), [b"1"])
    with fuzz.bounded():
        fuzz.attempt(reader, b"1", tmp_path / "found")
    assert [found in problem for problem in reader.findings] == ([True] if found else []), reader.findings
    assert (tmp_path / "found").is_dir() == bool(found)
