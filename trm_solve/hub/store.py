"""Models of the hub on this machine: where they lie, which name stands for which folder, whether they are intact.

$HF_HOME/trm-solve/ORG--REPO/
    index.json                  {"REVISION:FILE": "COMMIT/MODEL"}: what a name stood for when it was last pulled
    COMMIT/MODEL/               config.json, model.safetensors, README.md and source.json, which holds their checksums
    downloads/COMMIT/FILE       on its way in; half a download is a `.part` that the next pull goes on with

Of ours, it knows how files and JSON of others are read; else the standard library only.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Self

from trm_solve.errors import ModelError, reason_of, shown
from trm_solve.files import open_plain
from trm_solve.untrusted import object_of, read_json

SOURCE, INDEX = "source.json", "index.json"
SCHEMA = 1
NAME = re.compile(r"(?P<repository>\w[\w.-]*/\w[\w.-]*)(@(?P<revision>[^@:]+))?(:(?P<file>[^@:]+))?", re.ASCII)


@dataclass(frozen=True)
class Address:
    """A model on the hub. `file` names one of several in a repository; empty: the only one."""

    repository: str
    revision: str = "main"
    file: str = ""

    @classmethod
    def parse(cls, name: str) -> Self | None:
        """`ORG/REPO[@REVISION][:FILE]`, None for anything else."""
        found = NAME.fullmatch(name)
        if found is None or ".." in name:
            return None
        return cls(found["repository"], found["revision"] or "main", found["file"] or "")

    def __str__(self) -> str:
        revision = "" if self.revision == "main" else f"@{self.revision}"
        return self.repository + revision + (f":{self.file}" if self.file else "")


def home() -> Path:
    """`HF_HOME`, as the hub's own tools understand it."""
    caches = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.environ.get("HF_HOME") or f"{caches}/huggingface").expanduser()


def repository_dir(repository: str) -> Path:
    return home() / "trm-solve" / repository.replace("/", "--")


def model_dir(repository: str, commit: str, file: str) -> Path:
    """The folder of the model that stands in `file`, or, where that is empty, in the repository itself."""
    return repository_dir(repository) / commit / (file.replace("/", "--") or "model")


def find(address: Address) -> Path | None:
    """The folder that an address stands for on this machine."""
    place = _read_index(address.repository).get(f"{address.revision}:{address.file}")
    folder = repository_dir(address.repository) / place if place else None
    return folder if folder is not None and (folder / SOURCE).is_file() else None


def remember(address: Address, folder: Path) -> None:
    """From now on the address stands for this folder."""
    place = folder.relative_to(repository_dir(address.repository)).as_posix()
    index = _read_index(address.repository) | {f"{address.revision}:{address.file}": place}
    path = repository_dir(address.repository) / INDEX
    temporary = path.with_name(f".{INDEX}.{secrets.token_hex(4)}")
    temporary.write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")
    temporary.replace(path)


def _read_index(repository: str) -> dict[str, str]:
    try:
        index = object_of(read_json(repository_dir(repository) / INDEX))
    except (OSError, ValueError):
        return {}  # nothing here, or nothing to be read: a pull writes it anew
    return {name: place for name, place in index.items() if isinstance(place, str) and is_inside(place)}


def is_inside(place: str) -> bool:
    """Whether a path stays within the folder that it is said to be in."""
    path = PurePosixPath(place)
    return not path.is_absolute() and ".." not in path.parts and "\\" not in place and "\0" not in place


def cached() -> Iterator[tuple[Address, Path]]:
    """Every address that stands for a folder on this machine."""
    for index in sorted((home() / "trm-solve").glob(f"*/{INDEX}")):
        repository = index.parent.name.replace("--", "/", 1)
        for key in _read_index(repository):
            revision, _, file = key.partition(":")
            address = Address(repository, revision, file)
            folder = find(address)
            if folder is not None:
                yield address, folder


def is_plain_name(name: str) -> bool:
    """Whether a file of this name lies in the folder itself."""
    return bool(name) and is_inside(name) and PurePosixPath(name).name == name


def sha256(path: Path) -> str:
    """Raises `OSError`."""
    with open_plain(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def install(made: Path, folder: Path, facts: dict[str, Any]) -> None:
    """Put a folder that is complete in its place, with the checksums of its files and where it came from."""
    sums = {path.name: sha256(path) for path in sorted(made.iterdir())}
    record = {"schema": SCHEMA, **facts, "files": sums}
    (made / SOURCE).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    if folder.exists():
        shutil.rmtree(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    made.replace(folder)


def read_source(folder: Path) -> dict[str, Any] | None:
    """Where a folder came from; None for one that did not come from the hub. Raises `ModelError`."""
    try:
        record = object_of(read_json(folder / SOURCE))
        if record.get("schema") != SCHEMA:
            raise ValueError(f"field 'schema' is {shown(record.get('schema'))}")
        for name in ("name", "repository", "commit"):
            if not isinstance(record.get(name, ""), str):
                raise ValueError(f"field '{name}' cannot be {shown(record[name])}")
        files = record.get("files")
        if not isinstance(files, dict):
            raise ValueError(f"field 'files' cannot be {shown(files)}")
        for name, total in files.items():
            if not isinstance(total, str) or len(total) != 64:
                raise ValueError(f"field 'files': {shown(total)} is no checksum")
            if not is_plain_name(name):
                raise ValueError(f"field 'files': {shown(name)} is no plain name of a file in this folder")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ModelError(f"{folder / SOURCE}: {reason_of(error)}", "pull the model again") from None
    except ValueError as error:
        raise ModelError(f"{folder / SOURCE}: damaged ({error})", "pull the model again") from None
    return record


def verify(folder: Path) -> None:
    """Compare the files of a folder that came from the hub with their checksums. Raises `ModelError`."""
    record = read_source(folder)
    if record is None:
        return
    for name, wanted in record["files"].items():
        try:
            found = sha256(folder / name)
        except OSError as error:
            raise ModelError(f"{folder / name}: {reason_of(error)}", _again(record)) from None
        if found != wanted:
            raise ModelError(f"{folder / name}: checksum mismatch, it has changed since it was pulled", _again(record))


def _again(record: dict[str, Any]) -> str:
    return f"trm-solve models pull {record.get('name')} fetches it again"
