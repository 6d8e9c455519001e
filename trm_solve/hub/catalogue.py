"""What `trm-solve models` shows and does."""

from __future__ import annotations

import json
import math
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from trm_solve.errors import InputError, ModelError
from trm_solve.hub import names as hub
from trm_solve.hub import store
from trm_solve.hub.card import read_score
from trm_solve.hub.folder import TABLE, WEIGHTS, header_shapes, read_card, read_config, read_headers, weights_of
from trm_solve.kinds import get_kind
from trm_solve.shapes import check_shapes
from trm_solve.strict import nearest
from trm_solve.talk import printable, say
from trm_solve.tasks.identifiers import Identifiers
from trm_solve.terminal import PlainConsole, print_tsv

if TYPE_CHECKING:
    import torch

    from trm_solve.model import TRM


def describe(name: str) -> dict[str, Any]:
    """A model by any of its names, without fetching anything. Raises `ModelError`."""
    folder = hub.find(name)
    address = hub.address_of(name)
    known = hub.known_at(address) if address else None
    if folder is not None:
        facts = _describe_folder(name, folder, known)
        names = Identifiers.beside(folder, facts["kind"], facts["config"]["num_puzzle_identifiers"])
        return facts | {"tasks": len(names.tasks) if names is not None else None}
    if known is None:
        raise ModelError(f"{name}: not on this machine", f"trm-solve models pull {name} fetches it")
    return _describe_known(known) | {"tasks": None}


def _describe_folder(name: str, folder: Path, known: hub.Known | None = None) -> dict[str, Any]:
    """Architecture, size and place, from the configuration and the header of the weights."""
    config = read_config(folder)
    weights = weights_of(folder)
    tensors = read_headers(weights)
    check_shapes(config, header_shapes(tensors), str(weights[0]))
    counted = [spec["shape"] for tensor, spec in tensors.items() if tensor not in ("H_init", "L_init", TABLE)]
    source = store.read_source(folder) or {}
    reported, metric = (known.reported, known.metric) if known else read_score(read_card(folder)) or (None, None)
    return {
        "name": name,
        "state": "pulled" if source else "packaged" if name in hub.packaged() else "local",
        "kind": config.kind,
        "parameters": sum(map(math.prod, counted)),
        "bytes": sum(path.stat().st_size for path in weights),
        "dtype": "/".join(sorted({spec["dtype"] for spec in tensors.values()})),
        "path": str(folder),
        "repository": source.get("repository"),
        "commit": source.get("commit"),
        "reported": reported,
        "metric": metric,
        "licence": known.licence if known else None,
        "config": config.to_dict(),
    }


def _describe_known(known: hub.Known) -> dict[str, Any]:
    """A public checkpoint that is not on this machine."""
    return {
        "name": known.alias,
        "state": "known",
        "kind": known.kind,
        "repository": str(known.address),
        "parameters": None,
        "bytes": None,
        "path": None,
        "reported": known.reported,
        "metric": known.metric,
        "licence": known.licence,
        "config": {"model_type": known.model_type, **known.fields},
    }


def catalogue() -> list[dict[str, Any]]:
    """Packaged models, what has been pulled, and the public checkpoints that have not."""
    found = [_describe_folder(name, hub.weights_dir() / name) for name in hub.packaged()]
    pulled: set[str] = set()
    for address, folder in store.cached():
        known = hub.known_at(address)
        alias = known.alias if known is not None and known.address == address else str(address)
        pulled.add(alias)
        try:
            found.append(_describe_folder(alias, folder, known))
        except ModelError as error:
            say(f"warning: {error.message}")
    return found + [_describe_known(each) for alias, each in hub.known().items() if alias not in pulled]


def show_list(as_json: bool) -> None:
    """Print every model there is a name for: a table on a terminal, tab-separated elsewhere."""
    found = catalogue()
    if as_json:
        print(json.dumps(found))
        return
    if not sys.stdout.isatty():
        keys = ("name", "state", "kind", "parameters", "bytes", "reported", "metric")
        print_tsv([keys, *([each[key] for key in keys] for each in found)])
        return
    table = Table("model", "", "kind", "weights", "score", "of what", box=None, pad_edge=False)
    table.columns[0].min_width = min(40, max(len(each["name"]) for each in found))
    for each in found:
        score = "-" if each["reported"] is None else f"{each['reported']:.3g} %"
        name, metric = (Text(printable(text or ""), overflow="fold") for text in (each["name"], each["metric"]))
        weights = "-" if each["parameters"] is None else f"{each['parameters'] / 1e6:.2f}M"
        table.add_row(name, each["state"], each["kind"], weights, score, metric)
    PlainConsole().print(table)


def show_info(name: str, as_json: bool) -> None:
    """Print one model."""
    found = describe(name)
    if as_json:
        print(json.dumps(found))
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    for key in ("name", "state", "kind", "repository", "commit", "path"):
        if found.get(key):
            table.add_row(key, Text(printable(found[key]), overflow="fold"))
    if found["parameters"] is not None:
        table.add_row("parameters", f"{found['parameters']:,}")
        table.add_row("size", f"{found['bytes'] / 1e6:.1f} MB in {found['dtype']}")
    if found.get("tasks") is not None:
        table.add_row("known tasks", f"{found['tasks']:,}")
    if found["reported"] is not None:
        table.add_row("reported", f"{found['reported']:.3g} % ({printable(found['metric'])})")
    if found["licence"] or found["repository"]:
        table.add_row("licence", found["licence"] or "not known")
    for key, value in found["config"].items():
        if key != "kind":
            table.add_row(key, printable(value))
    PlainConsole().print(table)
    if found["path"] is None:
        say(f"not on this machine; trm-solve models pull {name} fetches it")


