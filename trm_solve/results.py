"""What longer work comes to: the figures of an evaluation, a run of training. They show themselves as solutions do."""

from __future__ import annotations

import json
import shutil
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, cast

from trm_solve.errors import InputError
from trm_solve.shown import Json
from trm_solve.talk import printable

if TYPE_CHECKING:
    import os

    from rich.table import Table

    from trm_solve.model import TRM


class Rows:
    """A table of names and values in `print`, in rich and in a notebook."""

    def rows(self) -> Sequence[tuple[str, str]]:
        """Names and values in words."""
        raise NotImplementedError

    def __str__(self) -> str:
        rows = self.rows()
        width = max(len(name) for name, _ in rows) + 2
        return "\n".join(f"{name:<{width}}{value}" for name, value in rows)

    def __rich__(self) -> Table:
        from rich.table import Table
        from rich.text import Text

        table = Table(show_header=False, box=None, pad_edge=False)
        for name, value in self.rows():
            table.add_row(Text(name, "bold"), Text(value))
        return table

    def _repr_html_(self) -> str:
        cell = '<td style="text-align: left">{}</td>'
        rows = ((f"<b>{escape(name)}</b>", escape(value)) for name, value in self.rows())
        return f"<table>{''.join(f'<tr>{cell.format(name)}{cell.format(value)}</tr>' for name, value in rows)}</table>"


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation(Rows):
    """The figures of `evaluate`, under the names of `eval --json`; accuracies are shares from 0 to 1."""

    figures: Mapping[str, Json]
    folder: Path  # where its report lies
    interrupted: bool = False  # by Ctrl-C: the figures are those of the puzzles until then
    own: bool = False  # the folder goes with this object
    leads: bool = True  # of several processes, this is the one that writes

    def __post_init__(self) -> None:
        if self.own:
            weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)

    def __repr__(self) -> str:
        share = self.exact_accuracy
        exact = "nothing to measure" if share is None else f"{100 * share:.1f} % exact"
        stopped = ", interrupted" if self.interrupted else ""
        return f"Evaluation({self.figures['model']}, {self.puzzles} {self.figures['kind']} puzzles, {exact}{stopped})"

    @property
    def puzzles(self) -> int:
        """Puzzles with an answer to measure against."""
        return cast(int, self.figures["puzzles"])

    @property
    def exact_accuracy(self) -> float | None:
        """The share of answers that equal the label, cell for cell; None where there is no label."""
        return cast("float | None", self.figures["exact_accuracy"])

    @property
    def exact_interval(self) -> tuple[float, float]:
        """Its 95 % interval; from 0 to 1 where there is no label."""
        low, high = cast(list[float], self.figures["exact_interval"])
        return low, high

    @property
    def cell_accuracy(self) -> float | None:
        """The share of cells that are right; None where there is no label."""
        return cast("float | None", self.figures["cell_accuracy"])

    @property
    def mean_steps(self) -> float | None:
        """Supervision steps a puzzle, over all attempts; None where nothing was answered."""
        return cast("float | None", self.figures["mean_steps"])

    def to_dict(self) -> dict[str, Json]:
        """The object of `eval --json`."""
        return dict(self.figures)

    def report(self, folder: str | os.PathLike[str]) -> Path:
        """Write what `eval --report` does: report.html, report.json, puzzles.csv; returns the first of them.

        Of processes under torchrun the first one writes it. Raises `InputError`.
        """
        place = Path(folder)
        if not self.leads:
            return place / "report.html"
        if place.exists() and any(place.iterdir()) and place.resolve() != self.folder.resolve():
            raise InputError(f"{place}: there is something in this folder", "name another")
        try:
            shutil.copytree(self.folder, place, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*"))
        except (OSError, shutil.Error) as error:
            raise InputError(f"{place}: cannot be written ({error})") from None
        return place / "report.html"

    def rows(self) -> Sequence[tuple[str, str]]:
        from trm_solve.evaluation.report import rows_of

        stopped = [("interrupted", "these are the puzzles until then")] if self.interrupted else []
        return [*stopped, *((printable(name), printable(value)) for name, value in rows_of(self.figures))]


@dataclass(frozen=True, eq=False, repr=False)
class Training(Rows):
    """A run of `train`: its folder, how it ended, what it came to."""

    folder: Path
    ended: str  # done, or interrupted: then train(resume=True, out=folder) goes on

    def __repr__(self) -> str:
        return f"Training({printable(self.folder)}, {self.ended}, step {self._last.get('step', 0)})"

    @property
    def best(self) -> Path:
        """The checkpoint folder to use: the best by validation, or the last where nothing was validated."""
        best = self.folder / "best"
        return best if best.exists() else self.folder / "last"

    @property
    def metrics(self) -> list[dict[str, Json]]:
        """The lines of metrics.jsonl, in order: of training (`loss`, ...) and of validation (`valid`, ...)."""
        from trm_solve.training.folder import RunFolder

        return list(RunFolder(self.folder).read_metrics())

    def model(self, *, device: str = "auto", dtype: str = "auto") -> TRM:
        """The model of `best`, ready for inference."""
        from trm_solve import pretrained

        return pretrained.ready(self.best, device=device, dtype=dtype)

    @property
    def _last(self) -> Mapping[str, Json]:
        return next((line for line in reversed(self.metrics) if "loss" in line), {})

    def rows(self) -> Sequence[tuple[str, str]]:
        from trm_solve.training.curves import spark

        lines, last = self.metrics, self._last
        losses = [cast(float, line["loss"]) for line in lines if "loss" in line]
        valid = [cast(float, line["valid_exact"]) for line in lines if "valid" in line]
        rows = [("run", f"{printable(self.folder)}, {self.ended}")]
        if losses:
            minutes = cast(float, last["seconds"]) / 60
            rows.append(("length", f"{last['step']} steps, {minutes:.1f} minutes"))
            rows.append(("loss", f"{spark(losses)} {losses[-1]:.4f}"))
        if valid:
            rows.append(("valid, exact", f"{spark(valid)} {100 * valid[-1]:.1f} %"))
        return [*rows, ("model", printable(self.best))]


def written(figures: Mapping[str, Json], folder: Path) -> Path:
    """The figures as `eval --json` writes them."""
    path = folder / "results.json"
    path.write_text(json.dumps(figures) + "\n", encoding="utf-8")
    return path
