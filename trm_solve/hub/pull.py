"""A model of the hub -> a checkpoint folder on this machine, converted once.

Repositories come in two forms: checkpoint folders (config.json + model.safetensors), taken as they are, and raw state
dicts of the public code. Configuration first, and nothing of gigabytes before it is known that it can be used.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any

from trm_solve import checkpoint
from trm_solve.config import ModelConfig
from trm_solve.convert import NEEDED, convert, read_public_config
from trm_solve.errors import InputError, ModelError, reason_of, shown
from trm_solve.files import read_bytes
from trm_solve.hub import names as hub
from trm_solve.hub import remote, store
from trm_solve.hub.card import published_card
from trm_solve.hub.folder import CARD_BYTES
from trm_solve.hub.store import Address
from trm_solve.kinds import get_kind
from trm_solve.shapes import check_shapes
from trm_solve.strict import nearest
from trm_solve.talk import say
from trm_solve.tasks.identifiers import BYTES as NAMES_BYTES
from trm_solve.tasks.identifiers import IDENTIFIERS, Identifiers
from trm_solve.untrusted import BYTES, object_of, parse_json

CONFIGS = ("all_config.yaml", "all_config.yml", "all_config.json")
UNFINISHED = ".pull-"  # how the name of a folder begins until it is complete
RAW = re.compile(r"(.*step_?\d+.*|checkpoint|.*\.(pt|pth|bin|ckpt))", re.IGNORECASE)


def pull(name: str, fields: Mapping[str, Any] | None = None, config: Path | None = None) -> Path:
    """Fetch what an alias or `ORG/REPO[@REVISION][:FILE]` stands for now; returns its checkpoint folder.

    `fields` and `config` state what neither the repository nor the table of known models does; they come before both.
    What is here already, and intact, is not fetched again. Raises `ModelError`.
    """
    address = hub.address_of(name)
    if address is None:
        raise ModelError(f"'{name}' is no model on the hub", nearest(name, list(hub.known())))
    stated = dict(fields or {})
    if config is not None:
        stated = read_public_config(config) | stated
    try:
        listing = remote.list_files(address.repository, address.revision)
    except remote.NoNetwork:
        here = store.find(address)
        if here is None or stated or not _is_intact(here):
            raise
        say(f"{address}: the hub cannot be asked for a newer one")
        return here
    file = choose(listing, address)
    folder = store.model_dir(address.repository, listing.commit, file)
    if stated or not _is_intact(folder):
        _make(listing, file, folder, stated, address)
    try:
        store.remember(address, folder)
    except OSError as error:
        raise ModelError(f"{store.home()}: {reason_of(error)}") from None
    return folder


def _is_intact(folder: Path) -> bool:
    try:
        store.verify(folder)
    except ModelError:
        return False
    return (folder / store.SOURCE).is_file()


def choose(listing: remote.Listing, address: Address) -> str:
    """The raw state dict, or the folder of a converted model (empty: the repository itself). Raises `ModelError`."""
    files = listing.files
    raw = [each for each in files if RAW.fullmatch(PurePosixPath(each).name)]
    if _is_folder(files, address.file):
        return address.file
    if address.file:
        if address.file in files:
            return address.file
        hint = nearest(address.file, raw or list(files))
        raise ModelError(f"{address.repository}: no file '{address.file}' in it", hint)
    known = hub.known_at(address)
    if known is not None and known.file:
        there = [each for each in files if fnmatch(each, known.file)]
        if len(there) == 1:
            return there[0]
    folders = [folder for each in files if _is_folder(files, folder := str(PurePosixPath(each).parent))]
    candidates = sorted({*raw, *folders})
    if len(candidates) == 1:
        return candidates[0]
    if not candidates:
        hint = "looked for config.json + model.safetensors, or a state dict such as step_16275"
        raise ModelError(f"{address.repository}: no model in this repository", hint)
    hint = f"name one of them: {', '.join(f'{address}:{each}' for each in candidates[:6])}"
    raise ModelError(f"{address.repository}: {len(candidates)} models in this repository", hint)


def _is_folder(files: Mapping[str, Any], folder: str) -> bool:
    prefix = f"{folder}/" if folder else ""
    weights = (prefix + checkpoint.WEIGHTS, prefix + checkpoint.SHARDS)
    return prefix + checkpoint.CONFIG in files and any(name in files for name in weights)


def _make(listing: remote.Listing, file: str, folder: Path, stated: dict[str, Any], address: Address) -> None:
    """Fetch, convert and put in place; a failure leaves nothing but what has been downloaded so far."""
    known = hub.known_at(Address(address.repository, address.revision, file)) or hub.known_at(address)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with remote.alone(listing.repository):
            if not stated and _is_intact(folder):  # another process made it meanwhile
                return
            for left in store.repository_dir(listing.repository).glob(f"*/{UNFINISHED}*"):  # by one that was killed
                shutil.rmtree(left, ignore_errors=True)
            _make_alone(listing, file, folder, stated, address, known)
    except InputError as error:  # of this machine's disk or of their files, never of what was typed
        raise ModelError(error.message, error.hint) from None
    except OSError as error:
        raise ModelError(f"{folder}: {reason_of(error)}", "HF_HOME names a folder on another disk") from None


def _make_alone(
    listing: remote.Listing, file: str, folder: Path, stated: dict[str, Any], address: Address, known: hub.Known | None
) -> None:
    made = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=folder.parent))
    try:
        if _is_folder(listing.files, file):
            _take(listing, file, made)
        else:
            _convert(listing, file, made, stated, known)
        facts = {"name": str(address), "repository": listing.repository, "commit": listing.commit, "file": file}
        store.install(made, folder, facts)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    shutil.rmtree(remote.downloads_dir(listing), ignore_errors=True)


def _take(listing: remote.Listing, file: str, made: Path) -> None:
    """A checkpoint folder as it is: its configuration is read before its weights are fetched."""
    prefix = f"{file}/" if file else ""
    single = prefix + checkpoint.WEIGHTS in listing.files
    names = [checkpoint.CONFIG, checkpoint.WEIGHTS if single else checkpoint.SHARDS, checkpoint.CARD]
    for name in names:  # which grows by the shards, once their index is here
        if prefix + name not in listing.files:
            continue
        size = listing.files[prefix + name] or 0
        if name == checkpoint.CARD and size > CARD_BYTES:
            continue
        found = remote.fetch(listing, prefix + name, None if name.endswith(".safetensors") else BYTES)
        if found.is_relative_to(remote.downloads_dir(listing)):
            found.replace(made / name)
        else:  # of the client's cache
            shutil.copyfile(found, made / name)
        if name == checkpoint.SHARDS:
            names += [shard.name for shard in checkpoint.shards_of(made / name)]
        if name == checkpoint.CONFIG:
            try:
                checkpoint.read_config(made)
            except ModelError as error:
                reason = error.message.partition(f"{checkpoint.CONFIG}: ")[2] or error.message
                raise ModelError(f"{listing.repository}: not a model of this kind of program: {reason}") from None
    config = checkpoint.read_config(made)
    weights = checkpoint.weights_of(made)
    check_shapes(config, checkpoint.header_shapes(checkpoint.read_headers(weights)), f"{listing.repository}")
    if (rows := _identifiers(listing, [prefix + IDENTIFIERS], config)) is not None:
        rows.write(made)


def _convert(listing: remote.Listing, file: str, made: Path, stated: dict[str, Any], known: hub.Known | None) -> None:
    """A raw state dict with its configuration: what was stated, else what lies beside it, else the table."""
    beside = [str(PurePosixPath(file).with_name(name)) for name in CONFIGS]
    found = next((name for name in [*beside, *CONFIGS] if name in listing.files), None)
    fields = dict(known.fields) if known else {}
    if found:
        fields |= {
            key: value for key, value in read_public_config(remote.fetch(listing, found)).items() if value is not None
        }
    fields |= stated
    for name in ("H_cycles", "L_cycles"):  # before gigabytes are fetched; the rest depends on the tensors
        if fields.get(name) is None:
            raise ModelError(f"{listing.repository}:{file}: '{name}' ({NEEDED[name]}) is not stated", UNSTATED)
    size = listing.files.get(file) or 0
    raw = remote.fetch(listing, file, None, room=size)
    try:
        model = convert(raw, fields)
    except ModelError as error:
        unstated = "is not stated" in error.message
        if not unstated and raw.is_relative_to(remote.downloads_dir(listing)):
            raw.unlink()
        hint = UNSTATED if unstated else error.hint
        raise ModelError(error.message.replace(str(raw), f"{listing.repository}:{file}"), hint) from None
    say(f"converting {listing.repository}:{file}")
    if known is not None and known.model_type != model.config.model_type:
        say(f"{listing.repository}: known as {known.model_type}, its tensors are {model.config.model_type}")
    places = [str(PurePosixPath(file).with_name(IDENTIFIERS)), IDENTIFIERS]
    model.identifiers = _identifiers(listing, places, model.config)
    text = f"Converted from `{file}` of `{listing.repository}` at {listing.commit}."
    checkpoint.save(model, made, card=text, name=str(listing.repository))


def _identifiers(listing: remote.Listing, places: list[str], config: ModelConfig) -> Identifiers | None:
    """What the rows stand for, from the first of these files that the repository has; None where it does not fit."""
    found = next((name for name in places if name in listing.files), None)
    tasks = get_kind(config.kind).tasks
    if found is None or tasks is None:
        return None
    names = Identifiers(tasks, config.num_puzzle_identifiers, remote.fetch(listing, found, NAMES_BYTES))
    try:
        names.check()
    except ModelError as error:
        text = error.message.replace(str(names.path), f"{listing.repository}:{found}")
        say(f"warning: {text}; left out")
        return None
    return names


UNSTATED = (
    "a wrong value loads cleanly and ruins every answer; trm-solve models pull NAME --config FILE or --set FIELD=VALUE"
)


def push(
    folder: Path,
    repository: str,
    results: Path | None = None,
    *,
    message: str = "",
    private: bool = False,
    branch: str | None = None,
    create_pr: bool = False,
) -> str:
    """Publish a checkpoint folder, with the results of `eval --json` in its card; returns the commit's address.

    A README.md that somebody wrote by hand keeps its text. Raises `ModelError`, `InputError` for the results.
    """
    config = checkpoint.read_config(folder)
    model = checkpoint.open_folder(folder)  # what cannot be loaded is not published
    if model.identifiers is not None:
        model.identifiers.check()
    own = checkpoint.read_card(folder)
    card = published_card(config, repository, own, read_results(results) if results else [])
    weights = [path.name for path in checkpoint.weights_of(folder)]
    names = [checkpoint.CONFIG, *weights, *([checkpoint.SHARDS] if len(weights) > 1 else []), IDENTIFIERS]
    files: dict[str, Path | bytes] = {name: folder / name for name in names if (folder / name).is_file()}
    return remote.upload(
        repository,
        files | {checkpoint.CARD: card.encode()},
        message=message or "Upload model",
        private=private,
        branch=branch,
        create_pr=create_pr,
    )


OPTIONAL = {"valid_accuracy": int | float, "cell_accuracy": int | float, "dataset": str}


def read_results(path: Path) -> list[dict[str, Any]]:
    """The objects of `eval --json`, one a line. Raises `InputError`."""
    try:
        found = [object_of(parse_json(line)) for line in read_bytes(path, BYTES).splitlines() if line.strip()]
        for each in found:
            for name, sort in {"exact_accuracy": int | float, "kind": str, "puzzles": int, **OPTIONAL}.items():
                value = each.get(name) if name in OPTIONAL else each[name]
                if not ((value is None and name in OPTIONAL) or isinstance(value, sort)) or isinstance(value, bool):
                    raise ValueError(f"field '{name}' cannot be {shown(value)}")
    except OSError as error:
        raise InputError(f"{path}: {reason_of(error)}") from None
    except (ValueError, KeyError, TypeError) as error:
        hint = "trm-solve eval PATH --json > results.json writes one"
        raise InputError(f"{path}: not the result of an evaluation ({type(error).__name__}: {error})", hint) from None
    return found
