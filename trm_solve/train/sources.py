"""Puzzle files, ARC tasks, folders in the public builder's layout and data sets of the hub, read as arrays."""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trm_solve.arc.known import BLANK
from trm_solve.errors import InputError, TrmError
from trm_solve.puzzles import get_kind, read_file
from trm_solve.puzzles.base import Puzzle
from trm_solve.puzzles.sudoku import UNITS
from trm_solve.train import arc_data
from trm_solve.train.data import NO_RATING, Dataset, Tokens, plain

Report = Callable[[str], None]
HUB = "hf://datasets/"
SHOWN = 5  # refused rows that are told one by one


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


def read_all(paths: list[str], kind: str | None, copies: int, max_side: int, report: Report) -> list[Dataset]:
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
            plain("arc", f.questions, f.answers, names=names, ids=f.ids),
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


def renamed(data: Dataset, names: Sequence[str]) -> Dataset:
    """ARC data with the identifiers of other names, row 0 for a task that is not among them; other data as they are."""
    if data.kind != "arc" or list(data.names) == list(names):
        return data
    row = {name: number for number, name in enumerate(names)}
    ids = np.array([row.get(name, 0) for name in data.names], np.int64)[data.ids]
    return dataclasses.replace(data, ids=ids, names=names)


def _named_alike(parts: list[Dataset]) -> list[Dataset]:
    """Data sets of ARC with one list of names; others as they are."""
    names = list(dict.fromkeys(name for part in parts for name in part.names))
    return [renamed(part, names) for part in parts]


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
    return plain(found, *tokens, names=_names(folder, identifiers), ids=per_row)


def _names(folder: Path, count: int) -> Sequence[str]:
    """Names of the identifiers of a folder's data, from `identifiers.json` in it or above it; numbers without one."""
    for place in (folder, folder.parent):
        if (path := place / "identifiers.json").exists():
            names = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(names, list) or len(names) != count:
                raise InputError(f"{path}: not the names of {count} identifiers")
            return names
    return [str(number) for number in range(count)]


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
        return plain(rules.name, questions, answers, ratings)
    names = [BLANK, *dict.fromkeys(puzzle.task for puzzle in puzzles)]
    ids = np.array([names.index(puzzle.task) for puzzle in puzzles], np.int64)
    labelled = [(p, (p.question, p.answer)) for p in puzzles if p.answer is not None]
    sides = np.array([arc_data.side_of(pair, p.examples, p.questions) for p, pair in labelled], np.int64)
    return dataclasses.replace(plain(rules.name, questions, answers, ratings, names, ids), sides=sides)


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
    return plain("sudoku", question, answer, np.array(ratings))


def valid_sudoku(question: Tokens, answer: Tokens) -> NDArray[np.bool_]:
    """Which rows (N,) of token arrays (N, 81) hold a full answer that fits the rules and the clues."""
    fits: NDArray[np.bool_] = ((question == 1) | (question == answer)).all(1) & ((answer >= 2) & (answer <= 10)).all(1)
    seen = np.left_shift(1, answer.astype(np.int16).clip(0, 10))
    for unit in UNITS:
        fits &= np.bitwise_or.reduce(seen[:, unit], axis=1) == 0b11111111100
    return fits
