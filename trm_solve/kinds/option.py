"""What `trm-solve generate KIND` offers, as data. Standard library only, so that its help answers at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any


@dataclass(frozen=True)
class Option:
    """An option, or an argument, of `trm-solve generate KIND`."""

    name: str
    type: Any  # int, str, bool, Path, list[Path] ...; `| None` where the default is None
    help: str
    default: Any = ...  # ...: must be given
    metavar: str = ""
    panel: str = ""
    flags: tuple[str, ...] = ()  # where they are not `--NAME` alone; for an argument: none at all
    least: int | None = None
    argument: bool = False


@dataclass(frozen=True)
class Generator:
    """What `trm-solve generate KIND` offers."""

    help: str  # a line of purpose, then examples
    options: Sequence[Option]
    run: Callable[..., None]  # called with the options by name; writes the puzzles


def generator_beside(module: str) -> Generator | None:
    """`GENERATOR` of the module `command` in the package that a module is in; None where there is none."""
    package = module.rpartition(".")[0]
    if not package or find_spec(f"{package}.command") is None:
        return None
    found: Generator = import_module(f"{package}.command").GENERATOR
    return found
