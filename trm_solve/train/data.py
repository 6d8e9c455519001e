"""Files and arrays -> training batches, augmented on the fly.

A source is `PATH[@SHARE]`: a puzzle file with answers, a folder in the public builder's `.npy` layout, or
`hf://datasets/ORG/NAME[/FILE]`. SHARE is the source's part of the draws; sources without one share what is left in
proportion to their weighted rows.
"""

from __future__ import annotations

import csv
import dataclasses
import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trm_solve.arc.known import BLANK
from trm_solve.config import Canvas, RunOptions
from trm_solve.device import to_device
from trm_solve.errors import InputError, TrmError
from trm_solve.puzzles import get_kind, read_file
from trm_solve.puzzles.base import Puzzle
from trm_solve.puzzles.sudoku import UNITS
from trm_solve.train import arc_data
from trm_solve.train.arc_data import Views
from trm_solve.train.augment import AUGMENT
from trm_solve.train.losses import IGNORE

Tokens = NDArray[np.uint8]
Report = Callable[[str], None]
HUB = "hf://datasets/"
SHOWN = 5  # refused rows that are told one by one
NO_RATING = np.nan
SIZES = 5  # sides of cropped canvases that differ by less run as the largest of them: few shapes to compile
ROWS = ("questions", "answers", "ids", "ratings", "weights")  # fields of a data set that have a line a row


@dataclass(frozen=True, eq=False)
class Dataset:
    """Questions and labels (N, L) as tokens, label 0 where there is nothing to learn; one weight a row."""

    kind: str
    questions: Tokens
    answers: Tokens
    ids: NDArray[np.int64]  # (N,) puzzle identifiers
    ratings: NDArray[np.float64]  # (N,) NaN where there is none
    weights: NDArray[np.float64]  # (N,) how often a row is drawn, relative to others
    names: Sequence[str] = ("",)  # of the identifiers, which are rows of the puzzle embedding
    cells: NDArray[np.int64] | None = None  # (L,) canvas cells of a cropped canvas, None: all of them
    views: Views | None = None  # ARC: the copies through which rows are seen
    sides: NDArray[np.int64] | None = None  # (N,) of the cropped canvas that a row is for; None: as its grids need

    def __len__(self) -> int:
        return len(self.questions)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> Dataset:
        arrays = {name: getattr(self, name)[rows] for name in ROWS}
        views = self.views.take(np.arange(len(self))[rows]) if self.views is not None else None
        sides = self.sides[rows] if self.sides is not None else None
        return dataclasses.replace(self, **arrays, views=views, sides=sides)


@dataclass(frozen=True, eq=False)
class Mixture:
    """Datasets of one kind in one array, and the probability with which each row is drawn."""

    data: Dataset
    cumulative: NDArray[np.float64] = field(repr=False)
    augment: bool = True
    share: float = 1.0  # of the batches, where a run has several mixtures

    def draw(self, seed: int, step: int, slots: int) -> tuple[Tokens, Tokens, NDArray[np.int64]]:
        """The examples (slots, L) offered at an optimiser step, and their ids: a pure function of seed and step."""
        rng = np.random.default_rng([seed, step, 0])
        rows = np.searchsorted(self.cumulative, rng.random(slots), side="right").clip(max=len(self.data) - 1)
        if self.augment and self.data.views is not None:
            return self.data.views.draw(rng, rows, self.data.ids, math.isqrt(self.data.questions.shape[1]))
        questions, answers = self.data.questions[rows], self.data.answers[rows]
        if self.augment and (transform := AUGMENT.get(self.data.kind)):
            questions, answers = transform(rng, questions, answers)
        return questions, answers, self.data.ids[rows]


def draw_minimum(seed: int, step: int, slots: int, probability: float, max_steps: int) -> NDArray[np.int64]:
    """Exploration: each slot's minimum of steps before it may halt (0: none), a pure function of seed and step."""
    rng = np.random.default_rng([seed, step, 1])
    explores = rng.random(slots) < probability
    return np.where(explores, rng.integers(2, max(max_steps, 2) + 1, slots), 0)


