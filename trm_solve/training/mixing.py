"""What a run trains on and is validated with: data sets, how often each row is drawn, and what is held out.

A source is `PATH[@SHARE]`: a puzzle file with answers, a folder in the public builder's `.npy` layout, or
`hf://datasets/ORG/NAME[/FILE]`. SHARE is the source's part of the draws; sources without one share what is left in
proportion to their weighted rows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trm_solve.config import Canvas, RunOptions
from trm_solve.errors import InputError
from trm_solve.kinds import get_kind
from trm_solve.kinds.base import Report
from trm_solve.training.data import ROWS, Dataset, Mixture, by_size, crop
from trm_solve.training.naming import located, split_share
from trm_solve.training.sources import read, read_all, renamed


def open_data(
    options: RunOptions,
    *,
    augment: bool,
    canvas: Canvas = "full",
    copies: int = 0,
    max_side: int = 30,
    exchange: bool = True,
    report: Report,
) -> tuple[list[Mixture], dict[str, list[Dataset]]]:
    """The training mixtures, and the validation sets by name.

    On a cropped canvas, puzzles of different sizes are mixtures, or sets, of their own. `copies`, `max_side` and
    `exchange` are for tasks. Raises `InputError`; `report` hears of refused rows.
    """
    sources = [split_share(source) for source in options.data]
    found = read_all([located(path) for path, _ in sources], options.kind, copies, max_side, report, exchange=exchange)
    parts, held, shares = [], [], []
    for (path, share), data in zip(sources, found, strict=True):
        if not len(data):  # a file of tasks that are all left out
            continue
        if get_kind(data.kind).tasks is not None and data.sides is None and canvas == "crop":
            hint = "--set canvas=full, or train on the challenges files that they were built from"
            raise InputError(f"{path}: its examples stand anywhere on the whole canvas, which cannot be cropped", hint)
        shares.append(share)
        kept, out = hold_out(select_rating(data, options.rating, path), options.hold_out, path)
        parts.append(kept)
        held.append(out)
    bands = [_band(text) for text in options.band]
    odds = _odds([part.weights * _band_weights(part.ratings, bands) for part in parts], shares)
    data = _join(parts)
    mixtures = []
    for rows in by_size(data, canvas):
        share = float(odds[rows].sum())
        if share:
            part = data.take(rows)
            cumulative = np.cumsum(odds[rows]) / share
            part = crop(part) if canvas == "crop" else part
            mixtures.append(Mixture(part, cumulative, augment, share, _reveal(options.reveal)))
    validation = {source: renamed(read(located(source), options.kind, report), data.names) for source in options.valid}
    for source, part in validation.items():
        _must_be_alike([data, part])
        if get_kind(part.kind).tasks is not None and (strange := int((part.ids == 0).sum())):
            report(f"{source}: {strange} of its puzzles are of tasks that are not trained on, and have no row")
        if common := count_common(data, part):
            report(f"{source}: {common} of its puzzles are training data too; what it measures is partly memory")
    if options.hold_out:
        validation["held out"] = _join(held)
    sets = {}
    for name, part in validation.items():  # the same puzzles whatever the run's seed
        part = part.take(np.random.default_rng(0).permutation(len(part))[: options.valid_puzzles])
        sized = [part.take(rows) for rows in by_size(part, canvas)]
        sets[name] = [crop(each) for each in sized] if canvas == "crop" else sized
    return mixtures, sets


def hold_out(data: Dataset, share: float, path: str) -> tuple[Dataset, Dataset]:
    """Data to learn from and data held out; the same rows whatever the seed of the run."""
    if not share:
        return data, data
    order = np.random.default_rng(0).permutation(len(data))
    count = round(share * len(data))
    if not 0 < count < len(data):
        raise InputError(f"{path}: cannot hold out {share:g} of {len(data)} rows")
    return data.take(np.sort(order[count:])), data.take(np.sort(order[:count]))


def count_common(data: Dataset, other: Dataset) -> int:
    """How many questions of `other` stand in `data` as they are (symmetric copies are not looked for)."""
    keys = [np.ascontiguousarray(d.questions).view(f"V{d.questions.shape[1]}").ravel() for d in (data, other)]
    known = {key.tobytes() for key in keys[1]}
    return len(known.intersection(key.tobytes() for key in keys[0]))


def _range(text: str, what: str) -> tuple[float, float]:
    low, colon, high = text.partition(":")
    try:
        bounds = float(low or "-inf"), float(high or "inf")
    except ValueError:
        colon = ""
    if not colon or not bounds[0] <= bounds[1]:
        raise InputError(f"{what} '{text}' is not a range", "write LO:HI, such as 4:20")
    return bounds


def _reveal(text: str) -> tuple[int, int]:
    low, high = _range(text, "--reveal") if text else (0.0, 0.0)
    if not (low >= 0 and high < float("inf") and low == int(low) and high == int(high)):
        raise InputError(f"--reveal '{text}': no numbers of cells", "write LO:HI, such as 0:12")
    return int(low), int(high)


def _band(text: str) -> tuple[float, float, float]:
    bounds, _, weight = text.partition("=")
    try:
        value = float(weight)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise InputError(f"--band '{text}': no weight", "write LO:HI=WEIGHT, such as 4:20=3")
    return *_range(bounds, "--band"), value


def select_rating(data: Dataset, text: str, path: str) -> Dataset:
    """Rows whose rating lies in `LO:HI` (all of them where it is empty)."""
    if not text:
        return data
    low, high = _range(text, "--rating")
    kept = data.take((data.ratings >= low) & (data.ratings <= high))
    if not len(kept):
        raise InputError(f"{path}: no row has a rating in {text}", "see the file's rating column")
    return kept


def _band_weights(ratings: NDArray[np.float64], bands: Iterable[tuple[float, float, float]]) -> NDArray[np.float64]:
    weights = np.ones(len(ratings))
    for low, high, weight in bands:
        weights[(ratings >= low) & (ratings <= high)] = weight
    return weights


def _must_be_alike(parts: Sequence[Dataset]) -> None:
    first = parts[0]
    for other in parts[1:]:
        if (other.kind, other.questions.shape[1]) != (first.kind, first.questions.shape[1]):
            raise InputError(f"one run trains on one kind of puzzle, not on {first.kind} and {other.kind}")


def _join(parts: Sequence[Dataset]) -> Dataset:
    _must_be_alike(parts)
    first = parts[0]
    if len(parts) == 1:
        return first
    arrays: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts]) for name in ROWS}
    names = max((part.names for part in parts), key=len)
    views = [part.views for part in parts if part.views is not None]
    sides = [part.sides for part in parts if part.sides is not None]
    return dataclasses.replace(
        first,
        **arrays,
        names=names,
        views=views[0].join(views[1:]) if views else None,
        sides=np.concatenate(sides) if len(sides) == len(parts) else None,
    )


def _odds(weights: list[NDArray[np.float64]], shares: list[float | None]) -> NDArray[np.float64]:
    """The probability of every row, sources in order."""
    taken = sum(share for share in shares if share is not None)
    free = sum(float(w.sum()) for w, share in zip(weights, shares, strict=True) if share is None)
    if taken > 1 + 1e-9:
        raise InputError(f"the shares of the data add up to {taken:g}, more than 1")
    if not free and taken < 1 - 1e-9:
        free = 1.0  # every source has a share: they count relative to each other
    scaled = []
    for w, share in zip(weights, shares, strict=True):
        total = float(w.sum())
        if not total:
            raise InputError("--band leaves a source without a row")
        scaled.append(w / total * share if share is not None else w / free * (1 - taken))
    odds: NDArray[np.float64] = np.concatenate(scaled)
    odds /= odds.sum()
    return odds
