"""`trm-solve demo`."""

from typing import Annotated

import typer

from trm_solve.cli import options as o
from trm_solve.cli.shape import Command

PACE = 0.5  # seconds a step, on a terminal only


def register(app: typer.Typer) -> None:
    app.command(cls=Command)(demo)


def demos() -> dict[str, str]:
    """What is shown, by the name on the command line: of a kind its demo, and examples that belong to no kind alone."""
    from trm_solve import examples
    from trm_solve.kinds import kinds

    found = {name: f"{examples.PREFIX}{name}/{kind.demo}" for name, kind in kinds().items() if kind.demo}
    known = {examples.PREFIX + name for name in examples.files()}
    found = {name: example for name, example in reversed(found.items()) if example in known}
    return found | {name: examples.PREFIX + name for name in examples.files() if "/" not in name}


def complete_demo(incomplete: str) -> list[str]:
    return [name for name in demos() if name.startswith(incomplete)]


def demo(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="sudoku, maze, arc, or hard (a Sudoku that needs a search); without it: the first three.",
            autocompletion=complete_demo,
        ),
    ] = None,
    pace: o.Pace = PACE,
    save: o.Save = None,
) -> None:
    """Solve a puzzle that ships, before your eyes.

    Examples:

        trm-solve demo sudoku

        trm-solve demo maze --save maze.svg
    """
    from trm_solve.config import AdaptOptions, SolveOptions
    from trm_solve.errors import InputError
    from trm_solve.output import OutputOptions
    from trm_solve.solve_inputs import SolveRequest, solve_inputs
    from trm_solve.strict import nearest

    known = demos()
    if name is not None and name not in known:
        raise InputError(f"no demo '{name}'", nearest(name, list(known)))
    if name is None and save is not None:
        raise InputError("--save keeps one picture", f"say which: trm-solve demo {next(iter(known))} --save {save}")
    chosen = [known[name]] if name is not None else [each for each in known.values() if "/" in each]
    look = OutputOptions(pace=pace, save=save)
    codes = [
        solve_inputs(SolveRequest(inputs=[each], options=SolveOptions(), look=look, adaptation=AdaptOptions()))
        for each in chosen
    ]
    raise typer.Exit(max(codes))
