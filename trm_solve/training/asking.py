"""What was asked of a run, looked at before torch is imported, for the command line and Python alike."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trm_solve.config import RunOptions
from trm_solve.errors import InputError
from trm_solve.hub.folder import read_config
from trm_solve.hub.names import find
from trm_solve.training.naming import must_exist, split_share
from trm_solve.training.presets import DEFAULT, recipe

if TYPE_CHECKING:
    from trm_solve.training.view import View


def begin(
    out: str,
    asked: Mapping[str, Any],
    horizon: Mapping[str, Any],
    fields: Mapping[str, Any],
    preset: str | None,
    *,
    resume: bool,
    view: View | None = None,
) -> str:
    """Train as asked: options of the run, its length, fields of the recipe; returns `done` or `interrupted`.

    What was not asked for is not in there: it is for the recipe or the earlier run to say. Raises `InputError` or
    `ModelError`.
    """
    data: Sequence[str] = asked.get("data") or ()
    init = asked.get("init")
    if resume and (fields or preset):
        raise InputError("a resumed run keeps its recipe", "only its length can change: --max-steps, --max-minutes")
    if resume and init:
        raise InputError("a resumed run has its model already", "--init starts a new one, in another --out")
    if not resume and not data:
        raise InputError("no data to train on", "name a file of puzzles with answers, or hf://datasets/ORG/NAME")
    must_exist([*(split_share(source)[0] for source in data), *(asked.get("valid") or [])])
    if init:
        find(init)

    from trm_solve.pretrained import resolve
    from trm_solve.training.folder import RunFolder
    from trm_solve.training.setup import OWN
    from trm_solve.training.trainer import train

    if resume:
        kept, old = RunFolder(Path(out)).read_options()
        options = RunOptions.from_dict({**kept.to_dict(), **asked, "out": out})
        return train(options, dataclasses.replace(old, **horizon), resume=True, view=view)
    options = RunOptions.from_dict({**asked, "out": out})
    own: dict[str, Any] = {}
    if options.init:  # a fine-tuned model keeps its cycles unless told otherwise
        config = read_config(resolve(options.init))
        own = {name: getattr(config, name) for name in OWN}
    return train(options, recipe(preset or DEFAULT, {**own, **fields, **horizon}), view=view)
