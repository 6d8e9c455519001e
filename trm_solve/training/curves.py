"""The curves of a run: a picture where matplotlib is installed (extra `plot`), a line of characters elsewhere."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from trm_solve.errors import reason_of

LEVELS = "▁▂▃▄▅▆▇█"
WIDTH = 60  # characters of a terminal curve

Line = dict[str, Any]  # of metrics.jsonl


def draw(lines: list[Line], folder: Path) -> str:
    """Write `curves.png` into the folder and say so, or return the curves as text where matplotlib is missing."""
    training = [line for line in lines if "loss" in line]
    if len(training) < 2:
        return ""
    try:
        return f"curves: {picture(lines, folder / 'curves.png')}"
    except ImportError:
        return text(lines)
    except OSError as error:
        return f"curves.png: cannot be written: {reason_of(error)}\n{text(lines)}"


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


def picture(lines: list[Line], path: Path) -> Path:
    """Loss above, accuracies below, against minutes. Raises ImportError without matplotlib."""
    from matplotlib.figure import Figure

    training = [line for line in lines if "loss" in line]
    validation = [line for line in lines if "valid" in line]
    minutes = [line["seconds"] / 60 for line in training]
    figure = Figure(figsize=(8, 7), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    above.plot(minutes, [line["loss"] for line in training], linewidth=0.8)
    above.set(ylabel="loss", yscale="log")
    halted = [(line["seconds"] / 60, 100 * line["exact_accuracy"]) for line in training if line["halted"]]
    if halted:
        below.plot(*zip(*halted, strict=True), linewidth=0.8, alpha=0.6, label="training, on halting")
    for name in validation[-1]["valid"] if validation else ():
        points = [
            (v["seconds"] / 60, 100 * v["valid"][name]["exact_accuracy"]) for v in validation if name in v["valid"]
        ]
        below.plot(*zip(*points, strict=True), marker="o", markersize=3, label=Path(name).stem)
    below.set(xlabel="minutes", ylabel="exact accuracy, %", ylim=(0, 100))
    if halted or validation:
        below.legend()
    figure.savefig(path, dpi=120)
    return path
