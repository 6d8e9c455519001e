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

from tests.made import rows, write_csv
from trm_solve.run_folder import RunFolder

TINY = ["hidden_size=16", "batch_size=4", "warmup_steps=2", "halt_max_steps=3", "H_cycles=1", "L_cycles=1"]
PATIENCE = 300.0  # seconds that a busy machine may take


def command(path: Path, name: str, *arguments: str, processes: int = 1) -> list[str]:
    data = path / "data.csv"
    if not data.exists():
        write_csv(data, rows(40))
    launcher = [sys.executable]
    if processes > 1:
        launcher += ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    fields = [argument for field in TINY for argument in ("--set", field)]
    plain = ["--compile", "off", "--dtype", "float32", "--threads", "1", "--log-every", "1", "--device", "cpu"]
    return [*launcher, "-m", "trm_solve", "train", str(data), "--out", str(path / name), *plain, *fields, *arguments]


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parent.parent)}


def finish(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(arguments, capture_output=True, text=True, timeout=PATIENCE, env=environment(), check=False)


def metrics(folder: Path) -> list[dict[str, Any]]:
    return list(RunFolder(folder).read_metrics())


def test_kill_9_and_resume_gives_the_same_losses(tmp_path: Path) -> None:
    constant = ["--set", "schedule=constant"]
    killed = subprocess.Popen(
        command(tmp_path, "killed", *constant, "--max-steps", "400", "--save-minutes", "0"),
        stderr=subprocess.DEVNULL,
        env=environment(),
    )
    try:
        until = time.monotonic() + PATIENCE
        while len(metrics(tmp_path / "killed")) < 5:  # the state is saved at every step
            assert time.monotonic() < until
            assert killed.poll() is None
            time.sleep(0.01)
    finally:
        killed.send_signal(signal.SIGKILL)
        killed.wait()
    before = metrics(tmp_path / "killed")[-1]["step"]
    assert before < 400
    shorter = ["--max-steps", str(before + 6)]
    resumed = [sys.executable, "-m", "trm_solve", "train", "--resume", "--out", str(tmp_path / "killed")]
    done = finish([*resumed, *shorter, "--save-minutes", "9"])
    assert done.returncode == 0, done.stderr
    assert finish(command(tmp_path, "whole", *shorter, *constant)).returncode == 0
    assert [line["step"] for line in metrics(tmp_path / "killed")] == list(range(1, before + 7))
    wanted = [line["loss"] for line in metrics(tmp_path / "whole")]
    assert [line["loss"] for line in metrics(tmp_path / "killed")] == wanted


@pytest.mark.skipif(sys.platform == "win32", reason="gloo under torchrun")
def test_two_processes_have_the_losses_of_one(tmp_path: Path) -> None:
    arguments = ["--max-steps", "12", "--hold-out", "0.2", "--valid-steps", "6", "--optimizer", "adamw", "--lr", "1e-3"]
    two = finish(command(tmp_path, "two", *arguments, processes=2))
    assert two.returncode == 0, two.stderr
    one = finish(command(tmp_path, "one", *arguments))
    assert one.returncode == 0, one.stderr
    lines = [metrics(tmp_path / name) for name in ("one", "two")]
    assert [line["step"] for line in lines[0]] == [line["step"] for line in lines[1]]
    for single, shared in zip(*lines, strict=True):
        for name in ("loss", "lm_loss", "q_halt_loss", "mean_steps", "accuracy"):
            assert single.get(name) == (None if shared.get(name) is None else pytest.approx(shared[name], rel=1e-4))
        if "valid" in single:
            found = [line["valid"]["held out"] for line in (single, shared)]
            assert found[0]["puzzles"] == found[1]["puzzles"] == 8
            assert found[0]["cell_accuracy"] == pytest.approx(found[1]["cell_accuracy"], abs=0.002)
    assert two.stderr.count("writing to") == 1  # one process talks


def test_two_processes_resume_what_one_began_and_complain_once(tmp_path: Path) -> None:
    assert finish(command(tmp_path, "run", "--max-steps", "3", "--set", "schedule=constant")).returncode == 0
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m"]
    resumed = finish([*torchrun, "trm_solve", "train", "--resume", "--out", str(tmp_path / "run"), "--max-steps", "6"])
    assert resumed.returncode == 0, resumed.stderr
    assert [line["step"] for line in metrics(tmp_path / "run")] == list(range(1, 7))
    clash = finish(command(tmp_path, "run", processes=2))
    assert clash.returncode != 0
    assert clash.stderr.count("holds a run already") == 1
