"""Training runs in this process: learning, resuming, validation, saving, and every way to end."""

from __future__ import annotations

import copy
import dataclasses
import errno
import inspect
import io
import itertools
import json
import math
import os
import re
import shutil
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from made import rows, write_csv
from numeric import EPS, alike, close
from rich.console import Console
from torch.utils._python_dispatch import TorchDispatchMode
from typer.models import OptionInfo
from typer.testing import CliRunner

from trm_solve import checkpoint, pretrained
from trm_solve.cli.train import train as command
from trm_solve.config import ModelConfig, RunOptions, TrainOptions
from trm_solve.device import widest
from trm_solve.errors import InputError, TrmError
from trm_solve.model import TRM
from trm_solve.training import curves, learner, losses, supervise, validation
from trm_solve.training import trainer as train
from trm_solve.training.asking import begin
from trm_solve.training.folder import RunFolder
from trm_solve.training.presets import presets, recipe
from trm_solve.training.view import View, summary_table

TINY = {"hidden_size": 16, "batch_size": 4, "warmup_steps": 2, "halt_max_steps": 3, "H_cycles": 1, "L_cycles": 1}


class Heard(View):
    """A view that keeps what is said and can do something at a step."""

    def __init__(self, at: int = -1, do: Any = None) -> None:
        super().__init__(Console(file=io.StringIO(), width=200))
        self.said: list[str] = []
        self.at, self.do = at, do

    def message(self, text: str) -> None:
        self.said.append(text)

    def metrics(self, line: dict[str, Any]) -> None:
        super().metrics(line)
        if line["step"] == self.at:
            self.do()


def options(path: Path, name: str = "run", **fields: Any) -> RunOptions:
    data = path / "data.csv"
    if not data.exists():
        write_csv(data, rows(40))
    plain = {"data": [str(data)], "out": str(path / name), "compile": "off", "dtype": "float32", "log_every": 1}
    return RunOptions.from_dict({**plain, **fields})


def tiny(**fields: Any) -> TrainOptions:
    return TrainOptions.from_dict({**TINY, "max_steps": 10, **fields})


def run(path: Path, name: str = "run", *, view: View | None = None, **fields: Any) -> list[dict[str, Any]]:
    """A run of ten steps; its metrics without what a clock says."""
    resume = fields.pop("resume", False)
    of_recipe = {k: fields.pop(k) for k in list(fields) if k in {f.name for f in dataclasses.fields(TrainOptions)}}
    train.train(options(path, name, **fields), tiny(**of_recipe), resume=resume, view=view or Heard())
    return metrics(path / name)


def test_the_help_names_every_preset() -> None:
    [help_of] = [
        each.help
        for each in inspect.get_annotations(command, eval_str=True)["preset"].__metadata__
        if isinstance(each, OptionInfo)
    ]
    assert sorted(re.findall(r"[\w-]+", help_of.replace("(default)", ""))) == sorted(presets())


