"""JSON and YAML of others -> plain values within bounds: no surprise of type, size or depth gets past this room.

Plain values are None, bool, int of 64 bits, finite float, str, list, and dict with text for keys. What is refused is
told by a ValueError that names the outermost field it stands in; the caller puts the file's name before it.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trm_solve.errors import first_line, shown
from trm_solve.files import read_bytes

BYTES = 16 << 20  # of a JSON file
YAML_BYTES = 1 << 18  # its parser is slow, and nobody writes a longer one by hand
VALUES = 1_000_000
DEPTH = 50
INT_RANGE = range(-(2**63), 2**64)


def read_json(path: Path, *, size: int = BYTES, values: int = VALUES) -> Any:
    """The value in a JSON file. Raises OSError, also for what is no plain file or too large, or ValueError."""
    return parse_json(read_bytes(path, size), values=values)


def parse_json(text: str | bytes, *, values: int = VALUES) -> Any:
    """The value that a JSON text stands for. Raises ValueError."""
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"not JSON (not UTF-8 at byte {error.start})") from None
    try:
        found = json.loads(text, object_pairs_hook=_object, parse_int=_whole, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON ({error})") from None
    except RecursionError:
        raise ValueError(f"not JSON ({TOO_DEEP})") from None
    _check(found, values)
    return found


def object_of(value: Any) -> dict[str, Any]:
    """The same, known to be an object. Raises ValueError."""
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value


TOO_DEEP = f"nested more than {DEPTH} deep"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        times = Counter(name for name, _ in pairs)
        twice = next(name for name in times if times[name] > 1)
        raise ValueError(f"field {shown(twice)} stands there twice")
    return found


@dataclass
class _Bad:
    """Stands for a number that is refused once it is known in which field."""

    why: str


def _whole(text: str) -> int | _Bad:
    if len(text) > 20 or (value := int(text)) not in INT_RANGE:
        return _Bad(f"{text[:20]}{'…' if len(text) > 20 else ''} is too large a number")
    return value


def _refuse(text: str) -> _Bad:
    return _Bad(f"{text} is not a number")


def _check(found: Any, values: int) -> None:
    """Depth, number of values, and numbers that overflowed to infinity."""
    level: list[tuple[str, Any]] = [("", found)]
    if isinstance(found, dict):
        level = [(f"field {shown(name)}: ", value) for name, value in found.items()]
    count = 0
    for _ in range(DEPTH):
        below: list[tuple[str, Any]] = []
        for where, value in level:
            inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else None
            for each in (value,) if inner is None else inner if {*map(type, inner)} & {float, list, dict, _Bad} else ():
                if isinstance(each, float) and not math.isfinite(each):
                    raise ValueError(f"{where}{each} is not a number")
                if isinstance(each, _Bad):
                    raise ValueError(where + each.why)
                if inner is not None and isinstance(each, list | dict):
                    below.append((where, each))
            count += 1 if inner is None else len(inner)
            if count > values:
                raise ValueError(f"{where}more than {values:,} values")
        if not below:
            return
        level = below
    raise ValueError(level[0][0] + TOO_DEEP)


# ---- YAML


@dataclass
class _Open:
    """A list or an object whose end has not come yet."""

    value: Any
    anchor: str | None
    key: Any = None
    waits: bool = False  # a key has come, its value has not
    size: int = 1  # values in it, itself among them
    depth: int = 1  # levels of lists and objects, its own among them


@dataclass
class _Builder:
    """Values from the events of a YAML parser: nothing recurses, and an alias costs as much as what it stands for."""

    values: int
    open: list[_Open] = field(default_factory=list)
    anchors: dict[str, tuple[Any, int, int]] = field(default_factory=dict)  # value, size, depth
    found: Any = None
    spent: int = 0

    def where(self) -> str:
        top = self.open[0].key if self.open else None
        return f"field {shown(top)}: " if top is not None else ""

    def add(self, value: Any, size: int, depth: int = 0) -> None:
        self.spent += size
        if self.spent > self.values:
            raise ValueError(f"{self.where()}more than {self.values:,} values")
        if len(self.open) + depth > DEPTH:
            raise ValueError(self.where() + TOO_DEEP)
        if not self.open:
            self.found = value
            return
        inside = self.open[-1]
        inside.size += size
        inside.depth = max(inside.depth, depth + 1)
        if isinstance(inside.value, list):
            inside.value.append(value)
        elif inside.waits:
            inside.value[inside.key], inside.waits = value, False
        elif not isinstance(value, str):
            raise ValueError(f"{self.where()}{shown(value)} is no name of a field")
        elif value in inside.value:
            raise ValueError(f"{self.where()}{shown(value)} stands there twice")
        else:
            inside.key, inside.waits = value, True


def parse_yaml(text: str, *, values: int = VALUES // 10) -> Any:
    """The value that a YAML text of one document stands for; dates stay text. Raises ValueError."""
    import yaml

    if len(text) > YAML_BYTES:
        raise ValueError(f"more than {YAML_BYTES >> 10} KB of YAML")
    builder, documents = _Builder(values), 0
    resolver = yaml.SafeLoader("")  # of plain scalars: which of them are numbers
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            match event:
                case yaml.DocumentStartEvent():
                    documents += 1
                    if documents > 1:
                        raise ValueError("more than one YAML document")
                case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                    if event.tag is not None:
                        raise ValueError(f"{builder.where()}the tag {shown(event.tag)} is not read")
                    if len(builder.open) >= DEPTH:
                        raise ValueError(builder.where() + TOO_DEEP)
                    builder.open.append(_Open({} if isinstance(event, yaml.MappingStartEvent) else [], event.anchor))
                case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                    _close(builder)
                case yaml.AliasEvent():
                    if event.anchor not in builder.anchors:
                        raise ValueError(f"{builder.where()}nothing is called {shown(event.anchor)}")
                    builder.add(*builder.anchors[event.anchor])
                case yaml.ScalarEvent():
                    value = _scalar(event, resolver, builder.where())
                    if event.anchor is not None:
                        builder.anchors[event.anchor] = (value, 1, 0)
                    builder.add(value, 1)
    except yaml.YAMLError as error:
        raise ValueError(f"not YAML ({first_line(error)})") from None
    except RecursionError:
        raise ValueError(TOO_DEEP) from None
    return builder.found


def _close(builder: _Builder) -> None:
    done = builder.open.pop()
    builder.spent -= done.size - 1  # counted again, as a whole, by `add`
    if done.anchor is not None:
        builder.anchors[done.anchor] = (done.value, done.size, done.depth)
    builder.add(done.value, done.size, done.depth)


def _scalar(event: Any, loader: Any, where: str) -> Any:
    import yaml

    tag = event.tag or loader.resolve(yaml.ScalarNode, event.value, event.implicit)
    kind = tag.removeprefix("tag:yaml.org,2002:")
    if kind in ("str", "timestamp", "value"):
        return event.value
    if kind not in ("null", "bool", "int", "float"):
        raise ValueError(f"{where}the tag {shown(event.tag or event.value)} is not read")
    try:
        value = loader.construct_object(yaml.ScalarNode(tag, event.value))
    except (ValueError, IndexError, KeyError):
        raise ValueError(f"{where}{shown(event.value)} cannot be read") from None
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{where}{shown(event.value)} is not a number")
    if isinstance(value, int) and value not in INT_RANGE:
        raise ValueError(f"{where}{shown(event.value)} is too large a number")
    return value
