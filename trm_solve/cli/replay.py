"""`trm-solve replay`."""

from pathlib import Path
from typing import Annotated

import typer

from trm_solve.cli import options as o
from trm_solve.cli.shape import Command

PACE = 0.3  # seconds a step


def register(app: typer.Typer) -> None:
    app.command(cls=Command)(replay)


def replay(
    trace: Annotated[Path, typer.Argument(metavar="TRACE", help="A file written by solve --trace.")],
    pace: o.Pace = PACE,
    output: o.Answers = None,
    save: o.Save = None,
    quiet: o.Quiet = False,
) -> None:
    """Show a saved trace again, step by step; needs no model.

    Examples:

        trm-solve solve example:maze/hard --trace steps.jsonl

        trm-solve replay steps.jsonl --pace 1

        trm-solve replay steps.jsonl --save steps.gif
    """
    from trm_solve.output import OutputOptions
    from trm_solve.replay import replay as show

    raise typer.Exit(int(show(trace, OutputOptions(pace=pace, save=save, output=output, quiet=quiet))))