class NoDoubles(TorchDispatchMode):
    """A device without fp64."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        out = func(*args, **(kwargs or {}))
        if isinstance(out, torch.Tensor) and out.dtype == torch.float64:
            raise TypeError(f"{func}: no fp64 here")
        return out


@pytest.mark.numeric
@pytest.mark.parametrize("loss", ["softmax", "stablemax"])
@pytest.mark.parametrize("optimizer", ["muon", "adamw", "adam-atan2"])
def test_a_device_without_fp64_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loss: str, optimizer: str
) -> None:
    """Every step from where the run with fp64 stood before it: left alone, the two drift apart.

    Muon makes its updates in bf16, so that a rounding of the gradient, 1e-7 of it, becomes 1e-2 of an update where it
    falls on another side, and Adam's are signs where a gradient is nearly nothing.
    """
    train_step = learner.Learner.train_step
    stands: list[dict[str, Any]] = []
    wide: list[list[torch.Tensor]] = []
    narrow: list[list[torch.Tensor]] = []

    def gradients(self: learner.Learner) -> list[torch.Tensor]:
        return [p.grad.clone() for p in self.model.parameters() if p.grad is not None]

    def noted(self: learner.Learner, *how: Any) -> Any:
        stands.append(copy.deepcopy(self.state_dict()))
        outcome = train_step(self, *how)
        wide.append(gradients(self))
        return outcome

    def from_there(self: learner.Learner, *how: Any) -> Any:
        self.load_state_dict(stands[self.step])
        outcome = train_step(self, *how)
        narrow.append(gradients(self))
        return outcome

    monkeypatch.setattr(learner.Learner, "train_step", noted)
    expected = run(tmp_path, "wide", loss=loss, optimizer=optimizer, hold_out=0.1)
    monkeypatch.setattr(learner.Learner, "train_step", from_there)
    for module in (learner, losses, supervise, train, validation):
        monkeypatch.setattr(module, "widest", lambda _: widest(torch.device("mps")))
    with NoDoubles():
        found = run(tmp_path, "narrow", loss=loss, optimizer=optimizer, hold_out=0.1)
    of_found, of_expected = ([line["loss"] for line in each if "loss" in line] for each in (found, expected))
    assert len(of_found) == 10
    # A cell's loss takes some four roundings, of numbers up to twice as large; what is summed is rounded once more.
    close(of_found, of_expected, rtol=16 * EPS, what="loss")
    for step, (ours, theirs) in enumerate(zip(narrow, wide, strict=True), 1):
        for one, other in zip(ours, theirs, strict=True):
            alike(one, other, rtol=1e-5, what=f"gradient of step {step}")


def metrics(folder: Path) -> list[dict[str, Any]]:
    clock = ("seconds", "samples_per_second", "took")
    return [{k: v for k, v in line.items() if k not in clock} for line in RunFolder(folder).read_metrics()]


def states_equal(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(states_equal(one[k], other[k]) for k in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(states_equal, one, other))
    return bool(one == other)


@pytest.mark.parametrize("optimizer", ["adam-atan2", "adamw", "muon"])
def test_the_loss_falls(tmp_path: Path, optimizer: str) -> None:
    lines = run(tmp_path, optimizer=optimizer, lr=0.01, max_steps=40, augment=False, loss="stablemax")
    losses = [line["lm_loss"] for line in lines]
    assert sum(losses[-5:]) / 5 < 0.9 * losses[0]  # which no update has touched


@pytest.mark.numeric
@pytest.mark.parametrize("optimizer", ["adam-atan2", "muon"])
def test_an_interrupted_run_resumes_bit_for_bit(tmp_path: Path, optimizer: str) -> None:
    valid = write_csv(tmp_path / "valid.csv", rows(50)[45:])
    fields: dict[str, Any] = {"optimizer": optimizer, "valid": [valid], "valid_steps": 3, "depth_schedule": "0.5:1x2"}
    whole = run(tmp_path, "whole", **fields)
    interrupt = Heard(at=5, do=lambda: os.kill(os.getpid(), signal.SIGINT))
    run(tmp_path, "cut", view=interrupt, **fields)
    assert metrics(tmp_path / "cut")[-1]["step"] < 10
    assert any("interrupted, and saved" in text for text in interrupt.said)
    assert run(tmp_path, "cut", resume=True, **fields) == whole
    ended = [RunFolder(tmp_path / name).read_state() for name in ("whole", "cut")]
    assert ended[0] is not None
    assert ended[1] is not None
    assert states_equal(ended[0]["learner"], ended[1]["learner"])


def test_a_run_goes_on_in_another_dtype(tmp_path: Path) -> None:
    run(tmp_path)
    run(tmp_path, resume=True, max_steps=12, dtype="bfloat16")
    state = RunFolder(tmp_path / "run").read_state()
    assert state is not None
    assert {state["learner"]["carries"][0][name].dtype for name in ("y", "z")} == {torch.bfloat16}


@pytest.mark.parametrize(("valid_steps", "kept"), [(8, 10), (4, 4)])
def test_nothing_is_lost_where_the_second_validation_is_broken_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, valid_steps: int, kept: int
) -> None:
    """By another Ctrl-C or a kill: of the last validation no step is lost, and of none that there is a `best`."""
    validations = itertools.count()

    def broken_off(*_: Any) -> dict[str, Any]:
        if next(validations):
            raise KeyboardInterrupt
        return {"exact_accuracy": 0.5, "cell_accuracy": 0.5, "exact_by_step": [], "puzzles": 1}

    monkeypatch.setattr(train, "accuracy", broken_off)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, hold_out=0.1, valid_steps=valid_steps)
    state = RunFolder(tmp_path / "run").read_state()
    assert state is not None
    assert (state["learner"]["step"], state["best"]["step"]) == (kept, valid_steps)


def test_ctrl_c_waits_for_the_last_validation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> dict[str, Any]:
        os.kill(os.getpid(), signal.SIGINT)
        return {"exact_accuracy": 0.5, "cell_accuracy": 0.5, "exact_by_step": [], "puzzles": 1}

    monkeypatch.setattr(train, "accuracy", interrupted)
    run(tmp_path, hold_out=0.1)
    assert "Step 10." in (tmp_path / "run" / "best" / "README.md").read_text()


@pytest.mark.parametrize(
    ("device", "log_every", "valid_steps", "expected"),
    [
        ("cpu", 100, 0, range(1, 41)),
        ("cuda", 100, 0, [10, 20, 30, 40]),
        ("cuda", 20, 25, [10, 20, 25, 30, 40]),
        ("mps", 15, 0, [10, 15, 20, 30, 40]),
    ],
)
def test_a_gpu_is_seldom_made_to_wait(device: str, log_every: int, valid_steps: int, expected: Any) -> None:
    looks = [
        step
        for step in range(1, 41)
        if train.Trainer._looks(
            SimpleNamespace(  # type: ignore[arg-type]
                team=SimpleNamespace(device=torch.device(device)),
                learner=SimpleNamespace(step=step),
                options=SimpleNamespace(log_every=log_every, valid_steps=valid_steps),
            )
        )
    ]
    assert looks == list(expected)


def test_ctrl_c_says_interrupted_and_a_second_one_is_not_caught(tmp_path: Path) -> None:
    def twice() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)

    assert train.train(options(tmp_path), tiny(), view=Heard(at=3, do=twice)) == "interrupted"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_metrics_past_the_saved_state_are_forgotten(tmp_path: Path) -> None:
    whole = run(tmp_path)
    with (tmp_path / "run" / "metrics.jsonl").open("a") as file:
        file.write('{"step": 11, "loss": 0.5}\n{"step": 12, "lo')
    assert run(tmp_path, resume=True) == whole


def test_a_longer_horizon_goes_on_from_the_end(tmp_path: Path) -> None:
    run(tmp_path, schedule="constant")
    longer = run(tmp_path, resume=True, schedule="constant", max_steps=14)
    assert [line["step"] for line in longer] == list(range(1, 15))


def test_last_holds_the_averaged_weights_and_loads_at_once(tmp_path: Path) -> None:
    run(tmp_path)
    state = RunFolder(tmp_path / "run").read_state()
    assert state is not None
    model = pretrained.load(tmp_path / "run" / "last")
    for parameter, shadow in zip(model.parameters(), state["learner"]["ema"]["shadow"], strict=True):
        assert torch.equal(parameter, shadow)
    names = [name for name, _ in model.named_parameters()]
    assert not torch.equal(state["learner"]["model"][names[0]], model.get_parameter(names[0]))
    assert not (tmp_path / "run" / "best").exists()


def test_best_is_chosen_by_validation_exact_accuracy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = iter([0.2, 0.7, 0.7, 0.1])

    def scripted(*_: Any) -> dict[str, Any]:
        return {"exact_accuracy": next(said), "cell_accuracy": 0.5, "exact_by_step": [], "puzzles": 1}

    monkeypatch.setattr(train, "accuracy", scripted)
    valid = write_csv(tmp_path / "valid.csv", rows(50)[45:])
    lines = run(tmp_path, valid=[valid], valid_steps=3)
    judged = [(line["step"], line["best"]) for line in lines if "valid" in line]
    assert judged == [(3, True), (6, True), (9, False), (10, False)]
    assert "Step 6." in (tmp_path / "run" / "best" / "README.md").read_text()


@pytest.mark.numeric
def test_validation_runs_all_steps_without_halting(tmp_path: Path) -> None:
    lines = run(tmp_path, hold_out=0.25, valid_puzzles=7)
    found = next(line["valid"]["held out"] for line in lines if "valid" in line)
    model = pretrained.load(tmp_path / "run" / "last")
    (mixture,), validation = train.open_data(
        options(tmp_path, hold_out=0.25, valid_puzzles=7), augment=False, report=print
    )
    (held,) = validation["held out"]
    assert (len(held), found["puzzles"], len(mixture.data)) == (7, 7, 30)
    e = model.embed(torch.from_numpy(held.questions).long(), model.puzzle_rows(torch.zeros(7, dtype=torch.int64)))
    y, z = model.initial_state(e)
    for _ in range(3):
        y, z = model.step(e, y, z, model.positions())
    right = model.read_answer(y).argmax(-1) == torch.from_numpy(held.answers).long()
    close(found["cell_accuracy"], right.double().mean().item(), rtol=1e-6)
    assert len(found["exact_by_step"]) == 3


def test_the_depth_schedule_grows_the_recursion(tmp_path: Path) -> None:
    lines = run(tmp_path, depth_schedule="0.3:1x2,0.6:2x1", H_cycles=2, L_cycles=2)
    assert [(line["T"], line["n"]) for line in lines] == [(1, 2)] * 2 + [(2, 1)] * 3 + [(2, 2)] * 5


def test_max_minutes_ends_the_run_at_its_lowest_rate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count(0, 1.0)  # every look at the clock is a second later
    monkeypatch.setattr(train.time, "monotonic", lambda: next(clock))
    lines = run(tmp_path, max_steps=None, max_minutes=1.0, schedule="linear", warmup_steps=0)
    assert 20 < lines[-1]["step"] <= 60
    assert lines[-1]["lr"] < 0.05 * lines[0]["lr"]


def test_nan_stops_the_run_and_the_last_good_state_stays(tmp_path: Path) -> None:
    with pytest.raises(train.Diverged, match="not a number") as caught:
        run(tmp_path, lr=1e30, optimizer="adamw", save_minutes=0.0, warmup_steps=0)
    assert caught.value.exit_code == 1
    state = RunFolder(tmp_path / "run").read_state()
    assert state is not None
    assert all(torch.isfinite(tensor).all() for tensor in state["learner"]["model"].values())
    assert f"--init {tmp_path / 'run' / 'last'}" in caught.value.hint
    pretrained.load(tmp_path / "run" / "last")


def test_a_full_disk_is_one_line_and_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path)
    before = (tmp_path / "run" / "state.pt").read_bytes()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(InputError, match="no space left on device"):
            run(tmp_path, resume=True, max_steps=12)
    assert (tmp_path / "run" / "state.pt").read_bytes() == before
    assert not [path for path in (tmp_path / "run").rglob(".*") if path.is_file()]
    assert len(run(tmp_path, resume=True, max_steps=12)) == 12


def complaint(path: Path, **fields: Any) -> str:
    with pytest.raises(TrmError) as caught:
        run(path, **fields)
    assert "\n" not in caught.value.message
    return caught.value.message


def test_folders_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "file/run: cannot be made" in complaint(tmp_path, name="file/run")
    run(tmp_path)
    assert "holds a run already" in complaint(tmp_path)
    (tmp_path / "run" / "state.pt").write_bytes(b"cut short")
    assert "state.pt: damaged" in complaint(tmp_path, resume=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_read_only_folder(tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    options(tmp_path)
    assert "permission denied" in complaint(tmp_path, name="closed/run")


def test_data_of_another_shape_than_the_checkpoint_s(tmp_path: Path) -> None:
    small = {"vocab_size": 11, "hidden_size": 8, "intermediate_size": 8, "mlp_t": True, "token_intermediate_size": 8}
    shape = {"pos_encodings": "none", "H_cycles": 1, "L_cycles": 1}
    config = ModelConfig.from_dict({"kind": "sudoku", "grid": [4, 4], **small, **shape})
    checkpoint.save(TRM(config), tmp_path / "four")
    assert "reads 16 cells, the data have 81" in complaint(tmp_path, init=str(tmp_path / "four"))
    checkpoint.save(TRM(dataclasses.replace(config, kind="maze", grid=(9, 9))), tmp_path / "maze")
    assert "is a model for maze, the data are sudoku" in complaint(tmp_path, init=str(tmp_path / "maze"))
    run(tmp_path)
    state = torch.load(tmp_path / "run" / "state.pt", weights_only=True)
    state["learner"]["carries"][0]["steps"] = state["learner"]["carries"][0]["steps"][:2]
    torch.save(state, tmp_path / "run" / "state.pt")
    assert "not a state of this run" in complaint(tmp_path, resume=True)


@pytest.mark.numeric
def test_fine_tuning_starts_from_the_checkpoint_and_keeps_its_cycles(tmp_path: Path) -> None:
    run(tmp_path, "first", L_cycles=2)
    out, data = tmp_path / "second", str(tmp_path / "data.csv")
    asked = {"data": [data], "init": str(tmp_path / "first" / "last"), "compile": "off"}
    fields = {"lr": 0.0, "row_lr": 0.0, "batch_size": 4}
    assert begin(str(out), asked, {"max_steps": 2}, fields, None, resume=False) == "done"
    first, second = (pretrained.load(tmp_path / name / "last") for name in ("first", "second"))
    assert second.config == first.config
    for name, parameter in second.named_parameters():
        close(parameter, first.get_parameter(name), atol=1e-7, what=name)
    whole = (out / "last" / "config.json").read_bytes()
    (out / "last" / "config.json").unlink()  # as a kill while the first `last` is written leaves it
    assert begin(str(out), {}, {"max_steps": 4}, {}, None, resume=True) == "done"
    assert (out / "last" / "config.json").read_bytes() == whole
    shutil.rmtree(tmp_path / "first")  # not needed any more
    assert begin(str(out), {}, {"max_steps": 10}, {}, None, resume=True) == "done"
    assert metrics(out)[-1]["step"] == 10
    assert RunFolder(out).read_options()[0].init == asked["init"]


@pytest.mark.numeric
@pytest.mark.parametrize("fields", [{"symbol_axis": True, "hidden_size": 72}, {"qk_norm": True}])
def test_layers_that_are_added_change_nothing_at_first_and_learn(tmp_path: Path, fields: dict[str, object]) -> None:
    shape = {"mlp_t": False, "pos_encodings": "relations", "puzzle_emb_len": 0, "L_layers": 1, **fields}
    run(tmp_path, "first", **shape)
    asked = {"data": [str(tmp_path / "data.csv")], "init": str(tmp_path / "first" / "last"), "compile": "off"}
    first = pretrained.load(tmp_path / "first" / "last")
    questions = torch.randint(1, 11, (3, 81))
    for rate in (0.0, 0.01):
        out = tmp_path / f"second-{rate}"
        how = {"lr": rate, "adam_lr": rate, "warmup_steps": 0, "batch_size": 4, "add_layers": 2}
        assert begin(str(out), asked, {"max_steps": 2}, how, None, resume=False) == "done"
        assert begin(str(out), {}, {"max_steps": 4}, {}, None, resume=True) == "done"  # and has them already
        second = pretrained.load(out / "last")
        assert second.config == dataclasses.replace(first.config, L_layers=3)
        before, after = (model(questions, steps=2).logits for model in (first, second))
        if rate:
            assert second.get_parameter("L_level.layers.2.mlp.down_proj.weight").any()
            assert not torch.allclose(before, after, atol=1e-3)
        else:
            close(before, after, atol=1e-3, what="logits")


def test_a_model_with_longer_steps_where_it_solves_is_fine_tuned_by_those_of_its_training(tmp_path: Path) -> None:
    run(tmp_path, "first")
    model = pretrained.load(tmp_path / "first" / "last")
    model.config = dataclasses.replace(model.config, inference_cycles=7)
    checkpoint.save(model, tmp_path / "longer")
    run(tmp_path, "second", init=str(tmp_path / "longer"))
    config = pretrained.load(tmp_path / "second" / "last").config
    assert (config.H_cycles, config.inference_cycles) == (model.config.H_cycles, 0)


def test_layers_are_added_to_a_checkpoint_that_can_have_them(tmp_path: Path) -> None:
    assert "field 'add_layers': for a checkpoint (--init)" in complaint(tmp_path, name="none", add_layers=1)
    run(tmp_path, "first")
    init = str(tmp_path / "first" / "last")
    assert "field 'add_layers': a model that mixes by MLP" in complaint(
        tmp_path, name="second", init=init, add_layers=1
    )


def test_presets_hold_the_paper_s_settings() -> None:
    mlp, arc = recipe("paper-sudoku-mlp", {}), recipe("paper-arc", {})
    assert (mlp.mlp_t, mlp.H_cycles, mlp.L_cycles, mlp.pos_encodings, mlp.puzzle_emb_len) == (True, 3, 6, "none", 16)
    assert (mlp.lr, mlp.betas, mlp.weight_decay, mlp.batch_size, mlp.warmup_steps) == (
        1e-4,
        (0.9, 0.95),
        1.0,
        768,
        2000,
    )
    assert (mlp.optimizer, mlp.loss, mlp.halt_loss_weight, mlp.ema) == ("adam-atan2", "stablemax", 0.5, 0.999)
    assert (arc.mlp_t, arc.L_cycles, arc.weight_decay, arc.row_lr, arc.pos_encodings) == (False, 4, 0.1, 1e-2, "rope")
    for name in presets():
        assert recipe(name, {"seed": 3}).seed == 3
    with pytest.raises(InputError, match="unknown preset 'paper-maz'") as caught:
        recipe("paper-maz", {})
    assert caught.value.hint == "did you mean 'paper-maze'?"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"learning_rate": 1}, "unknown field 'learning_rate'"),
        ({"lr": "fast"}, "field 'lr' cannot be 'fast'"),
        ({"lr": -1.0}, "field 'lr' must be a number from 0 up"),
        ({"label_smoothing": 2.0}, "between 0 and 1"),
        ({"max_minutes": 0.0}, "must be positive"),
        ({"depth_schedule": "0.5:2"}, "cannot read '0.5:2'"),
        ({"depth_schedule": "0.5:2x2,0.2:1x1"}, "growing fractions"),
        ({"optimizer": "sgd"}, "field 'optimizer' cannot be 'sgd'"),
        ({"adam_lr": -1.0}, "field 'adam_lr' must be a number from 0 up"),
        ({"warmup_steps": -1}, "field 'warmup_steps' must be a number from 0 up"),
        ({"betas": [0.9, 1.0]}, "field 'betas' must hold numbers from 0 to below 1"),
        ({"seed": -1}, "a seed is a number from 0 to 4294967295, not -1"),
    ],
)
def test_recipes_that_make_no_sense(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        recipe("cpu-small", fields)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"log_every": 0}, "field 'log_every' must be at least 1, not 0"),
        ({"valid_puzzles": 0}, "field 'valid_puzzles' must be at least 1, not 0"),
        ({"threads": -1}, "field 'threads' must be a number from 0 up, not -1"),
        ({"save_minutes": math.nan}, "field 'save_minutes' must be a number from 0 up, not nan"),
        ({"valid_minutes": -1.0}, "field 'valid_minutes' must be a number from 0 up"),
    ],
)
def test_runs_that_make_no_sense(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        RunOptions.from_dict({"data": [], **fields})


def test_curves_as_figures_and_as_text(tmp_path: Path) -> None:
    run(tmp_path, hold_out=0.2)
    lines = list(RunFolder(tmp_path / "run").read_metrics())
    page = (tmp_path / "run" / "curves.html").read_text()
    assert page.count("<svg") == page.count("optimiser steps") == 5
    for said in ("loss (logarithmic)", "exact accuracy, %", "validation: held out", "10 steps in 0"):
        assert said in page
    assert not re.search(r"(src|href)=|@import|url\(|<script", page)
    assert [line.split()[0] for line in curves.draw(lines, tmp_path).splitlines()] == ["loss", "valid", "curves:"]
    assert curves.draw(lines, tmp_path / "missing").endswith("cannot be written: no such file or directory")
    assert curves.spark([0.0, 1.0, 7.0]) == "▁▂█"
    assert len(curves.spark([1.0] * 1000)) == curves.WIDTH


def test_the_summary_names_the_best_validation(tmp_path: Path) -> None:
    lines = [
        {"step": 5, "seconds": 9.0, "loss": 1.0, "exact_accuracy": 0.5, "accuracy": None, "samples_per_second": 3.0}
    ]
    for step, exact, best in ((5, 0.25, True), (10, 0.125, False)):
        lines.append(
            {"step": step, "valid": {"a/v.csv": {"exact_accuracy": exact}}, "valid_exact": exact, "best": best}
        )
    console = Console(file=io.StringIO(), record=True, width=100)
    console.print(summary_table("done", lines, tmp_path))
    assert "12.5 %; best, step 5: 25.0 %" in console.export_text()


def test_the_command_shows_a_preset_and_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    from trm_solve.cli import app

    shown = CliRunner().invoke(app, ["train", "--preset", "paper-maze", "--set", "lr=3e-4", "--show-preset"])
    assert shown.exit_code == 0
    assert json.loads(shown.output)["lr"] == 3e-4
    for arguments, message in (
        (["--set", "lr"], "has no value"),
        ([], "no --out"),
        (["--out", str(tmp_path)], "no data"),
        (["--out", str(tmp_path), "--resume", "--lr", "1"], "keeps its recipe"),
        (["--out", str(tmp_path), "--resume", "--init", "sudoku"], "has its model already"),
        (["--out", str(tmp_path), "--resume"], "no run to resume"),
    ):
        result = CliRunner().invoke(app, ["train", *arguments])
        assert isinstance(result.exception, TrmError)
        assert message in result.exception.message
