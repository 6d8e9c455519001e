"""A training run on disk: options, metrics, and the state from which it goes on.

run.json        the options it was started with
metrics.jsonl   a line each interval and each validation
state.pt        everything needed to go on, replaced atomically
last/, best/    checkpoint folders with the averaged weights
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from trm_solve.config import RunOptions, TrainOptions
from trm_solve.errors import InputError, first_line, reason_of, shown
from trm_solve.files import open_plain, sweep, unwritable, write_atomically
from trm_solve.locks import held
from trm_solve.untrusted import object_of, parse_json, read_json

SCHEMA = 1
LINE = 1 << 20  # bytes of a line of metrics


class RunFolder:
    """Reads and writes one run. Every write is whole or does not happen; each failure is an `InputError`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.options, self.metrics, self.state = path / "run.json", path / "metrics.jsonl", path / "state.pt"
        self.last, self.best = path / "last", path / "best"

    @contextlib.contextmanager
    def held(self, *, new: bool) -> Iterator[None]:
        """Make the folder, and have it for this process alone. Raises `InputError`, also where it holds a run and is
        to be `new`.
        """
        self.check_new(new)
        with held(self.path):
            self.check_new(new)  # another may have begun one just before
            for folder in (self.last, self.best):
                sweep(folder)
            yield

    def check_new(self, new: bool = True) -> None:
        if new and self.options.exists():
            raise InputError(f"{self.path}: holds a run already", "--resume goes on with it, or choose another --out")

    def write_options(self, run: RunOptions, recipe: TrainOptions) -> None:
        fields = {"schema": SCHEMA, "run": run.to_dict(), "recipe": recipe.to_dict()}
        write_atomically(self.options, (json.dumps(fields, indent=2) + "\n").encode())

    def read_options(self) -> tuple[RunOptions, TrainOptions]:
        try:
            fields = object_of(read_json(self.options))
            if fields.get("schema") != SCHEMA:
                schema = shown(fields.get("schema"))
                raise InputError(f"{self.options}: schema {schema}, this version reads {SCHEMA}")
            where = str(self.options)
            for name in ("run", "recipe"):
                if not isinstance(fields.get(name), dict):
                    raise ValueError(f"field '{name}' cannot be {shown(fields.get(name))}")
            return RunOptions.from_dict(fields["run"], where), TrainOptions.from_dict(fields["recipe"], where)
        except (FileNotFoundError, NotADirectoryError):
            raise InputError(f"{self.path}: no run to resume", "--out names the folder of an earlier run") from None
        except OSError as error:
            raise InputError(f"{self.options}: {reason_of(error)}") from None
        except ValueError as error:
            raise InputError(f"{self.options}: damaged ({error})") from None

    def write_state(self, state: dict[str, Any]) -> None:
        """The state, once the metrics up to it are on the disk."""
        try:
            if self.metrics.exists():
                with self.metrics.open("rb+") as file:
                    os.fsync(file.fileno())
        except OSError as error:
            raise unwritable(self.metrics, error) from None
        buffer = io.BytesIO()
        torch.save({"schema": SCHEMA, **state}, buffer)
        write_atomically(self.state, buffer.getvalue())

    def read_state(self) -> dict[str, Any] | None:
        """The last state, None where the run was stopped before it saved one. Nothing but tensors is unpickled."""
        try:
            with open_plain(self.state) as file:
                state = torch.load(file, map_location="cpu", weights_only=True)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise InputError(f"{self.state}: {reason_of(error)}") from None
        except pickle.UnpicklingError:  # whose message is a paragraph on how to run what a file holds
            raise InputError(f"{self.state}: damaged (holds more than tensors and numbers)") from None
        except Exception as error:  # whatever bytes that are no state make the unpickler do
            raise InputError(f"{self.state}: damaged ({first_line(error)})") from None
        if not isinstance(state, dict) or state.get("schema") != SCHEMA:
            raise InputError(f"{self.state}: not a state that this version reads")
        return state

    def write_metrics(self, line: dict[str, Any]) -> None:
        try:
            with self.metrics.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        except OSError as error:
            raise InputError(f"{self.metrics}: cannot be written: {reason_of(error)}") from None

    def read_metrics(self) -> Iterator[dict[str, Any]]:
        """Lines in order; a last line that was cut short is left out."""
        if not self.metrics.exists():
            return
        try:
            with open_plain(self.metrics) as file:
                while line := file.readline(LINE):
                    fields = object_of(parse_json(line))
                    if type(fields.get("step")) is not int:
                        return
                    yield fields
        except ValueError:
            return
        except OSError as error:
            raise InputError(f"{self.metrics}: {reason_of(error)}") from None

    def forget_after(self, step: int) -> None:
        """Drop metrics of steps that the state does not know of: the run will go through them again."""
        if self.metrics.exists():
            kept = [json.dumps(line) + "\n" for line in self.read_metrics() if line["step"] <= step]
            write_atomically(self.metrics, "".join(kept).encode())
