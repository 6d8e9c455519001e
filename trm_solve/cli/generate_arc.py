"""`trm-solve generate arc`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def arc(
    challenges: Annotated[
        list[Path], typer.Argument(metavar="CHALLENGES...", help="Challenges files, their solutions beside them.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder of the data set.")],
    copies: Annotated[int, typer.Option(min=0, help="Augmented copies of every task.")] = 1000,
    test: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Of CHALLENGES: the one whose test pairs are to measure on.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same copies.")] = 42,
) -> None:
    """Rebuild the public ARC data sets, array for array: a folder for `train` and `identifiers.json`.

    Examples:

        trm-solve generate arc training_challenges.json seen_challenges.json --test seen_challenges.json -o arc-1000

        trm-solve generate arc mine_challenges.json --copies 20 -o mine
    """
    from trm_solve.arc.dataset import build
    from trm_solve.errors import InputError

    if test is not None and test not in challenges:
        raise InputError(f"--test {test}: not one of the files", "its demonstrations are learned from")
    build(challenges, output, copies, test=None if test is None else challenges.index(test), seed=seed)


def register(app: typer.Typer) -> None:
    """Add the command to the `generate` group."""
    app.command("arc")(arc)
