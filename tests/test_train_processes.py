"""Training as processes of their own: killed and resumed, and several under torchrun."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from made import rows, write_csv
from numeric import EPS, alike, close

from trm_solve.training.asking import begin
from trm_solve.training.folder import RunFolder

FIELDS = {"hidden_size": 16, "batch_size": 4, "warmup_steps": 2, "halt_max_steps": 3, "H_cycles": 1, "L_cycles": 1}
RUN = {"compile": "off", "dtype": "float32", "log_every": 1, "device": "cpu"}
TIES = 4  # cells that may turn because two symbols are as likely as each other
PATIENCE = 300.0  # seconds that a busy machine may take
ONE, TWO = [sys.executable], [*(sys.executable, "-m", "torch.distributed.run"), "--standalone", "--nproc-per-node", "2"]


def data(path: Path) -> str:
    return write_csv(path / "data.csv", rows(40))


def command(launcher: list[str], path: Path, name: str, **fields: Any) -> list[str]:
    """The command line of a fresh run; `fields` of the recipe."""
    options = [part for key, value in RUN.items() for part in (f"--{key.replace('_', '-')}", str(value))]
    recipe = [part for key, value in {**FIELDS, **fields}.items() for part in ("--set", f"{key}={value}")]
    return [*launcher, "-m", "trm_solve", "train", data(path), "--out", str(path / name), *options, *recipe]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}


def finish(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(arguments, capture_output=True, text=True, timeout=PATIENCE, env=environment(), check=False)


def here(path: Path, name: str, **fields: Any) -> list[dict[str, Any]]:
    """The same run in this process; its metrics."""
    asked = {"data": [data(path)], **RUN} | {k: fields.pop(k) for k in ("hold_out", "valid_steps") if k in fields}
    begin(str(path / name), asked, {}, {**FIELDS, **fields}, None, resume=False)
    return metrics(path / name)


def averages(state: dict[str, Any] | None) -> list[torch.Tensor]:
    """The optimisers' moving averages of the gradients."""
    assert state is not None
    kept = [of for optimizer in state["learner"]["optimizers"] for of in optimizer["state"].values()]
    return [of[name] for of in kept for name in ("momentum_buffer", "exp_avg") if name in of]


def metrics(folder: Path) -> list[dict[str, Any]]:
    return list(RunFolder(folder).read_metrics())


def test_kill_9_and_resume_gives_the_same_losses(tmp_path: Path) -> None:
    arguments = command(ONE, tmp_path, "killed", schedule="constant", max_steps=100_000)
    killed = subprocess.Popen([*arguments, "--save-minutes", "0"], stderr=subprocess.DEVNULL, env=environment())
    try:
        until = time.monotonic() + PATIENCE
        while len(metrics(tmp_path / "killed")) < 5:  # the state is saved at every step
            assert time.monotonic() < until
            assert killed.poll() is None
            time.sleep(0.01)
    finally:
        killed.send_signal(signal.SIGKILL)
        killed.wait()
    state = RunFolder(tmp_path / "killed").read_state()
    assert state is not None
    last = metrics(tmp_path / "killed")[-1]["step"]
    assert last - 1 <= state["learner"]["step"] <= last
    begin(str(tmp_path / "killed"), {}, {"max_steps": last + 6}, {}, None, resume=True)
    whole = here(tmp_path, "whole", schedule="constant", max_steps=last + 6)
    lines = metrics(tmp_path / "killed")
    assert [line["step"] for line in lines] == list(range(1, last + 7))
    assert [line["loss"] for line in lines] == [line["loss"] for line in whole]


@pytest.mark.numeric
@pytest.mark.skipif(sys.platform == "win32", reason="gloo under torchrun")
def test_two_processes_have_the_losses_of_one(tmp_path: Path) -> None:
    fields = {"max_steps": 12, "optimizer": "adamw", "lr": 1e-3}
    two = finish([*command(TWO, tmp_path, "two", **fields), "--hold-out", "0.2", "--valid-steps", "6"])
    assert two.returncode == 0, two.stderr
    assert two.stderr.count("writing to") == 1  # one process talks
    one = here(tmp_path, "one", **fields, hold_out=0.2, valid_steps=6)
    shared = metrics(tmp_path / "two")
    assert [line["step"] for line in one] == [line["step"] for line in shared]
    for mine, theirs in zip(one, shared, strict=True):
        if "valid" in mine:
            found = [line["valid"]["held out"] for line in (mine, theirs)]
            assert found[0]["puzzles"] == found[1]["puzzles"] == 8
            close(found[1]["cell_accuracy"], found[0]["cell_accuracy"], atol=TIES / (8 * 81), what="validation")
            continue
        assert {name: theirs[name] for name in ("halted", "mean_steps")} == {
            name: mine[name] for name in ("halted", "mean_steps")
        }
        # AdamW in fp32 keeps rounding small for a dozen steps; at q = -5 the halting loss is what is left of 5 - 5
        for name in ("loss", "lm_loss", "q_halt_loss"):
            close(theirs[name], mine[name], rtol=3e-5, atol=4 * 5 * EPS, what=name)
        if mine["halted"]:
            close(theirs["accuracy"], mine["accuracy"], atol=TIES / (mine["halted"] * 81), what="accuracy")


@pytest.mark.numeric
@pytest.mark.skipif(sys.platform == "win32", reason="gloo under torchrun")
def test_two_processes_resume_what_one_began(tmp_path: Path) -> None:
    """One step, from the state of the one: Muon makes its updates in bf16, which amplifies rounding from there on."""
    fields = {"schedule": "constant", "clip_norm": 0.0}  # clipped, gradients of any size are alike
    here(tmp_path, "run", **fields, max_steps=3)
    arguments = ["-m", "trm_solve", "train", "--resume", "--out", str(tmp_path / "run"), "--max-steps", "4"]
    resumed = finish([*TWO, *arguments])
    assert resumed.returncode == 0, resumed.stderr
    whole = here(tmp_path, "whole", **fields, max_steps=4)
    losses = [[line["loss"] for line in lines] for lines in (metrics(tmp_path / "run"), whole)]
    assert losses[0][:3] == losses[1][:3]
    close(losses[0][3], losses[1][3], rtol=1e-5, what="loss")
    states = [RunFolder(tmp_path / name).read_state() for name in ("run", "whole")]
    for found, expected in zip(*map(averages, states), strict=True):
        alike(found, expected, rtol=1e-4, what="moving averages of the gradients")


@pytest.mark.skipif(sys.platform == "win32", reason="gloo under torchrun")
def test_several_processes_complain_once(tmp_path: Path) -> None:
    uneven = finish(command(TWO, tmp_path, "run", batch_size=5))
    assert uneven.returncode != 0
    assert uneven.stderr.count("cannot be shared evenly by 2 processes") == 1
