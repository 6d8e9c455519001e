"""How a program ends: signals, locks, killed processes, closed descriptors, readers that go away."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import scenes
import torch
from conftest import Outcome
from made import rows, write_csv
from terminals import Screen, read, spawn

from trm_solve import trace
from trm_solve.errors import InputError
from trm_solve.files import AtomicFile, sweep
from trm_solve.jobs import side_by_side
from trm_solve.locks import LOCK, held
from trm_solve.team import Team

Trm = Callable[..., Outcome]
ROOT = Path(__file__).parent.parent
PATIENCE = 300.0  # seconds, on a machine however busy
QUICK = ("--max-steps", "1", "--device", "cpu", "--dtype", "float32")
TINY = ("hidden_size=16", "batch_size=4", "warmup_steps=2", "halt_max_steps=2", "H_cycles=1", "L_cycles=1")

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts the program in a process of its own."""
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: str | Path, **options: Any) -> subprocess.Popen[str]:
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE) | options
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "trm_solve", *map(str, arguments)]
        started.append(subprocess.Popen(command, text=True, env=environment, **pipes))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()


def wait_for(happened: Callable[[], object], process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + PATIENCE
    while not happened():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)


SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_solve_leaves_nothing_unfinished(start: Start, tmp_path: Path, number: signal.Signals, code: int) -> None:
    files = [part for name in ("-o", "--trace", "--save") for part in (name, tmp_path / f"out{name}.svg")]
    process = start("solve", "-", *files, *QUICK[:2])
    assert process.stdin is not None
    process.stdin.write(f"{scenes.QUESTION}\n" * 500)  # enough to know what they are
    process.stdin.flush()
    wait_for(lambda: len(names(tmp_path)) == 3, process)  # three files on their way; it waits for its input
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err) == (code, "", "")
    assert names(tmp_path) == []


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_eval_keeps_its_report_and_nothing_unfinished(
    start: Start, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    data = write_csv(tmp_path / "p.csv", rows(2000))
    report = tmp_path / "report"
    command = ("eval", data, "--report", report, "--failures", tmp_path / "f.csv", "--halt", "never")
    command += ("--max-steps", "1", "--slots", "4", "-q")
    process = start(*command)
    kept = report / "puzzles.csv"
    wait_for(lambda: kept.exists() and kept.read_bytes().count(b"\n") > 2, process)
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err) == (code, "", "")
    assert names(tmp_path) == ["p.csv", "puzzles.csv", "report", "settings.json"]


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_train_saves_and_says_how_to_go_on(start: Start, tmp_path: Path, number: signal.Signals, code: int) -> None:
    data = write_csv(tmp_path / "p.csv", rows(40))
    out = tmp_path / "run"
    recipe = [part for each in TINY for part in ("--set", each)]
    command = ("train", data, "--out", out, "--max-steps", "1000000", "--log-every", "1", "--compile", "off", *recipe)
    process = start(*command)
    wait_for(lambda: (out / "metrics.jsonl").exists(), process)
    process.send_signal(number)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == code, err
    assert f"trm-solve train --resume --out {out} goes on" in err
    assert {"state.pt", "last", "run.json", "metrics.jsonl"} <= set(names(out))
    assert not [name for name in names(out) if name.startswith(".")]


def test_a_signal_that_is_ignored_stays_ignored(start: Start, tmp_path: Path) -> None:
    def nohup() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    process = start("solve", "-", "-o", tmp_path / "out", *QUICK[:2], "--effort", "fast", preexec_fn=nohup)
    assert process.stdin is not None
    process.stdin.write(f"{scenes.QUESTION}\n" * 80)  # enough to know what they are
    process.stdin.flush()
    wait_for(lambda: names(tmp_path), process)
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=PATIENCE)
    assert process.returncode in (0, 4)
    assert names(tmp_path) == ["out"]


LIVE = """
import sys; from pathlib import Path; from trm_solve.cli import main
sys.argv = ["trm-solve", "replay", {path!r}, "--pace", "30"]
main()
"""


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_the_cursor_comes_back(tmp_path: Path, number: signal.Signals, code: int) -> None:
    path = tmp_path / "t"
    path.write_text("\n".join(trace.dump(scenes.puzzle(), scenes.attempt(4, solved=True), "sudoku")) + "\n")
    process, ours = spawn(LIVE.format(path=str(path)), 80, 24)
    try:
        text = read(ours, "\x1b[?25l")
        time.sleep(0.2)
        process.send_signal(number)
        text += read(ours)
        assert process.wait(PATIENCE) == code
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    terminal = Screen(80, 24)
    terminal.feed(text)
    assert terminal.cursor_shown


