"""The curves of a run: figures on a page, and lines of characters."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from trm_solve.errors import reason_of
from trm_solve.render import figures
from trm_solve.talk import printable

LEVELS = "▁▂▃▄▅▆▇█"
WIDTH = 60  # characters of a terminal curve

Line = dict[str, Any]  # of metrics.jsonl


def draw(lines: list[Line], folder: Path) -> str:
    """Write `curves.html` into the folder; the curves in characters, and where the page lies."""
    if sum("loss" in line for line in lines) < 2:
        return ""
    path = folder / "curves.html"
    try:
        path.write_text(page(lines, folder.name), encoding="utf-8")
    except OSError as error:
        return f"{text(lines)}\ncurves.html: cannot be written: {reason_of(error)}"
    return f"{text(lines)}\ncurves: {path}"


def text(lines: list[Line]) -> str:
    """Loss and validation exact accuracy, a line each, lowest to highest."""
    curves = [("loss", [line["loss"] for line in lines if "loss" in line])]
    curves.append(("valid", [line["valid_exact"] for line in lines if "valid" in line]))
    return "\n".join(f"{name:>5} {spark(values)} {values[-1]:.4f}" for name, values in curves if values)


def spark(values: list[float]) -> str:
    """At most `WIDTH` characters, each the mean of its part of the values."""
    parts = min(len(values), WIDTH)
    edges = [round(i * len(values) / parts) for i in range(parts + 1)]
    means = [sum(values[a:b]) / (b - a) for a, b in itertools.pairwise(edges)]
    low, high = min(means), max(means)
    scale = (len(LEVELS) - 1) / (high - low) if high > low else 0.0
    return "".join(LEVELS[round((mean - low) * scale)] for mean in means)


def page(lines: list[Line], name: str) -> str:
    """Loss, exact and cell accuracy, steps to the answer and speed, against optimiser steps."""
    training = [line for line in lines if "loss" in line]
    validation = [line for line in lines if "valid" in line]

    def of(field: str) -> list[tuple[float, float]]:
        return [(line["step"], line[field]) for line in training if line.get(field) is not None]

    exact, cells = {"training, on halting": of("exact_accuracy")}, {"training, on halting": of("accuracy")}
    for line in validation:
        for file, found in line["valid"].items():
            label = f"validation: {printable(Path(file).stem)}"
            exact.setdefault(label, []).append((line["step"], found["exact_accuracy"]))
            if found.get("cell_accuracy") is not None:
                cells.setdefault(label, []).append((line["step"], found["cell_accuracy"]))
    step = "optimiser steps"
    last = training[-1]
    drawings = {
        "Loss": figures.lines({"": of("loss")}, step, "loss (logarithmic)", log=True),
        "Exact accuracy": figures.lines(exact, step, "exact accuracy, %", share=True),
        "Cell accuracy": figures.lines(cells, step, "cells right, %", share=True),
        "Supervision steps to a halt": figures.lines({"": of("mean_steps")}, step, "supervision steps, mean"),
        "Speed": figures.lines({"": of("samples_per_second")}, step, "samples a second"),
    }
    length = (
        f"<p>{last['step']:,} steps in {last['seconds'] / 60:.1f} minutes; the last loss is {last['loss']:.4f}.</p>"
    )
    return figures.page(printable(name), [length, *(figures.figure(*each) for each in drawings.items())])
