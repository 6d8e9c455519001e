"""How the command line looks: no names of Python types; words that can be chosen are listed, completed, checked."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from conftest import Outcome
from test_examples import complete
from test_readme import BLOCKS

CHOICES = {
    "solve": {"--device": "cuda", "--dtype": "bfloat16", "--compile": "on", "--halt": "never", "--effort": "max"},
    "eval": {"--halt": "rules", "--effort": "normal", "--kind": "maze"},
    "train": {"--preset": "cpu-small", "--optimizer": "muon", "--device": "mps", "--compile": "off", "--kind": "arc"},
}


@pytest.mark.parametrize("command", BLOCKS)
def test_help_speaks_of_no_types(command: str) -> None:
    for word in ("<bool>", "<str>", "<path>", "<int", "<list", "{", "TEXT "):
        assert word not in BLOCKS[command].replace("TEXT  Of the commit", "")


@pytest.mark.parametrize(
    ("command", "option", "word"), [(c, o, w) for c, o_w in CHOICES.items() for o, w in o_w.items()]
)
def test_words_are_completed_and_others_refused(
    command: str, option: str, word: str, monkeypatch: pytest.MonkeyPatch, trm: Callable[..., Outcome]
) -> None:
    told = trm(command, "example:sudoku/easy", option, word + "x")
    assert told.code == 2
    message, hint = told.err.splitlines()
    assert message.startswith(f"error: {option}: unknown ")
    assert f"'{word}x'" in message
    assert word in hint
    assert word in complete(monkeypatch, trm, "trm-solve", command, option, word[:2])


def test_solve_and_eval_say_which_effort_they_make() -> None:
    plain = {name: " ".join(BLOCKS[f"trm-solve {name}"].replace("│", " ").split()) for name in ("solve", "eval")}
    assert "many more. [default: normal]" in plain["solve"]
    assert "many more. [default: fast]" in plain["eval"]


@pytest.mark.parametrize(("option", "value"), [("--batch-size", "0"), ("--lr", "-1"), ("--max-steps", "0")])
def test_a_recipe_s_field_is_named_as_typed(option: str, value: str, trm: Callable[..., Outcome]) -> None:
    told = trm("train", "example:sudoku/fifty", "--out", "nowhere", option, value)
    assert told.code == 2
    assert told.err.startswith(f"error: {option} must ")


def test_a_device_may_have_a_number(trm: Callable[..., Outcome]) -> None:
    assert "unknown device" not in trm("solve", "nowhere.txt", "--device", "cuda:1").err
    assert trm("solve", "nowhere.txt", "--device", "cuda:one").err.startswith("error: --device: unknown device")