def open_data(
    options: RunOptions, *, augment: bool, canvas: Canvas = "full", copies: int = 0, max_side: int = 30, report: Report
) -> tuple[list[Mixture], dict[str, list[Dataset]]]:
    """The training mixtures, and the validation sets by name.

    On a cropped canvas, puzzles of different sizes are mixtures, or sets, of their own. `copies` and `max_side`
    are for ARC. Raises `InputError`; `report` hears of refused rows.
    """
    sources = [split_share(source) for source in options.data]
    found = _read_all([path for path, _ in sources], options.kind, copies, max_side, report)
    parts, held, shares = [], [], []
    for (path, share), data in zip(sources, found, strict=True):
        if not len(data):  # a file of ARC tasks that are all left out
            continue
        if data.kind == "arc" and data.sides is None and canvas == "crop":
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
    for rows in _by_size(data, canvas):
        share = float(odds[rows].sum())
        if share:
            part = data.take(rows)
            cumulative = np.cumsum(odds[rows]) / share
            mixtures.append(Mixture(crop(part) if canvas == "crop" else part, cumulative, augment, share))
    validation = {source: _named(read(source, options.kind, report), data.names) for source in options.valid}
    for source, part in validation.items():
        _join([data, part])
        if part.kind == "arc" and (strange := int((part.ids == 0).sum())):
            report(f"{source}: {strange} of its puzzles are of tasks that are not trained on, and have no row")
        if common := count_common(data, part):
            report(f"{source}: {common} of its puzzles are training data too; what it measures is partly memory")
    if options.hold_out:
        validation["held out"] = _join(held)
    sets = {}
    for name, part in validation.items():  # the same puzzles whatever the run's seed
        part = part.take(np.random.default_rng(0).permutation(len(part))[: options.valid_puzzles])
        sized = [part.take(rows) for rows in _by_size(part, canvas)]
        sets[name] = [crop(each) for each in sized] if canvas == "crop" else sized
    return mixtures, sets


def _read_all(paths: list[str], kind: str | None, copies: int, max_side: int, report: Report) -> list[Dataset]:
    """Every source. Those of ARC tasks are read together: their identifiers come from one stream of draws."""
    paths = [str(fetch(path)) if path.startswith(HUB) else path for path in paths]
    tasks = [_holds_tasks(path, kind) for path in paths]
    if not any(tasks):
        return _named_alike([_keep_back(read(path, kind, report), path, report) for path in paths])
    if not all(tasks):
        raise InputError(f"{paths[tasks.index(False)]}: one run trains on one kind of puzzle, not on ARC and others")
    found, names = arc_data.read_files([Path(path) for path in paths], copies, max_side, report)
    return [
        dataclasses.replace(
            _plain("arc", f.questions, f.answers, names=names, ids=f.ids),
            weights=f.weights,
            views=f.views,
            sides=f.sides,
        )
        for f in found
    ]


def _holds_tasks(path: str, kind: str | None) -> bool:
    """Whether a source is a file of ARC tasks."""
    place = Path(path)
    if not place.is_file():
        return False
    if kind is not None:
        return kind == "arc"
    try:
        with place.open(encoding="utf-8-sig") as file:
            return get_kind("arc").recognises([file.read(4096)])
    except (OSError, UnicodeDecodeError):
        return False  # whoever reads it says why


def _keep_back(data: Dataset, path: str, report: Report) -> Dataset:
    """Encoded ARC examples without the test pairs of public evaluation tasks; other data as they are."""
    if data.kind != "arc":
        return data
    if data.names[0] != BLANK:
        why = "without it nobody can tell the test pairs of public evaluation tasks, which are not learned from"
        raise InputError(f"{path}: no identifiers.json with the names of its tasks", why)
    try:
        held = arc_data.held_out_rows(data.questions, data.ids, data.names)
    except ValueError as error:
        raise InputError(f"{path}: identifiers.json: {error}") from None
    if not held.any():
        return data
    report(f"{path}: {held.sum()} examples are test pairs of public evaluation tasks and are not learned from")
    if held.all():
        raise InputError(f"{path}: nothing to learn from", "these are test pairs of public evaluation tasks")
    return data.take(~held)


