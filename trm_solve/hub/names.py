"""Names -> folders: packaged weights, local paths, the Hugging Face hub. Standard library only.

A name is that of a packaged model, a folder, `ORG/REPO[@REVISION][:FILE]`, or an alias of a known public checkpoint
(known_models.json). What the hub has is fetched once, by `pull.py`, and found here from then on without a network.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

from trm_solve.errors import ModelError, reason_of, shown
from trm_solve.hub import store
from trm_solve.hub.store import Address
from trm_solve.strict import nearest

KNOWN = Path(__file__).with_name("known_models.json")


@dataclass(frozen=True, kw_only=True)
class Known:
    """A public checkpoint and what no tensor of it tells."""

    alias: str
    repository: str
    revision: str = "main"
    file: str = ""  # may end in `*` where the number of the step is not known; empty: the only one
    kind: str
    model_type: str = "trm"
    fields: dict[str, Any]  # of its configuration, where it comes without one
    reported: float  # per cent
    metric: str | None = None
    licence: str | None = None

    @property
    def address(self) -> Address:
        """What a person writes; the file only where the repository has several."""
        several = sum(each.repository == self.repository for each in known().values()) > 1
        return Address(self.repository, self.revision, self.file if several else "")


@cache
def known() -> dict[str, Known]:
    """The public checkpoints by alias."""
    found = [Known(**fields) for fields in json.loads(KNOWN.read_text(encoding="utf-8"))]
    return {each.alias: each for each in found}


def known_at(address: Address) -> Known | None:
    """What is known of a checkpoint at an address, whatever its revision."""
    there = [each for each in known().values() if each.repository == address.repository]
    if address.file:
        there = [each for each in there if each.file and fnmatch(address.file, each.file)]
    return there[0] if len(there) == 1 else None


def weights_dir() -> Path:
    """Where the packaged weights lie: inside the package in a wheel, beside it in a checkout or editable install."""
    package = Path(__file__).resolve().parent.parent
    return package / "weights" if (package / "weights").is_dir() else package.parent / "weights"


def packaged() -> list[str]:
    """Names of the packaged models."""
    return sorted(path.parent.name for path in weights_dir().glob("*/config.json"))


def names() -> list[str]:
    """Every name that can be offered: packaged, known, and what has been pulled."""
    pulled = [str(address) for address, _ in store.cached()]
    return list(dict.fromkeys([*packaged(), *known(), *pulled]))


def address_of(name: str) -> Address | None:
    """The place on the hub that a name stands for: an alias, or `ORG/REPO[@REVISION][:FILE]`."""
    return known()[name].address if name in known() else Address.parse(name)


def find(name: str) -> Path | None:
    """The folder that a name stands for on this machine, None for what would have to be fetched.

    Raises `ModelError` for what is no model and no name of one; it offers the nearest.
    """
    if name in packaged():
        return weights_dir() / name
    try:
        path = Path(name).expanduser()
        is_folder, is_file = path.is_dir(), path.exists()
    except (OSError, RuntimeError) as error:  # a name of a thousand letters, a home that nobody has
        reason = reason_of(error) if isinstance(error, OSError) else "no such home"
        raise ModelError(f"no model {shown(name)} ({reason})") from None
    if is_folder:
        return path
    if is_file:
        hint = "trm-solve models convert FILE --config all_config.yaml --out DIR makes a folder of a raw state dict"
        raise ModelError(f"{name}: a file, a model is a folder with config.json and model.safetensors", hint)
    address = address_of(name)
    if address is None:
        raise ModelError(f"no model '{name}'", nearest(name, names()))
    return store.find(address)
