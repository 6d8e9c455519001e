"""`trm-solve generate tasks`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def tasks(
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="How many tasks; the rules take turns.")] = 34,
    pairs: Annotated[int, typer.Option(min=1, help="Demonstration pairs of a task.")] = 16,
    side: Annotated[int, typer.Option(min=8, max=30, help="Largest side of a grid.")] = 12,
    rule: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this kind of rule; may be given again.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same tasks.")] = 0,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write the challenges file here.")
    ] = None,
) -> None:
    """Make ARC-like tasks from known rules, as a challenges file: what a base for adaptation learns rules from.

    Examples:

        trm-solve generate tasks --count 510 --side 12 -o rules_challenges.json

        trm-solve generate tasks -n 20 --rule filled --rule rays -o lines.json
    """
    from trm_solve.generate.tasks import make, write

    write(make(count, pairs=pairs, side=side, rules=rule or (), seed=seed), output)


def register(app: typer.Typer) -> None:
    """Add the command to the `generate` group."""
    app.command("tasks")(tasks)