def _named(data: Dataset, names: Sequence[str]) -> Dataset:
    """ARC data with the identifiers of other names, row 0 for a task that is not among them; other data as they are."""
    if data.kind != "arc" or list(data.names) == list(names):
        return data
    row = {name: number for number, name in enumerate(names)}
    ids = np.array([row.get(name, 0) for name in data.names], np.int64)[data.ids]
    return dataclasses.replace(data, ids=ids, names=names)


def _named_alike(parts: list[Dataset]) -> list[Dataset]:
    """Data sets of ARC with one list of names; others as they are."""
    names = list(dict.fromkeys(name for part in parts for name in part.names))
    return [_named(part, names) for part in parts]


def _by_size(data: Dataset, canvas: Canvas) -> list[NDArray[np.intp]]:
    """Rows of each size of canvas, so that a small puzzle does not pay for a large one."""
    if canvas != "crop":
        return [np.arange(len(data))]
    sizes = data.sides if data.sides is not None else -(-_sides(data) // SIZES)  # of the former there are few already
    return [np.flatnonzero(sizes == size) for size in np.unique(sizes)]


def _sides(data: Dataset) -> NDArray[np.int64]:
    """The side (N,) of the square from the canvas's first cell that each row needs."""
    if data.sides is not None:
        return data.sides
    rows, columns = get_kind(data.kind).canvas
    # around a maze its question is walls as far as the canvas reaches
    used = (data.answers if data.kind == "maze" else data.questions | data.answers) != 0
    grids = used.reshape(-1, rows, columns)
    down, across = grids.any(2) * np.arange(1, rows + 1), grids.any(1) * np.arange(1, columns + 1)
    sides: NDArray[np.int64] = np.maximum(down.max(1), across.max(1)).astype(np.int64)
    return sides


def crop(data: Dataset) -> Dataset:
    """The data on the least square of the canvas, from its first cell, that holds them."""
    columns = get_kind(data.kind).canvas[1]
    side = int(_sides(data).max())
    cells = (np.arange(side)[:, None] * columns + np.arange(side)).ravel()
    return dataclasses.replace(data, questions=data.questions[:, cells], answers=data.answers[:, cells], cells=cells)


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


def to_tensors(
    questions: Tokens, answers: Tokens, ids: NDArray[np.int64], device: torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    """Tokens and labels (B, L), `IGNORE` where there is nothing to learn, and ids (B,), all int64."""
    tokens, labels = (to_device(array, device).long() for array in (questions, answers))
    return tokens, labels.masked_fill(labels == 0, IGNORE), to_device(ids, device)


def split_share(source: str) -> tuple[str, float | None]:
    """`PATH@SHARE` taken apart; an `@` in a path that exists or without a number behind it is part of the path."""
    path, at, text = source.rpartition("@")
    if not at or Path(source).exists():
        return source, None
    try:
        share = float(text)
    except ValueError:
        return source, None
    if not 0 < share <= 1:
        raise InputError(f"{path}: share {text} of the draws must lie between 0 and 1", f"write {path}@0.1 for a tenth")
    return path, share


def read(path: str, kind: str | None, report: Report) -> Dataset:
    """One source (without share). Raises `InputError` where nothing in it can be used."""
    if path.startswith(HUB):
        return read(str(fetch(path)), kind, report)
    place = Path(path)
    if place.is_dir():
        return read_arrays(place, kind)
    if not place.exists():
        raise InputError(f"{path}: no such file or folder", "data sets on the hub are hf://datasets/ORG/NAME")
    fast = _read_sudoku_csv(place) if kind in (None, "sudoku") else None
    return fast or _read_puzzles(place, kind, report)


def fetch(address: str) -> Path:
    """A CSV of the Hugging Face hub, `hf://datasets/ORG/NAME[/FILE]`, FILE `train.csv` by default."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    parts = address.removeprefix(HUB).split("/", 2)
    if len(parts) < 2 or not all(parts):
        raise InputError(f"{address}: not a data set's address", f"write {HUB}ORG/NAME or {HUB}ORG/NAME/FILE")
    name = "/".join(parts[:2])
    try:
        return Path(hf_hub_download(name, parts[2] if len(parts) > 2 else "train.csv", repo_type="dataset"))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"{address}: cannot be fetched: {reason}", "is there a network? HF_TOKEN opens gated sets"
        ) from None


def read_arrays(folder: Path, kind: str | None) -> Dataset:
    """A folder in the public builder's layout: `[train/]all__inputs.npy`, `all__labels.npy`, `dataset.json`."""
    if not (folder / "all__inputs.npy").exists():
        folder = folder / "train"
    try:
        facts = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
        names = ("inputs", "labels", "puzzle_identifiers", "puzzle_indices")
        inputs, labels, ids, starts = (np.load(folder / f"all__{name}.npy") for name in names)
        vocabulary, identifiers = int(facts["vocab_size"]), int(facts.get("num_puzzle_identifiers", 1))
        ignored = facts.get("ignore_label_id", 0)
    except FileNotFoundError as error:
        hint = "the public builder writes all__inputs.npy, all__labels.npy, ..., dataset.json"
        raise InputError(f"{folder}: no {Path(error.filename or '').name} in this folder", hint) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder}: not a data set in the public builder's layout ({error})") from None
    shapes_fit = inputs.ndim == 2 and inputs.shape == labels.shape and len(ids) + 1 == len(starts)
    if not shapes_fit or not len(inputs) or starts[-1] != len(inputs) or inputs.max() >= vocabulary:
        raise InputError(f"{folder}: its arrays do not fit each other")
    found = kind or {(81, 11): "sudoku", (900, 6): "maze", (900, 12): "arc"}.get((inputs.shape[1], vocabulary))
    if found is None:
        raise InputError(f"{folder}: {inputs.shape[1]} cells and {vocabulary} tokens are no known kind", "see --kind")
    if ignored not in (None, 0):
        labels = np.where(labels == ignored, 0, labels)
    per_row = np.repeat(ids, np.diff(starts)).astype(np.int64)
    tokens = inputs.astype(np.uint8), labels.astype(np.uint8)
    return _plain(found, *tokens, names=_names(folder, identifiers), ids=per_row)


def _names(folder: Path, count: int) -> Sequence[str]:
    """Names of the identifiers of a folder's data, from `identifiers.json` in it or above it; numbers without one."""
    for place in (folder, folder.parent):
        if (path := place / "identifiers.json").exists():
            names = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(names, list) or len(names) != count:
                raise InputError(f"{path}: not the names of {count} identifiers")
            return names
    return [str(number) for number in range(count)]


def _plain(
    kind: str,
    questions: Tokens,
    answers: Tokens,
    ratings: NDArray[np.float64] | None = None,
    names: Sequence[str] = ("",),
    ids: NDArray[np.int64] | None = None,
) -> Dataset:
    """A data set of rows that all count the same."""
    count = len(questions)
    ids = np.zeros(count, np.int64) if ids is None else ids
    ratings = np.full(count, NO_RATING) if ratings is None else ratings
    return Dataset(kind, questions, answers, ids, ratings, np.ones(count), names)


def _read_puzzles(path: Path, kind: str | None, report: Report) -> Dataset:
    """Any file that `solve` reads, its answers checked by the rules of its kind."""
    puzzles: list[Puzzle] = []
    refused: list[TrmError] = []
    for item in read_file(path, kind):
        if isinstance(item, InputError):
            refused.append(item)
        elif item.answer is None:
            refused.append(InputError(f"{item.source}: no answer to learn from"))
        elif (rules := get_kind(item.kind)).has_rules and not rules.check(item, item.answer).solved:
            refused.append(InputError(f"{item.source}: the answer breaks the rules"))
        else:
            puzzles.append(item)
    _tell(path, len(puzzles), [error.message for error in refused], report)
    rules = get_kind(puzzles[0].kind)
    questions, answers = (np.stack([f(p) for p in puzzles]) for f in (rules.encode, rules.encode_answer))
    ratings = np.array([NO_RATING if p.rating is None else p.rating for p in puzzles])
    if rules.name != "arc":
        return _plain(rules.name, questions, answers, ratings)
    names = [BLANK, *dict.fromkeys(puzzle.task for puzzle in puzzles)]
    ids = np.array([names.index(puzzle.task) for puzzle in puzzles], np.int64)
    labelled = [(p, (p.question, p.answer)) for p in puzzles if p.answer is not None]
    sides = np.array([arc_data.side_of(pair, p.examples, p.questions) for p, pair in labelled], np.int64)
    return dataclasses.replace(_plain(rules.name, questions, answers, ratings, names, ids), sides=sides)


def _tell(path: Path, kept: int, refused: list[str], report: Report) -> None:
    for message in refused[:SHOWN]:
        report(f"refused: {message}")
    if len(refused) > SHOWN:
        report(f"refused: {path}: {len(refused) - SHOWN} more rows")
    if not kept:
        raise InputError(refused[0] if refused else f"{path}: no puzzle in it", "training needs questions with answers")


def _read_sudoku_csv(path: Path) -> Dataset | None:
    """The CSV of the public sets, checked in one go (the general reader takes minutes for its millions of rows).

    None where the file does not look like it, or some row is at fault: the general reader then says where and what.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            header = [name.strip().lower() for name in next(reader, [])]
            if not {"question", "answer"} <= set(header):
                return None
            places = [header.index(name) for name in ("question", "answer")]
            rating = header.index("rating") if "rating" in header else None
            rows = [row for row in reader if row]
        joined = ["".join(row[place] for row in rows) for place in places]
        ratings = [NO_RATING if rating is None or not row[rating] else float(row[rating]) for row in rows]
        grids = [np.frombuffer(text.encode("ascii"), np.uint8).reshape(len(rows), 81) for text in joined]
    except (OSError, ValueError, IndexError, csv.Error):
        return None
    blank = np.isin(grids[0], np.frombuffer(b".0_*", np.uint8))
    question, answer = np.where(blank, 1, grids[0] - 47).astype(np.uint8), (grids[1] - 47).astype(np.uint8)
    if not len(rows) or not valid_sudoku(question, answer).all():
        return None
    return _plain("sudoku", question, answer, np.array(ratings))


def valid_sudoku(question: Tokens, answer: Tokens) -> NDArray[np.bool_]:
    """Which rows (N,) of token arrays (N, 81) hold a full answer that fits the rules and the clues."""
    fits: NDArray[np.bool_] = ((question == 1) | (question == answer)).all(1) & ((answer >= 2) & (answer <= 10)).all(1)
    seen = np.left_shift(1, answer.astype(np.int16).clip(0, 10))
    for unit in UNITS:
        fits &= np.bitwise_or.reduce(seen[:, unit], axis=1) == 0b11111111100
    return fits


def _range(text: str, what: str) -> tuple[float, float]:
    low, colon, high = text.partition(":")
    try:
        bounds = float(low or "-inf"), float(high or "inf")
    except ValueError:
        colon = ""
    if not colon or not bounds[0] <= bounds[1]:
        raise InputError(f"{what} '{text}' is not a range", "write LO:HI, such as 4:20")
    return bounds


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


def _join(parts: Sequence[Dataset]) -> Dataset:
    first = parts[0]
    for other in parts[1:]:
        if (other.kind, other.questions.shape[1]) != (first.kind, first.questions.shape[1]):
            raise InputError(f"one run trains on one kind of puzzle, not on {first.kind} and {other.kind}")
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
        views=arc_data.join(views) if views else None,
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