@dataclass(frozen=True, kw_only=True)
class Naming:
    """Where the names of a checkpoint's rows come from: a file, or the public tasks that they are drawn anew from."""

    identifiers: Path | None = None
    task_data: Path | None = None
    copies: int = 1000
    seed: int = 42
    tasks: Path | None = None  # challenges: the rows of all other tasks are dropped

    def __post_init__(self) -> None:
        if self.identifiers is not None and self.task_data is not None:
            raise InputError("--identifiers and --arc-data are two ways to say the same", "give one of them")

    def names(self, kind: str, rows: int) -> Identifiers | None:
        """None where nothing was given. Raises `ModelError` or `InputError`."""
        if self.identifiers is None and self.task_data is None:
            return None
        tasks = get_kind(kind).tasks
        if tasks is None:
            raise InputError(f"rows have names where puzzles come in tasks, not in a model for {kind}")
        if self.task_data is not None:
            given = tasks.rebuild(self.task_data, self.copies, rows, self.seed)
            names = Identifiers(tasks, rows, given=given)
        else:
            assert self.identifiers is not None
            names = Identifiers(tasks, rows, self.identifiers)
        names.check()
        return names


def _drop_rows(model: TRM, kept: Path) -> None:
    """Drop the rows of all tasks but those of a challenges file. Raises `InputError` where none of them is known."""
    from trm_solve.training.setup import name_rows

    known: Identifiers | None = model.identifiers
    wanted: set[str | None] = set()
    if known is not None:
        tasks = known.tasks_of
        wanted = {tasks.recognise(name, pairs, known.tasks) for name, pairs in tasks.open(kept)} - {None}
    if known is None or not wanted:
        raise InputError(f"{kept}: the model knows none of these tasks", "see models info")
    name_rows(model, [known.names[0], *(name for name in known.names[1:] if known.tasks_of.task_of(name) in wanted)])


def convert_to(
    source: Path,
    config: Path | None,
    fields: Mapping[str, Any],
    out: Path,
    kind: str | None,
    dtype: str,
    naming: Naming,
    key: str | None = None,
    force: bool = False,
) -> None:
    """Convert a raw state dict and say where it went; `fields` come before the configuration's.

    A checkpoint folder keeps its configuration; where it is `out` too, it is only given identifiers, or with `force`
    written over. `key` is that of one of several state dicts. A failure leaves nothing. Raises `ModelError` or
    `InputError`.
    """
    from trm_solve.checkpoint import open_folder
    from trm_solve.convert import convert, read_public_config
    from trm_solve.device import DTYPES

    if dtype not in DTYPES:
        raise InputError(f"unknown dtype '{dtype}'", nearest(dtype, list(DTYPES)))
    if source.is_dir():
        if config is not None or fields or kind is not None or key is not None:
            raise InputError(f"{source}: a checkpoint folder says its own configuration", "for a raw state dict")
        model = open_folder(source)
    else:
        model = convert(source, {**(read_public_config(config) if config else {}), **fields}, kind, key)
    names = naming.names(model.config.kind, model.config.num_puzzle_identifiers)
    model.identifiers = names or model.identifiers
    if naming.tasks is not None:
        _drop_rows(model, naming.tasks)
    inputs = (out, out / WEIGHTS)
    if not force and any(path.exists() and path.samefile(source) for path in inputs):
        if names is None or naming.tasks is not None:  # whose rows go with those of other tasks
            hint = "--out names another folder, --identifiers adds to this one, --force writes over it"
            raise InputError(f"{out}: is there already", hint)
        names.write(out)
    else:
        _save_whole(model, out, DTYPES[dtype])
    count = sum(parameter.numel() for parameter in model.parameters())
    known = f", {len(model.identifiers.tasks):,} known tasks" if model.identifiers is not None else ""
    say(f"{out}: {model.config.kind} model, {count:,} parameters{known}")


def _save_whole(model: TRM, out: Path, dtype: torch.dtype) -> None:
    """Write a folder; a new one is there whole or not at all."""
    from trm_solve.checkpoint import save

    new = not out.exists()
    try:
        save(model, out, dtype=dtype)
    except BaseException:
        if new:
            shutil.rmtree(out, ignore_errors=True)
        raise


def pull_to(name: str, config: Path | None, fields: Mapping[str, Any]) -> None:
    """Fetch a model of the hub and print its folder. Raises `ModelError`."""
    from trm_solve.hub.pull import pull

    folder = pull(name, fields, config)
    print(printable(folder) if sys.stdout.isatty() else folder)


def push_to(folder: Path, repository: str, results: Path | None, *, message: str, private: bool) -> None:
    """Publish a folder and print the commit's address. Raises `ModelError` or `InputError`."""
    from trm_solve.hub.pull import push

    print(push(folder, repository, results, message=message, private=private))
