"""Every reader, given files that were changed at random: `make fuzz MINUTES=10`.

An input is a good file with a few structured changes: a value of its JSON replaced by an odd one, a slice deleted,
repeated, or replaced by what breaks parsers. A reader may read it or refuse it by a `TrmError` of one line; what else
it raises, a warning, longer than two seconds or over 500 MB more memory is a finding, kept as a file in
`fuzz-findings/`. A refusal that hides one of the latter is a finding too.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import hashlib
import io
import itertools
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import scenes
import torch
from numpy.typing import NDArray
from safetensors.torch import save as save_tensors

from trm_solve import trace
from trm_solve.checkpoint import CONFIG, SHARDS, WEIGHTS, read_config, read_header, shards_of
from trm_solve.convert import read_public_config, read_state_dict
from trm_solve.errors import TrmError
from trm_solve.evaluation.folder import COLUMNS, ReportFolder
from trm_solve.hub import names, store
from trm_solve.hub.card import read_score
from trm_solve.hub.pull import read_results
from trm_solve.kinds import get_kind
from trm_solve.reading import read_file
from trm_solve.reading.arrays import read_data_set
from trm_solve.replay import read as read_trace
from trm_solve.replay import retell
from trm_solve.tasks.identifiers import Identifiers
from trm_solve.training.folder import RunFolder
from trm_solve.training.sources import read_arrays

ROOT = Path(__file__).parent.parent
NAMES = (
    *("puzzles", "config.json", "safetensors", "index of shards", "public configuration", "card", "state dict"),
    *("identifiers.json", "source.json", "trace", "rows of a report", "settings of a report", "run.json", "metrics"),
    *("state of a run", "results", "facts of a data set", "array of a data set"),
)
SECONDS, MEMORY = 2, 500 << 20  # of the processor, for one input
WAIT = 60  # seconds by the clock, for one that waits: a machine may be busy
TEXT = (".txt", ".csv", ".json", ".md", ".ipynb")
SHARED = Path("/dev/shm")  # in memory
CLOCKS = {signal.ITIMER_PROF: signal.SIGPROF, signal.ITIMER_REAL: signal.SIGALRM}

FACTS = {"vocab_size": 11, "seq_len": 81, "num_puzzle_identifiers": 4, "pad_id": 0, "ignore_label_id": 0}
ARRAYS = {  # of a data set
    "inputs": np.ones((3, 81), np.int32),
    "labels": np.full((3, 81), 2, np.int32),
    "puzzle_identifiers": np.array([0, 3], np.int32),
    "puzzle_indices": np.array([0, 1, 3], np.int32),
}
ODD: list[Any] = [
    None, True, -1, 0, 1.5, 10**12, 2**63, 10**40, float("nan"), float("inf"), "", "x", "\x1b[31m", "\udcff", "=1+1",
    [], {}, [[]], {"a": {}}, [None] * 50, "x" * 5000, "../../x", "/dev/zero", [[10**40]], [["x"]],
]  # fmt: skip
PIECES = [
    b"", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\n", b"\r\n", b'"', b"'", b"[", b"]", b"{", b"}", b",", b";", b"\t",
    b":", b"NaN", b"1e999", b"-1", b"9" * 50, b"[" * 200, b"\x1b[31m", b"*a", b"&a ", b"!!python/object:x ", b"- ",
    b"#", b"S", b".", b"\x80\x02", b"PK\x03\x04", b"\x1f\x8b\x08", b"\xf0\x9f\x98\x80", b"\xed\xa0\x80",
]  # fmt: skip


@dataclass
class Reader:
    """What reads a file, and good files for it."""

    read: Callable[[Path], object]
    name: str  # of the file
    seeds: list[bytes]
    tried: int = 0
    refused: int = 0
    slowest: float = 0.0
    findings: list[str] = field(default_factory=list)


def readers(place: Path) -> dict[str, Reader]:
    """Each with a folder of its own inside `place`."""
    weights, arc = names.weights_dir() / "sudoku", names.weights_dir() / "arc"
    config = (weights / CONFIG).read_bytes()
    header = save_tensors({"H_init": torch.zeros(4), "lm_head.weight": torch.zeros(3, 4)})
    steps = [*trace.dump(scenes.puzzle("p.txt:1"), scenes.attempt(2, solved=True), "sudoku")]
    state = place / "seed.pt"
    torch.save(
        {"model": {"H_init": torch.zeros(4), "lm_head.weight": torch.zeros(3, 4)}, "step": np.int64(3), "schema": 1},
        state,
    )
    run = place / "seed.run"
    torch.save({"schema": 1, "seconds": 1.5, "best": {}, "learner": {"step": 3, "window": torch.zeros(3)}}, run)
    old = place / "seed.old"
    torch.save({"H_init": torch.zeros(4)}, old, _use_new_zipfile_serialization=False)
    row = b"1,0,a.csv:2,1.5,solved,1,1,1.0,1,1,0.9,,,,,0,,0.1000,,0.2000\n"
    forms = [path for folder in ("examples", "tests/forms") for path in sorted((ROOT / folder).rglob("*"))]
    puzzles = [path.read_bytes()[: 1500 if path.suffix in TEXT else None] for path in forms if path.is_file()]
    source = {"schema": 1, "name": "a/b", "repository": "a/b", "commit": "0" * 40, "files": {"config.json": "0" * 64}}
    result = {"exact_accuracy": 0.5, "kind": "sudoku", "puzzles": 3, "dataset": "mine"}
    options = {"schema": 1, "run": {"data": ["a.csv"]}, "recipe": {"lr": 0.1, "betas": [0.9, 0.95]}}
    index = {"weight_map": {"H_init": "model-1.safetensors", "L_init": "model-2.safetensors"}}
    card = "---\nmodel-index: [{name: x, results: [{dataset: {name: y}, metrics: [{name: z, value: 1}]}]}]\n---\nhi\n"
    names_of = json.dumps(json.loads((arc / "identifiers.json").read_bytes())[:3]).encode()
    tasks = get_kind("arc").tasks
    assert tasks is not None

    def replayed(path: Path) -> None:
        for puzzle, model, found in read_trace(path):
            retell(puzzle, model, found, "t")

    def report(path: Path) -> None:
        (path.parent / "settings.json").unlink(missing_ok=True)
        list(ReportFolder(path.parent, {"max_steps": [1]}).rows())

    def settings_of(path: Path) -> None:
        ReportFolder(path.parent, {"max_steps": [1]})

    def identifiers(path: Path) -> None:
        Identifiers(tasks, 3, path).check()

    public = b"arch:\n  H_cycles: 3\n  b: &b [1, 2]\n  c: *b\n"

    def score(path: Path) -> None:
        read_score(path.read_bytes().decode("utf-8", "replace"))

    def data_set(path: Path) -> None:
        try:
            list(read_data_set(path.parent, None))
        finally:
            read_arrays(path.parent, None)

    def metrics(path: Path) -> None:
        list(RunFolder(path.parent).read_metrics())

    found = {
        "puzzles": Reader(lambda path: list(read_file(path, None)), "p", puzzles),
        "config.json": Reader(lambda path: read_config(path.parent), CONFIG, [config]),
        "safetensors": Reader(read_header, WEIGHTS, [header]),
        "index of shards": Reader(shards_of, SHARDS, [json.dumps(index).encode()]),
        "public configuration": Reader(read_public_config, "c", [public, config]),
        "card": Reader(score, "README.md", [card.encode()]),
        "state dict": Reader(read_state_dict, "state.pt", [state.read_bytes(), old.read_bytes()]),
        "identifiers.json": Reader(identifiers, "identifiers.json", [names_of]),
        "source.json": Reader(lambda path: store.read_source(path.parent), store.SOURCE, [json.dumps(source).encode()]),
        "trace": Reader(replayed, "t", ["\n".join(steps).encode()]),
        "rows of a report": Reader(report, "puzzles.csv", [",".join(COLUMNS).encode() + b"\n" + row * 2]),
        "settings of a report": Reader(settings_of, "settings.json", [b'{"max_steps": [1], "processes": 1}']),
        "run.json": Reader(lambda path: RunFolder(path.parent).read_options(), "run.json",
                           [json.dumps(options).encode()]),
        "metrics": Reader(metrics, "metrics.jsonl", [b'{"step": 1}\n' * 3]),
        "state of a run": Reader(lambda path: RunFolder(path.parent).read_state(), "state.pt", [run.read_bytes()]),
        "results": Reader(read_results, "r", [json.dumps(result).encode() + b"\n"]),
        "facts of a data set": Reader(data_set, "dataset.json", [json.dumps(FACTS).encode()]),
        "array of a data set": Reader(data_set, "all__inputs.npy", [saved(ARRAYS["inputs"])]),
    }  # fmt: skip
    assert tuple(found) == NAMES
    for number, each in enumerate(found.values()):
        folder = place / str(number)
        folder.mkdir()
        each.name = str(folder / each.name)
        if each.read is data_set:
            (folder / "dataset.json").write_text(json.dumps(FACTS))
            for name, array in ARRAYS.items():
                np.save(folder / f"all__{name}.npy", array)
    return found


def saved(array: NDArray[Any]) -> bytes:
    np.save(found := io.BytesIO(), array)
    return found.getvalue()


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value in a JSON value."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield from places(each, (*path, key))


def changed(draw: random.Random, seeds: list[bytes]) -> bytes:
    """A good file with a few changes."""
    text = draw.choice(seeds)
    with contextlib.suppress(ValueError, UnicodeDecodeError):
        lines = [json.loads(line) for line in text.splitlines()] if draw.random() < 0.5 else [json.loads(text)]
        number = draw.randrange(len(lines))
        found = copy.deepcopy(lines[number])
        way = draw.choice(list(itertools.islice(places(found), 200)))
        odd = draw.choice(ODD)
        inside: Any = found
        for key in way[:-1]:
            inside = inside[key]
        if not way:
            lines[number] = odd
        else:
            if draw.random() < 1 / 6 and isinstance(inside, dict):
                inside[str(odd)[:20]] = inside.pop(way[-1])
            else:
                inside[way[-1]] = odd
            lines[number] = found
        text = "\n".join(map(json.dumps, lines)).encode()
        if draw.random() < 0.5:
            return text
    content = bytearray(text)
    for _ in range(draw.randint(1, 4)):
        at = draw.randint(0, len(content))
        end = at + draw.choice([0, 0, 1, 2, 8, 64])
        pieces = [*PIECES, bytes(content[at:end]) * 3]
        content[at:end] = draw.choice(pieces) if draw.random() < 0.5 else draw.randbytes(draw.randint(0, 4))
    return bytes(content[: draw.choice([len(content)] * 3 + [len(content) // 2])])


class TooSlow(Exception):
    pass


OVER: list[int] = []  # clocks that have rung for the input at hand: a reader may not let it be seen


@contextlib.contextmanager
def bounded() -> Iterator[None]:
    """500 MB more than are in use, for all that is read; two seconds for each input, once its timer is set."""

    def late(number: int, _: object) -> None:
        OVER.append(number)
        raise TooSlow(f"over {SECONDS} s" if number == signal.SIGPROF else f"waits for over {WAIT} s")

    kept, before = {each: signal.signal(each, late) for each in CLOCKS.values()}, resource.getrlimit(resource.RLIMIT_AS)
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (_pages(0) + MEMORY, before[1]))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
        resource.setrlimit(resource.RLIMIT_AS, before)


def hidden(error: BaseException | None, again: Callable[[], object]) -> str:
    """What a refusal stands for that is none: too little time or memory, which a reader took for a damaged file.

    Memory that is asked for and never written to takes none: what failed to get it is read once more, with 4 GB.
    """
    while error is not None and not isinstance(error, TooSlow | MemoryError) and "memory" not in str(error):
        error = error.__cause__ or error.__context__
    if error is None or isinstance(error, TooSlow) or sys.platform != "linux":
        return "" if error is None else f"{type(error).__name__}: {error}"
    bounds, used = resource.getrlimit(resource.RLIMIT_AS), _pages(1)
    Path("/proc/self/clear_refs").write_text("5")  # forget the most that was in memory before
    resource.setrlimit(resource.RLIMIT_AS, (_pages(0) + 8 * MEMORY, bounds[1]))
    try:
        with contextlib.suppress(TrmError):
            again()
    finally:
        resource.setrlimit(resource.RLIMIT_AS, bounds)
    most = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    taken = (int(most.split()[1]) << 10) - used
    return f"takes {taken >> 20:,} MB" if taken > MEMORY else ""


def _pages(which: int) -> int:
    """Bytes of this process: 0 all that it has asked for, 1 what is in memory."""
    return int(Path("/proc/self/statm").read_text().split()[which]) * resource.getpagesize()


def attempt(reader: Reader, content: bytes, findings: Path | None) -> None:
    """Read one input and note what comes of it."""
    path = Path(reader.name)
    path.write_bytes(content)
    began = time.process_time()
    OVER.clear()
    try:
        try:
            for clock, seconds in zip(CLOCKS, (SECONDS, WAIT), strict=True):
                signal.setitimer(clock, seconds)
            reader.read(path)
        finally:
            for clock in CLOCKS:
                signal.setitimer(clock, 0)
    except TrmError as error:
        reader.refused += 1
        several = "\n" in error.message + error.hint
        problem = "a message of several lines" if several else hidden(error, lambda: reader.read(path))
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"[:200]
    else:
        problem = ""
    took = time.process_time() - began
    reader.tried += 1
    reader.slowest = max(reader.slowest, took)
    if OVER and not problem:
        problem = f"over {SECONDS} s, and went on"
    if problem:
        reader.findings.append(problem)
        if findings is not None:
            findings.mkdir(exist_ok=True)
            kept = findings / f"{path.name}-{hashlib.sha256(content).hexdigest()[:12]}"
            kept.write_bytes(content)
            kept.with_suffix(".txt").write_text(problem + "\n")


def fuzz(reader: Reader, examples: int, number: int, findings: Path | None = None) -> None:
    """Give a reader so many inputs, drawn from the seed `number`."""
    draw = random.Random(number)
    with bounded():
        for _ in range(examples):
            attempt(reader, changed(draw, reader.seeds), findings)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--only", default="", help="readers whose name holds this")
    asked = parser.parse_args()
    findings = Path("fuzz-findings")
    place = Path(tempfile.mkdtemp(prefix="fuzz-", dir=SHARED if SHARED.is_dir() else None))
    torch.set_num_threads(1)
    try:
        todo = {name: each for name, each in readers(place).items() if asked.only in name}
        until, number = time.monotonic() + 60 * asked.minutes, asked.seed
        while time.monotonic() < until:
            for name, each in todo.items():
                for _ in range(20 if name == "puzzles" else 1):
                    fuzz(each, 100, number, findings)
                    number += 1
    finally:
        shutil.rmtree(place, ignore_errors=True)
    print(f"{'reader':<24}{'inputs':>10}{'refused':>10}{'slowest':>10}{'findings':>10}")
    for name, each in todo.items():
        print(f"{name:<24}{each.tried:>10,}{each.refused:>10,}{each.slowest:>8.3f} s{len(each.findings):>10}")
        for problem in sorted(set(each.findings))[:5]:
            print(f"    {problem!r}")
    bad = sum(len(each.findings) for each in todo.values())
    tried = sum(each.tried for each in todo.values())
    print(
        f"{tried / time.process_time():,.0f} inputs a processor second, seed {asked.seed}"
        + (f"; see {findings}{os.sep}" if bad else "")
    )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
