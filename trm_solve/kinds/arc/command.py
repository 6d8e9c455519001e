"""`trm-solve generate arc`, as data: the program behind it is imported when it runs."""

from __future__ import annotations

from pathlib import Path

from trm_solve.errors import InputError
from trm_solve.kinds.option import Generator, Option

HELP = """Rebuild the public ARC data sets, array for array: a folder for `train` and `identifiers.json`.

Examples:

    trm-solve generate arc training_challenges.json seen_challenges.json --test seen_challenges.json -o arc-1000

    trm-solve generate arc mine_challenges.json --copies 20 -o mine
"""


def run(challenges: list[Path], output: Path, copies: int, test: Path | None, seed: int) -> None:
    from trm_solve.kinds.arc.dataset import build

    if test is not None and test not in challenges:
        raise InputError(f"--test {test}: not one of the files", "its demonstrations are learned from")
    build(challenges, output, copies, test=None if test is None else challenges.index(test), seed=seed)


GENERATOR = Generator(
    HELP,
    (
        Option(
            "challenges",
            list[Path],
            "Challenges files, their solutions beside them.",
            metavar="CHALLENGES...",
            argument=True,
        ),
        Option("output", Path, "Folder of the data set.", metavar="DIR", flags=("--output", "-o")),
        Option("copies", int, "Augmented copies of every task.", 1000, least=0),
        Option("test", Path | None, "Of CHALLENGES: the one whose test pairs are to measure on.", None, metavar="FILE"),
        Option("seed", int, "The same seed gives the same copies.", 42, least=0),
    ),
    run,
)
