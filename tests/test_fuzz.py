"""A little of `make fuzz`, the same inputs every time."""

from __future__ import annotations

from pathlib import Path

import fuzz
import pytest


@pytest.mark.parametrize("name", fuzz.NAMES)
def test_changed_files_are_read_or_refused(tmp_path: Path, name: str) -> None:
    reader = fuzz.readers(tmp_path)[name]
    fuzz.fuzz(reader, 150, 1)
    assert reader.tried >= 100
    assert reader.findings == []
