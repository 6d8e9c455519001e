"""JSON and YAML of others: plain values within bounds, or one line."""

from __future__ import annotations

import contextlib
import json
import os
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from trm_solve.files import open_plain, read_bytes
from trm_solve.untrusted import BYTES, DEPTH, YAML_BYTES, parse_json, parse_yaml, read_json

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\x85\u2028\u2029\ufeff")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abc"), inner),
    max_leaves=20,
)  # fmt: skip


def bomb(levels: int = 9) -> str:
    lines = ['a0: &a0 ["lol","lol","lol","lol","lol","lol","lol","lol","lol","lol"]']
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join([*lines, f"H_cycles: *a{levels - 1}"])


@given(PLAIN)
def test_plain_values_come_through(value: Any) -> None:
    assert parse_json(json.dumps(value)) == value
    assert parse_yaml(yaml.safe_dump(value, allow_unicode=True)) == value


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    for parse in (parse_json, parse_yaml):
        with contextlib.suppress(ValueError):
            parse(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": ' + "[" * 10_000 + "]" * 10_000 + "}", f"nested more than {DEPTH} deep"),
        ("[" * 100_000, "nested more than"),
        ('{"a": ' + "[" * 60 + "]" * 60 + "}", f"field 'a': nested more than {DEPTH} deep"),
        ('{"a": 1, "b": 2, "a": 3}', "field 'a' stands there twice"),
        ('{"a": ' + "9" * 41 + "}", "99999999999999999999… is too large a number"),
        ('{"a": NaN}', "NaN is not a number"),
        ('{"a": [1, {"b": 1e999}]}', "field 'a': inf is not a number"),
        ('{"a": [' + "0," * 1_000_000 + "0]}", "field 'a': more than 1,000,000 values"),
        (b'{"a": "\xff"}', "not UTF-8 at byte 7"),
        ("{", "not JSON"),
    ],
)
def test_json_out_of_bounds(text: str | bytes, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_json(text)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (bomb(), "field 'a4': more than 100,000 values"),
        ("[" * 10_000, "nested more than"),
        ("a: &a [*a]", "field 'a': nothing is called 'a'"),
        ("a: 1\na: 2", "'a' stands there twice"),
        ("1: 2", "1 is no name of a field"),
        ("? [1]\n: 2", "is no name of a field"),
        ("a: .nan", "field 'a': '.nan' is not a number"),
        ("a: .inf", "is not a number"),
        ("a: " + "9" * 5000, "field 'a': "),
        ("a: " + "9" * 41, "is too large a number"),
        ("a: !!python/object/apply:os.system [ls]", "the tag 'tag:yaml.org,2002:python/object/apply:os.system'"),
        ("a: !!binary aaaa", "is not read"),
        ("a: &b {c: 1}\nd: {<<: *b}", "is not read"),
        ("a: 1\n---\nb: 2", "more than one YAML document"),
        ("a: !!int x", "field 'a': 'x' cannot be read"),
        ("a" * (YAML_BYTES + 1), "more than 256 KB of YAML"),
        ("\n".join(f"a{n}: &b{n} {'[' * 10}*b{n - 1}{']' * 10}" if n else "a0: &b0 []" for n in range(9)), "a5"),
    ],
)
def test_yaml_out_of_bounds(text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_yaml(text)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 200


def test_dates_stay_text_and_aliases_within_bounds_are_read() -> None:
    assert parse_yaml("a: 2024-01-01\nb: &x [1, 0x10, yes]\nc: *x") == {
        "a": "2024-01-01", "b": [1, 16, True], "c": [1, 16, True],
    }  # fmt: skip


@pytest.mark.parametrize("text", [bomb(), "a: [" + "x, " * 20_000, "[" * 200_000, "&a " * 80_000, "? " * 100_000])
def test_little_memory_and_time(text: str) -> None:
    """Bounds a hundred times above what a good reader needs, so that no slow machine fails."""
    tracemalloc.start()
    began = time.process_time()
    with pytest.raises(ValueError):
        parse_yaml(text)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200e6
    assert time.process_time() - began < 60


def fifo(path: Path) -> None:
    os.mkfifo(path)


ODD: dict[str, tuple[Callable[[Path], object], str]] = {
    "a pipe": (fifo, "not a plain file"),
    "a device": (lambda path: path.symlink_to("/dev/zero"), "not a plain file"),
    "a folder": (Path.mkdir, "Is a directory"),
    "a link to itself": (lambda path: path.symlink_to(path), "symbolic links"),
    "a large file": (lambda path: os.truncate(path, BYTES + 1) if path.touch() is None else None, "larger than"),
}


@pytest.mark.parametrize("case", ODD)
def test_only_plain_files_are_opened_and_no_larger_ones(tmp_path: Path, case: str) -> None:
    make, message = ODD[case]
    make(tmp_path / "x")
    with pytest.raises(OSError, match=message):
        read_json(tmp_path / "x")


def test_a_plain_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("[1]")
    assert read_json(tmp_path / "x") == [1]
    (tmp_path / "y").symlink_to(tmp_path / "x")
    with open_plain(tmp_path / "y") as file:
        assert file.read() == b"[1]"
    with pytest.raises(OSError, match="larger than"):
        read_bytes(Path("/proc/self/maps"), 10)  # which says that it is empty