def test_a_terminal_that_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "t"
    path.write_text("\n".join(trace.dump(scenes.puzzle(), scenes.attempt(4, solved=True), "sudoku")) + "\n")
    process, ours = spawn(LIVE.format(path=str(path)), 80, 24)
    try:
        read(ours, "\x1b[?25l")
        os.close(ours)  # the kernel sends SIGHUP
        assert process.wait(PATIENCE) == 129
    finally:
        process.kill()
        process.wait()


# ---- locks


def test_a_folder_belongs_to_one_process(tmp_path: Path) -> None:
    holder = (
        f"import sys; from pathlib import Path; from trm_solve.locks import held\nwith held(Path({str(tmp_path)!r})):\n"
    )
    command = [sys.executable, "-c", holder + "    print('held', flush=True); sys.stdin.read()"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)}
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(InputError, match=f"in use by process {process.pid} on "), held(tmp_path):
            pass
        process.kill()
        process.wait()
        with held(tmp_path):  # the kernel has let go
            assert names(tmp_path) == [LOCK]
    assert names(tmp_path) == []


def test_a_run_and_a_report_that_are_in_use(tmp_path: Path, trm: Trm) -> None:
    data = write_csv(tmp_path / "p.csv", rows(1))
    run = tmp_path / "run"
    for command in (("train", data, "--out", run, "--max-steps", "1"), ("eval", data, "--report", run, *QUICK)):
        with held(run):
            told = trm(*command)
        assert told.code == 2
        assert f"error: {run}: in use by process {os.getpid()} on " in told.err


