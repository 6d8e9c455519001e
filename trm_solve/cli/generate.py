"""`trm-solve generate`: new puzzles with known answers, one command a kind, as each kind describes it."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trm_solve.cli.shape import Command, Group

if TYPE_CHECKING:
    from trm_solve.kinds.option import Generator, Option


class Kinds(Group):
    """A group whose commands are the kinds', which are looked up when somebody asks for them."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(_generators())

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        generator = _generators().get(cmd_name)
        return None if generator is None else _command(cmd_name, generator)


def register(app: typer.Typer) -> None:
    generate = typer.Typer(
        name="generate",
        cls=Kinds,
        no_args_is_help=True,
        help="Make puzzles with answers, for training and for fun.",
        pretty_exceptions_enable=False,
    )
    generate.callback()(lambda: None)
    app.add_typer(generate)


def _generators() -> dict[str, Generator]:
    from trm_solve.kinds import generators

    return generators()


def _command(name: str, generator: Generator) -> Any:
    """The Typer command of a kind's generator."""

    def command(**chosen: Any) -> None:
        generator.run(**{name: _read(value) if isinstance(value, list) else value for name, value in chosen.items()})

    parameters = [_parameter(option) for option in generator.options]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    command.__doc__ = generator.help
    app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    app.command(name, cls=Command)(command)
    return typer.main.get_command(app)


def _read(values: list[Any]) -> list[Any]:
    """Files that are read come as lists; examples are found, and what is not there is told before there is any work."""
    from trm_solve.examples import existing

    return [existing(value) if isinstance(value, Path) else value for value in values]


def _parameter(option: Option) -> inspect.Parameter:
    metavar = option.metavar or ("N" if option.type is int else None)
    facts: dict[str, Any] = {"help": option.help, "metavar": metavar, "min": option.least}
    facts["rich_help_panel"] = option.panel or None
    made = typer.Argument(**facts) if option.argument else typer.Option(*option.flags, **facts)
    default = inspect.Parameter.empty if option.default is ... else option.default
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(option.name, kind, default=default, annotation=Annotated[option.type, made])
