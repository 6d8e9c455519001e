"""A folder in the public builder's layout, `all__inputs.npy` and what belongs to it, as puzzles."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from trm_solve.errors import FileError, InputError
from trm_solve.kinds import get_kind, kinds
from trm_solve.puzzle import Puzzle

INPUTS, LABELS, FACTS = "all__inputs.npy", "all__labels.npy", "dataset.json"


def is_data_set(path: Path) -> bool:
    return (path / INPUTS).is_file()


def kind_of(folder: Path, cells: int, vocabulary: int, kind: str | None) -> str:
    """The kind whose canvas and vocabulary a data set has. Raises `FileError`."""
    alike = [each.name for each in kinds().values() if (math.prod(each.canvas), each.vocab_size) == (cells, vocabulary)]
    if kind is None and len(alike) != 1:
        raise FileError(f"{folder}: {cells} cells and {vocabulary} tokens are no known kind", "see --kind")
    return kind or alike[0]


def read_data_set(folder: Path, kind: str | None) -> Iterator[Puzzle | InputError]:
    """The rows of a data set as puzzles, in order. Raises `FileError`."""
    try:
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        inputs, labels = (np.load(folder / name, mmap_mode="r") for name in (INPUTS, LABELS))
        vocabulary, ignored = int(facts["vocab_size"]), facts.get("ignore_label_id", 0)
        if inputs.ndim != 2 or inputs.shape != labels.shape or inputs.dtype.kind not in "iu":
            raise ValueError("its arrays do not fit each other")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FileError(f"{folder}: not a data set in the public builder's layout ({error})") from None
    found = get_kind(kind_of(folder, inputs.shape[1], vocabulary, kind))
    for number, (question, label) in enumerate(zip(inputs, labels, strict=True)):
        where = f"{folder / INPUTS}:{number + 1}"
        if not (0 <= question.min() <= question.max() < vocabulary):
            yield InputError(f"{where}: tokens that are none of the {vocabulary}")
            continue
        answer = np.where(label == ignored, 0, label).astype(np.uint8) if ignored is not None else label
        item = found.from_tokens(question.astype(np.uint8), answer if answer.any() else None, where)
        if item is None:
            raise FileError(f"{folder}: a data set of {found.plural}", f"give the files of the {found.plural}")
        yield item
