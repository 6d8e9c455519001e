"""Processes killed at random moments, by kill -9, and what they leave: `make crash KILLS=200`.

`train` goes on from its folder after every kill, `eval --report` from its rows, `models pull` from half a download.
After each kill what lies on the disk is read as the next process would read it; at the end, what came of it all is
compared with what an undisturbed process makes. A moment is drawn in processor time, so that a busy machine changes
nothing.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hub_server
import torch
import torch._dynamo
from hub_server import Hub
from huggingface_hub import constants
from made import rows, write_csv

from trm_solve import checkpoint
from trm_solve.cli import main as run_command
from trm_solve.hub import pull, store
from trm_solve.tasks import answer  # noqa: F401
from trm_solve.training import trainer  # noqa: F401
from trm_solve.training.folder import RunFolder

TINY = ("hidden_size=16", "batch_size=4", "warmup_steps=2", "halt_max_steps=3", "H_cycles=1", "L_cycles=1")
SAID = tempfile.TemporaryFile()  # noqa: SIM115 (as long as the process)
TICKS = os.sysconf("SC_CLK_TCK")


def child(*arguments: str | int | Path) -> int:
    """The command in a process of its own, which has everything imported; its number."""
    SAID.seek(0)
    SAID.truncate()
    if number := os.fork():
        return number
    try:
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream, goes in ((0, nothing), (1, nothing), (2, SAID.fileno())):
            os.dup2(goes, stream)
        os.environ["TRM_DEBUG"] = "1"
        sys.argv = ["trm-solve", *map(str, arguments)]
        run_command()
    except SystemExit as error:
        os._exit(int(error.code or 0))
    except BaseException:
        traceback.print_exc()
        os._exit(70)
    os._exit(0)


def last_words() -> str:
    """What the last child said on stderr."""
    SAID.seek(0)
    return SAID.read().decode(errors="replace")[-4000:]


def spent(number: int) -> float:
    """Processor seconds of a process."""
    fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def ended(number: int) -> int | None:
    """How a child ended; None while it runs."""
    found, status = os.waitpid(number, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def whole(*arguments: str | int | Path) -> float:
    """Run to the end, which must be a good one; its processor seconds."""
    number, used = child(*arguments), 0.0
    while (code := ended(number)) is None:
        used = spent(number)
        time.sleep(0.005)
    assert code == 0, (code, arguments, last_words())
    return used


def killed(after: float, *arguments: str | int | Path) -> int | None:
    """Run and kill after so many processor seconds; how it ended where it was done before."""
    number = child(*arguments)
    while (code := ended(number)) is None:
        if spent(number) >= after:
            os.kill(number, signal.SIGKILL)
            os.waitpid(number, 0)
            return None
        time.sleep(0.001)
    return code


def campaign(kills: int, draw: random.Random, longest: float, start: Callable[[], list[Any]], look: Callable[[], None],
             done: Callable[[], None]) -> None:  # fmt: skip
    """Kill so many processes; `look` at what each leaves, and at what is `done` where one comes to its end."""
    count = 0
    while count < kills:
        code = killed(draw.uniform(0, longest), *start())
        look()
        if code is None:
            count += 1
        else:
            assert code == 0, (code, last_words())
            done()


def train(place: Path, kills: int, draw: random.Random) -> str:
    """Every step once, with the losses of a run that nobody killed, and never fewer than before."""
    data, run = write_csv(place / "data.csv", rows(40)), place / "run"
    fixed = ["--compile", "off", "--dtype", "float32", "--device", "cpu", "--log-every", "1", "--save-minutes", "0",
             *(part for each in (*TINY, "schedule=constant") for part in ("--set", each))]  # fmt: skip
    folder = RunFolder(run)
    before = 0

    def steps() -> list[int]:
        return [line["step"] for line in folder.read_metrics() if "loss" in line]

    def start() -> list[Any]:
        if (run / "run.json").exists():
            return ["train", "--resume", "--out", run, "--max-steps", before + 10_000]
        shutil.rmtree(run, ignore_errors=True)
        return ["train", data, "--out", run, *fixed, "--max-steps", 10_000]

    def look() -> None:
        nonlocal before
        state = folder.read_state()
        step = 0 if state is None else state["learner"]["step"]
        told = steps()
        assert step >= before, "a state that had been saved is lost"
        assert set(range(1, step + 1)) <= set(told), "metrics of saved steps are lost"
        assert told == sorted(set(told)), "a step counts twice"
        if (folder.last / checkpoint.CONFIG).exists():
            config = checkpoint.read_config(folder.last)
            headers = checkpoint.read_headers(checkpoint.weights_of(folder.last))
            checkpoint.check_shapes(config, checkpoint.header_shapes(headers), "last")
        before = step

    once = whole("train", data, "--out", place / "once", *fixed, "--max-steps", 5)
    campaign(kills, draw, 2 * once, start, look, lambda: None)
    whole(*start()[:-1], before + 3)
    whole("train", data, "--out", place / "straight", *fixed, "--save-minutes", 60, "--max-steps", before + 3)
    losses = [
        [line["loss"] for line in RunFolder(at).read_metrics() if "loss" in line] for at in (run, place / "straight")
    ]
    assert steps() == list(range(1, before + 4))
    assert losses[0] == losses[1], "killed and resumed, the losses differ"
    return f"{before + 3} steps"


def evaluate(place: Path, kills: int, draw: random.Random) -> str:
    """The rows and figures of an evaluation that nobody killed."""
    data, report = write_csv(place / "eval.csv", rows(40)), place / "report"
    how = ["--max-steps", "2", "--device", "cpu", "--dtype", "float32", "--effort", "fast", "--slots", "4"]
    finished = before = 0

    def look() -> None:
        nonlocal before
        table = report / "puzzles.csv"
        lines = table.read_bytes().split(b"\n")[1:-1] if table.exists() else []  # of one broken off nothing is kept
        found = [line.split(b",")[1] for line in lines]
        assert found == [b"%d" % number for number in range(len(found))], "a row is missing, or stands there twice"
        assert len(found) >= before, "rows that were on the disk are lost"
        before = len(found)

    def told(folder: Path) -> tuple[Any, Any]:
        with (folder / "puzzles.csv").open(newline="") as file:
            table = [row[:-1] for row in csv.reader(file)]
        took = table[0].index("took")
        figures = json.loads((folder / "report.json").read_text())
        return [[cell for at, cell in enumerate(row) if at != took] for row in table], _counts(figures)

    once = whole("eval", data, *how, "--report", place / "straight-report")
    right = told(place / "straight-report")

    def done() -> None:
        nonlocal finished, before
        assert told(report) == right, "killed and gone on with, the rows differ"
        finished, before = finished + 1, 0
        shutil.rmtree(report)

    campaign(kills, draw, once, lambda: ["eval", data, *how, "--report", report], look, done)
    whole("eval", data, *how, "--report", report)
    done()
    return f"{finished} reports of 40 puzzles"


def _counts(value: Any) -> Any:
    """A report without what took how long."""
    if isinstance(value, dict):
        return {name: _counts(each) for name, each in value.items() if "second" not in name and name != "report"}
    return [_counts(each) for each in value] if isinstance(value, list) else value


def pulls(place: Path, kills: int, draw: random.Random) -> str:
    """A model that is here is whole, and the pull that is not killed brings it."""
    golden = Path(__file__).parent / "golden" / "trm-mlp"
    arch = json.dumps({"arch": json.loads((golden / "all_config.json").read_text())}).encode()
    files = {"step_6": (golden / "step_6").read_bytes(), "all_config.json": arch}
    name, finished = "someone/model", 0
    hub_server.LARGE = 1 << 40  # nothing lies on another host
    with Hub() as hub:
        os.environ |= {"HF_HOME": str(place / "hf"), "HF_ENDPOINT": hub.url, "HF_HUB_OFFLINE": "0"}
        constants.ENDPOINT, constants.HF_HUB_OFFLINE = hub.url, False
        constants.HUGGINGFACE_CO_URL_TEMPLATE = hub.url + "/{repo_id}/resolve/{revision}/{filename}"
        hub.add(name, files)
        address = store.Address.parse(name)
        assert address is not None
        once = whole("models", "pull", name)

        def look() -> None:
            if (folder := store.find(address)) is not None:
                store.verify(folder)
                checkpoint.read_headers(checkpoint.weights_of(folder))

        def done() -> None:
            nonlocal finished
            folder = store.find(address)
            assert folder is not None, "a pull that ended well left no model"
            store.verify(folder)
            checkpoint.read_headers(checkpoint.weights_of(folder))
            assert not list(store.repository_dir(name).glob(f"*/{pull.UNFINISHED}*")), "left-overs"
            finished += 1
            shutil.rmtree(place / "hf")

        done()
        campaign(kills, draw, once, lambda: ["models", "pull", name], look, done)
        whole("models", "pull", name)
        done()
    return f"{finished} models"


CAMPAIGNS = {"train": train, "eval --report": evaluate, "models pull": pulls}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="of each command; of eval and pull half as many")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--only", nargs="*", default=[""], help="commands whose name holds one of these")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{'command':<16}{'kills':>7}  came of it; seed {asked.seed}")
    for name, work in CAMPAIGNS.items():
        if not any(part in name for part in asked.only):
            continue
        kills = asked.kills if name == "train" else (asked.kills + 1) // 2
        with tempfile.TemporaryDirectory(prefix="crash-") as place:
            came = work(Path(place), kills, random.Random(asked.seed))
        print(f"{name:<16}{kills:>7}  {came}, nothing lost, nothing counted twice", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
