"""Options that refuse what does not fit, and the hint of what was meant. Standard library only."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from functools import cache
from numbers import Integral, Real
from typing import Any, Literal, Self, cast, get_args, get_origin, get_type_hints

from trm_solve.errors import InputError, shown


def nearest(name: str, known: list[str]) -> str:
    """A hint that offers the nearest known name, or lists all of them."""
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean '{close[0]}'?" if close else f"known: {', '.join(sorted(known))}"


def _fits(value: Any, hint: Any) -> bool:
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if get_origin(hint) is tuple:
        kinds = get_args(hint)
        if kinds[-1] is Ellipsis:
            return isinstance(value, list | tuple) and all(_fits(each, kinds[0]) for each in value)
        return isinstance(value, list | tuple) and len(value) == len(kinds) and all(map(_fits, value, kinds))
    if get_origin(hint) is Mapping:
        return isinstance(value, Mapping)
    if get_args(hint):  # a union such as `int | None`
        return any(_fits(value, each) for each in get_args(hint))
    if hint is float:
        return isinstance(value, Real) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, Integral) and not isinstance(value, bool)
    return isinstance(value, hint)


def _plain(value: Any) -> Any:
    """Numbers of numpy as Python's, lists as tuples."""
    if isinstance(value, list | tuple):
        return tuple(map(_plain, value))
    if isinstance(value, Real) and not isinstance(value, int | float):
        return int(value) if isinstance(value, Integral) else float(value)
    return value


@cache
def _hints(cls: Any) -> dict[str, Any]:
    return get_type_hints(cls)


class Strict:
    """Frozen options that refuse what does not fit, by the field's name, however they are made.

    `from_dict` and `to_dict` go through plain JSON values.
    """

    def __post_init__(self) -> None:
        """Raises `InputError` for the first field whose value does not fit, with the choices where it has such."""
        for name, hint in _hints(cast(Any, type(self))).items():
            value = getattr(self, name)
            if not _fits(value, hint):
                choices = get_args(hint) if get_origin(hint) is Literal else ()
                raise InputError(
                    f"field '{name}' cannot be {shown(value)}", f"known: {', '.join(choices)}" if choices else ""
                )
            object.__setattr__(self, name, _plain(value))

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any], where: str = "") -> Self:
        """Build from plain JSON values. Raises `InputError`, prefixed by `where`, that names the field at fault."""
        prefix = f"{where}: " if where else ""
        known = {f.name: f for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
        for name in fields:
            if name not in known:
                raise InputError(f"{prefix}unknown field {shown(name)}", nearest(name[:60], list(known)))
        for name, spec in known.items():
            needed = spec.default is dataclasses.MISSING and spec.default_factory is dataclasses.MISSING
            if needed and name not in fields:
                raise InputError(f"{prefix}field '{name}' is missing")
        try:
            return cls(**fields)
        except InputError as error:
            raise InputError(f"{prefix}{error.message}", error.hint) from None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values of every field."""
        fields = dataclasses.asdict(self)  # type: ignore[call-overload]
        return {k: list(v) if isinstance(v, tuple) else v for k, v in fields.items()}
