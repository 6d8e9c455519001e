"""The registry of puzzle kinds: every folder in here is one, and so is every entry point of `trm_solve.kinds`."""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

from trm_solve.errors import InputError, first_line, shown
from trm_solve.kinds.option import Generator, generator_beside
from trm_solve.strict import nearest
from trm_solve.talk import say

if TYPE_CHECKING:
    from trm_solve.kinds.base import Kind

GROUP = "trm_solve.kinds"  # of entry points, each of which names a subclass of `Kind`


@cache
def kinds() -> dict[str, Kind]:
    """All kinds by name, in the order in which they are asked whose a file is: those from outside come first.

    One that cannot be loaded is left out, with a warning that names it.
    """
    ours: dict[str, Kind] = {name: import_module(f"{__name__}.{name}.kind").KIND() for name in _folders()}
    found: dict[str, Kind] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        try:
            found[point.name] = _load(point, ours | found)
        except Exception as error:  # whatever the code of others does
            say(f"warning: puzzle kind '{point.name}' ({point.value}) cannot be used: {first_line(error)}")
    return found | ours


def generators() -> dict[str, Generator]:
    """What `trm-solve generate` offers of each kind. Ours are asked without loading the kind, so that help is quick."""
    found = {name: generator_beside(f"{__name__}.{name}.kind") for name in _folders()}
    if entry_points(group=GROUP):
        found = {name: kind.generator() for name, kind in kinds().items()}
    return {name: generator for name, generator in found.items() if generator is not None}


def kind_names() -> list[str]:
    """Names of all kinds, without loading any."""
    return sorted({*_folders(), *(point.name for point in entry_points(group=GROUP))})


def _folders() -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if module.ispkg)


def _load(point: EntryPoint, found: dict[str, Kind]) -> Kind:
    from trm_solve.kinds.base import Kind

    kind = point.load()()
    if not isinstance(kind, Kind):
        raise TypeError("not a subclass of trm_solve.kinds.base.Kind")
    if kind.name != point.name:
        raise ValueError(f"it calls itself '{kind.name}'")
    if kind.name in found:
        raise ValueError("there is a kind of this name already")
    return kind


def get_kind(name: str) -> Kind:
    """The kind of this name. Raises `InputError` that offers the nearest."""
    if name not in kinds():
        raise InputError(f"unknown puzzle kind {shown(name)}", nearest(name[:60], list(kinds())))
    return kinds()[name]
