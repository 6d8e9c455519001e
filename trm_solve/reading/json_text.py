"""JSON in whatever way it is laid out: one document, or a value a line."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator
from typing import Any

from trm_solve.errors import FileError, InputError

SAMPLE = 1 << 16  # characters that are looked at to tell what a text holds
LARGEST = 1 << 27  # characters of one document
TRIES = 8  # brackets at which a whole value is looked for


def is_json(head: list[str]) -> bool:
    """Whether a text that begins with these lines is JSON, and not rows in brackets, a section of an .sdk file, ..."""
    first = next((line.strip() for line in head if line.strip()), "")
    if first[:1] == "{":
        return True
    if first[:1] != "[" or first[1:2].isalpha():
        return False
    value = _loads(first.rstrip(","))
    if isinstance(value, list) and 0 < len(value) < 31 and not any(isinstance(each, list | dict) for each in value):
        return all(isinstance(each, str) and len(each) > 1 for each in value)  # else one row of a grid
    return sample(head) is not None


def sample(head: list[str]) -> Any:
    """The first whole list or object in the text, the outermost that ends within the sample; None without one."""
    text = "".join(head)[:SAMPLE]
    if (value := _loads(text)) is not None:
        return value
    text = _strict(text)
    decoder, at = json.JSONDecoder(), -1
    for _ in range(TRIES):
        places = [place for mark in "[{" if (place := text.find(mark, at + 1)) >= 0]
        if not places:
            return None
        at = min(places)
        try:
            return decoder.raw_decode(text, at)[0]
        except (ValueError, RecursionError):
            continue
    return None


def samples(head: list[str]) -> list[Any]:
    """The values of the first lines where each is one, otherwise what `sample` finds."""
    lines = [line for line in head if line.strip()]
    if len(lines) > 1 and (first := _loads(lines[0])) is not None:
        return [first, *(value for line in lines[1:] if (value := _loads(line)) is not None)]
    value = sample(head)
    return [] if value is None else [value]


def values(lines: Iterable[str], source: str) -> Iterator[tuple[int, Any] | InputError]:
    """The values of a text with their lines; one that is no JSON is an error. Raises `FileError` where all is none."""
    numbered = enumerate(lines, 1)
    number, first = next(((n, line) for n, line in numbered if line.strip()), (1, ""))
    if (value := _loads(first)) is None:
        yield number, _document(itertools.chain([first], (line for _, line in numbered)), source, number)
        return
    yield number, value
    for number, line in numbered:
        if line.strip():
            value = _loads(line)
            yield (number, value) if value is not None else InputError(f"{source}:{number}: not JSON")


def _document(lines: Iterable[str], source: str, start: int) -> Any:
    parts, size = [], 0
    for line in lines:
        parts.append(line)
        size += len(line)
        if size > LARGEST:
            raise FileError(f"{source}: more than {LARGEST >> 20} MB of JSON in one piece", "write a puzzle a line")
    text = "".join(parts)
    try:
        return json.loads(_strict(text))
    except RecursionError:
        raise FileError(f"{source}: nested too deeply, no puzzle is") from None
    except json.JSONDecodeError as error:
        place = f"{source}:{start + error.lineno - 1}:{error.colno}"
        raise FileError(f"{place}: not JSON ({error.msg})") from None
    except ValueError:
        raise FileError(f"{source}: a number of thousands of digits, no puzzle has one") from None


def _loads(text: str) -> Any:
    try:
        return json.loads(_strict(text))
    except (ValueError, RecursionError):
        return None


def _strict(text: str) -> str:
    """What Python prints of a list is read too."""
    if '"' in text or not ("'" in text or "None" in text):
        return text
    return text.replace("'", '"').replace("None", "null")