@pytest.mark.skipif(sys.platform == "win32", reason="gloo")
@pytest.mark.parametrize("command", ["train", "eval"])
def test_several_processes_leave_a_folder_in_use_alone(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """One line, by the process that leads; the other does not write to the rows of those who hold the folder."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    data, folder = write_csv(tmp_path / "p.csv", rows(4)), tmp_path / "held"
    folder.mkdir()
    (theirs := folder / "puzzles.1-of-2.csv").write_text("of theirs")
    how = ["--out", folder, "--max-steps", "1"] if command == "train" else ["--report", folder, *QUICK]
    with held(folder):
        assert side_by_side(2, [command, data, *map(str, how)]) == 2
        told, hint = capfd.readouterr().err.splitlines()
    assert told.startswith(f"error: {folder}: in use by process {os.getpid()} on ")
    assert hint.startswith("hint: ")
    assert (names(folder), theirs.read_text()) == ([theirs.name], "of theirs")


@pytest.mark.parametrize(
    ("told", "error"),
    [
        ({"WORLD_SIZE": "x"}, "WORLD_SIZE: 'x' is no number of a process"),
        ({"WORLD_SIZE": "0"}, "WORLD_SIZE: '0' is no number of a process"),
        ({"RANK": "-1"}, "RANK: '-1' is no number of a process"),
        ({"WORLD_SIZE": "2"}, "WORLD_SIZE is 2: environment variable RANK expected, but not set"),
    ],
)
def test_variables_that_are_not_torchrun_s(
    trm: Trm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: dict[str, str], error: str
) -> None:
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    result = trm("eval", write_csv(tmp_path / "p.csv", rows(1)), *QUICK)
    assert (result.code, result.err.splitlines()[0]) == (2, f"error: {error}")


def test_a_process_of_several_that_is_gone_is_no_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    lost = RuntimeError("[gloo/transport/tcp/pair.cc:547] Connection closed by peer [127.0.0.1]:1")
    with pytest.raises(InputError, match="another process of this run has ended"):
        Team(torch.device("cpu")).__exit__(RuntimeError, lost, None)
    Team(torch.device("cpu")).__exit__(RuntimeError, RuntimeError("another"), None)  # goes on as it is


def test_what_killed_processes_left_is_swept(tmp_path: Path) -> None:
    left = AtomicFile(tmp_path / "a b")
    left.file.close()
    for name in (".hidden", ".a.1234567", "a.12345678", ".x.0123abcd.txt"):
        (tmp_path / name).touch()
    (tmp_path / ".dir.0123abcd").mkdir()
    (tmp_path / ".link.0123abcd").symlink_to(tmp_path / ".hidden")
    assert len(names(tmp_path)) == 7
    sweep(tmp_path)
    assert names(tmp_path) == sorted([".hidden", ".a.1234567", "a.12345678", ".x.0123abcd.txt", ".dir.0123abcd",
                                      ".link.0123abcd"])  # fmt: skip


# ---- rows of a report


def report_of(trm: Trm, data: str, report: Path) -> dict[str, Any]:
    told = trm("eval", data, "--report", report, "--json", *QUICK)
    assert told.code == 0, told.err
    found: dict[str, Any] = json.loads(told.out)
    return found | {"seconds": 0, "puzzles_per_second": 0}


def test_rows_done_twice_count_once_and_broken_ones_are_done_again(tmp_path: Path, trm: Trm) -> None:
    data, report = write_csv(tmp_path / "p.csv", rows(4)), tmp_path / "report"
    whole = report_of(trm, data, report)
    path = report / "puzzles.csv"
    lines = path.read_text().splitlines(keepends=True)
    odd = [
        lines[1].replace(",solved,", ",\x1b[31m,"),
        lines[2].replace("1,1,", "1,-1,", 1),
        "1,99999999999999999999,a\n",
    ]
    odd += [
        lines[4].replace(lines[4].split(",")[-3], "nan"),
        "7" + lines[1][1:],
        lines[2].rsplit(",", 3)[0] + "\n",
        "\n",
    ]
    for text in (
        "".join([*lines, *lines[1:3]]), "".join(lines[:3]) + lines[3][:20], "".join([*lines[:3], lines[3][:20], "\n"]),
        lines[0][:10], "", *("".join([*lines[:2], each, *lines[2:]]) for each in odd),
    ):  # fmt: skip
        path.write_text(text)
        assert report_of(trm, data, report) == whole
        assert path.read_text().count("\n") >= len(lines)


@pytest.mark.parametrize("name", [b"\xff.csv", b"\x1b[31m.csv", b"{1}.csv", b"[bold].csv", b"=1+1.csv", b"a\nb.csv",
                                  b'q".csv', b"'=x.csv", b":smile:.csv"])  # fmt: skip
def test_names_of_files(tmp_path: Path, trm: Trm, monkeypatch: pytest.MonkeyPatch, name: bytes) -> None:
    monkeypatch.chdir(tmp_path)
    path = os.fsdecode(name)
    write_csv(Path(path), [*rows(2), "mine,12,34,5"])
    write_csv(Path("other.csv"), rows(1))  # solve takes an argument of several lines for a puzzle
    whole = None
    for _ in range(2):  # the second goes on with the report of the first
        told = trm("eval", path, "--report", "report", "--failures", "f.csv", "--json", *QUICK)
        assert told.code == 2, told.err
        assert "\x1b" not in told.err
        assert "this is a bug" not in told.err
        found = json.loads(told.out) | {"seconds": 0, "puzzles_per_second": 0}
        assert list(found["by_file"]) == [path]
        assert found == (whole or found)
        whole = found
    assert json.loads((tmp_path / "report" / "report.json").read_text())["puzzles"] == 2
    assert "\x1b" not in (tmp_path / "report" / "report.html").read_text()
    assert b"\n=" not in (tmp_path / "report" / "puzzles.csv").read_bytes().replace(b",", b"\n")
    for suffix in ("svg", "html"):
        told = trm("solve", f"./{path}" if "\n" not in path else "other.csv", "--save", f"out.{suffix}", *QUICK)
        assert "\x1b" not in told.err
        assert "\x1b" not in (tmp_path / f"out.{suffix}").read_text()


# ---- descriptors

COMMANDS = [
    ["models", "list"],
    ["replay", "{trace}"],
    ["generate", "sudoku", "--count", "2", "-q"],
    ["train", "--show-preset"],
    ["--version"],
    ["solve", "{puzzle}", *QUICK[:2]],
]


def shell(text: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = " ".join(f"'{each}'" for each in (sys.executable, "-m", "trm_solve", *arguments))
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        ["bash", "-c", text.format(command)], capture_output=True, text=True, env=environment, timeout=300, check=False
    )


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    path = tmp_path / "t"
    path.write_text("\n".join(trace.dump(scenes.puzzle(), scenes.attempt(4, solved=True), "sudoku")) + "\n")
    return {"trace": str(path), "puzzle": scenes.QUESTION}


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_descriptors_that_are_closed_or_full(files: dict[str, str], arguments: list[str]) -> None:
    given = [each.format(**files) for each in arguments]
    for text in (
        "{} <&- 2>&-",
        "{} 2>/dev/full",
        "{} | head -c 1 >/dev/null; exit ${{PIPESTATUS[0]}}",
    ):
        told = shell(text, *given)
        assert (told.returncode, "Traceback" in told.stderr, "bug" in told.stderr) == (0, False, False), (text, told)
    for text, reason in (("{} >&-", "bad file descriptor"), ("{} >/dev/full", "no space left on device")):
        told = shell(text, *given)
        assert told.returncode == 2, (text, told)
        assert told.stderr.splitlines()[-1] == f"error: <stdout>: cannot be written ({reason})"


def test_standard_input_that_is_closed() -> None:
    told = shell("{} <&-", "solve", "-")
    assert told.returncode == 2
    assert "Traceback" not in told.stderr
    assert told.stderr.startswith("error: <stdin>")
