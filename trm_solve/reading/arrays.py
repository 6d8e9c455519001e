"""A folder in the public builder's layout, `all__inputs.npy` and what belongs to it, as puzzles."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trm_solve.errors import FileError, InputError, shown
from trm_solve.files import open_plain
from trm_solve.kinds import get_kind, kinds
from trm_solve.puzzle import Puzzle
from trm_solve.reading.container import array_header
from trm_solve.untrusted import object_of, read_json

INPUTS, LABELS, FACTS = "all__inputs.npy", "all__labels.npy", "dataset.json"

IDENTIFIERS = 2_000_000  # at most; the largest public data set has 876,406


def is_data_set(path: Path) -> bool:
    return (path / INPUTS).is_file()


@dataclass(frozen=True)
class Facts:
    """What `dataset.json` says of a data set."""

    vocabulary: int
    ignored: int | None  # the token that stands for blank in labels
    identifiers: int


def read_facts(folder: Path) -> Facts:
    """Raises OSError or ValueError."""
    facts = object_of(read_json(folder / FACTS))
    ignored = facts.get("ignore_label_id", 0)
    found = [facts.get("vocab_size"), 0 if ignored is None else ignored, facts.get("num_puzzle_identifiers", 1)]
    for value in found:
        if type(value) is not int:
            raise ValueError(f"{FACTS}: {shown(value)} is no number of tokens or identifiers")
    if found[2] > IDENTIFIERS:
        raise ValueError(f"{FACTS}: {found[2]:,} identifiers, at most {IDENTIFIERS:,} are read")
    return Facts(found[0], None if ignored is None else ignored, found[2])


def integers(path: Path, axes: int) -> NDArray[Any]:
    """The whole numbers of a numpy file, which stays on the disk. Raises OSError or ValueError."""
    with open_plain(path) as file:
        shape, _, kind = array_header(file)
        rest = os.fstat(file.fileno()).st_size - file.tell()
    if kind.kind not in "iu" or len(shape) != axes or not all(shape):
        raise ValueError(f"{path.name}: {str(kind)[:40]} of shape {shown(shape)}, not whole numbers of {axes} axes")
    if rest < kind.itemsize * math.prod(shape):
        raise ValueError(f"{path.name}: cut short")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of files that Python 2 wrote
        found: NDArray[Any] = np.load(path, mmap_mode="r")
    return found


def kind_of(folder: Path, cells: int, vocabulary: int, kind: str | None) -> str:
    """The kind whose canvas and vocabulary a data set has. Raises `FileError`."""
    alike = [each.name for each in kinds().values() if (math.prod(each.canvas), each.vocab_size) == (cells, vocabulary)]
    if kind is None and len(alike) != 1:
        raise FileError(f"{folder}: {cells} cells and {vocabulary} tokens are no known kind", "see --kind")
    if kind is not None and kind not in alike:
        raise FileError(f"{folder}: {cells} cells and {vocabulary} tokens are no data of kind {kind}")
    return kind or alike[0]


def read_data_set(folder: Path, kind: str | None) -> Iterator[Puzzle | InputError]:
    """The rows of a data set as puzzles, in order. Raises `FileError`."""
    try:
        facts = read_facts(folder)
        inputs, labels = (integers(folder / name, 2) for name in (INPUTS, LABELS))
        if inputs.shape != labels.shape:
            raise ValueError("its arrays do not fit each other")
    except (OSError, ValueError) as error:
        raise FileError(f"{folder}: not a data set in the public builder's layout ({error})") from None
    found = get_kind(kind_of(folder, inputs.shape[1], facts.vocabulary, kind))
    for number, (question, label) in enumerate(zip(inputs, labels, strict=True)):
        where = f"{folder / INPUTS}:{number + 1}"
        if not (0 <= question.min() <= question.max() < facts.vocabulary):
            yield InputError(f"{where}: tokens that are none of the {facts.vocabulary}")
            continue
        answer = label if facts.ignored is None else np.where(label == facts.ignored, 0, label)
        known = 0 <= answer.min() <= answer.max() < facts.vocabulary
        use = answer.astype(np.uint8) if known and answer.any() else None
        item = found.from_tokens(question.astype(np.uint8), use, where)
        if item is None:
            raise FileError(f"{folder}: a data set of {found.plural}", f"give the files of the {found.plural}")
        if not known and isinstance(item, Puzzle):
            item = replace(item, label_fault=f"{where}: tokens that are none of the {facts.vocabulary}")
        yield item
