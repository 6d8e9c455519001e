"""How commands look in their help, and options that take one of a few words.

Typer shows a flag as `--json <bool>` and arguments as `{PUZZLE...}...  <list[str]>`; people expect `--json` and
`PUZZLE...`.
"""

from collections.abc import Callable, Sequence
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from trm_solve.config import is_index
from trm_solve.errors import InputError
from trm_solve.strict import nearest

Words = Callable[[], Sequence[str]]


def _plain(parameters: Sequence[Any]) -> list[Any]:
    """The parameters without the names of Python's types in their help."""
    for each in parameters:
        if getattr(each, "is_flag", False):
            each.metavar = ""
        elif each.param_type_name == "argument":
            vars(each)["display_type_rich"] = lambda *_, **__: None  # a method of newer Typers
    return list(parameters)


def _usage(command: Any, ctx: Any) -> list[str]:
    """The line of usage, as manual pages write it: PUZZLE... where it is needed, [DATA...] where it is not."""
    pieces = ["[OPTIONS]"]
    for each in command.get_params(ctx):
        if each.param_type_name == "argument":
            pieces.append(each.metavar if each.required else f"[{each.metavar}]")
    return pieces


class Command(TyperCommand):
    def get_params(self, ctx: Any) -> list[Any]:
        return _plain(super().get_params(ctx))

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return _usage(self, ctx)


class Group(TyperGroup):
    def get_params(self, ctx: Any) -> list[Any]:
        return _plain(super().get_params(ctx))


def choice(words: Words, what: str, *flags: str, stem: bool = False, **facts: Any) -> Any:
    """An option that takes one of these words, which the shell completes; another is refused with the nearest.

    With `stem`, a number may stand behind a word and a colon, as in `cuda:1`.
    """

    def complete(incomplete: str) -> list[str]:
        return [word for word in words() if word.startswith(incomplete)]

    def check(ctx: typer.Context, param: typer.CallbackParam, value: str | None) -> str | None:
        if value is None or ctx.resilient_parsing:
            return value
        head, colon, number = value.partition(":") if stem else (value, "", "")
        if head not in words() or (colon and not is_index(number)):
            raise InputError(f"{param.opts[0]}: unknown {what} '{value}'", nearest(head, list(words())))
        return value

    return typer.Option(*flags, autocompletion=complete, callback=check, **facts)
