"""Attention that knows relations of cells, QK-norm, a loss after every round, cells revealed in training."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from made import ANSWER, QUESTION, rows, write_csv
from numeric import alike, close
from safetensors.torch import load_file, save_file
from test_train import Heard, run, states_equal, tiny
from test_train_processes import TWO, command, finish, here, metrics

from trm_solve import pretrained
from trm_solve.api import read, solve_many
from trm_solve.checkpoint import WEIGHTS, save
from trm_solve.config import ModelConfig, RunOptions, SolveOptions
from trm_solve.convert import convert
from trm_solve.errors import InputError, ModelError
from trm_solve.kinds import get_kind
from trm_solve.kinds.sudoku.rules import AXES
from trm_solve.model import TRM
from trm_solve.training.folder import RunFolder
from trm_solve.training.mixing import open_data
from trm_solve.training.reveal import reveal
from trm_solve.training.setup import relate
from trm_solve.training.supervise import Batch, Carry, Supervision

FIELDS: dict[str, Any] = {
    "kind": "sudoku",
    "grid": [9, 9],
    "vocab_size": 11,
    "hidden_size": 16,
    "num_heads": 4,
    "intermediate_size": 24,
    "mlp_t": False,
    "pos_encodings": "relations",
    "relations": ["row", "column", "box"],
    "qk_norm": True,
    "H_cycles": 2,
    "L_cycles": 1,
    "puzzle_emb_ndim": 16,
    "puzzle_emb_len": 2,
}
RECIPES: dict[str, dict[str, Any]] = {
    "attention": {"mlp_t": "false", "pos_encodings": "relations", "qk_norm": "true", "num_heads": 4, "H_cycles": 2},
    "symbol axis": {
        "mlp_t": "false",
        "pos_encodings": "relations",
        "symbol_axis": "true",
        "hidden_size": 72,
        "puzzle_emb_len": 0,
        "H_cycles": 2,
        "pin_prob": 0.5,
        "own_pin_prob": 0.5,
    },
}


def model(**fields: Any) -> TRM:
    torch.manual_seed(0)
    made = TRM(ModelConfig.from_dict(FIELDS | fields))
    relate(made)
    for block in made.L_level.layers:  # away from where training starts, so that every weight matters
        weight = block.self_attn.relation_weight  # type: ignore[union-attr]
        torch.nn.init.normal_(weight)  # type: ignore[arg-type]
    return made


# ---- the arithmetic


def test_a_fresh_model_s_heads_look_along_a_row_a_column_a_box_and_everywhere() -> None:
    made = TRM(ModelConfig.from_dict(FIELDS | {"num_heads": 8}))
    start = made.L_level.layers[0].self_attn.relation_weight  # type: ignore[union-attr]
    assert start.shape == (8, 5)
    for head, weights in enumerate(start.tolist()):
        assert weights == [0.0, *(4.0 * (head % 4 == n) for n in range(3)), 0.0]


def test_the_bias_is_the_sum_of_the_weights_of_all_relations_that_hold() -> None:
    made = model()
    (places,) = made.positions()
    for block, known in zip(made.L_level.layers, places, strict=True):
        assert known.cos_sin is None
        assert known.bias is not None
        weight = block.self_attn.relation_weight  # type: ignore[union-attr]
        for query, key in (
            (2, 2),
            (2, 3),
            (2, 11),
            (2, 22),
            (2 + 40, 2 + 80),
            (2 + 30, 2 + 40),
            (5, 1),
            (0, 0),
            (1, 7),
        ):
            expected = weight[:, 0] * (query == key) + weight[:, -1] * (key < 2)
            if min(query, key) >= 2:
                for number, axis in enumerate(AXES.values(), 1):
                    expected = expected + weight[:, number] * bool(axis[query - 2] == axis[key - 2])
            torch.testing.assert_close(known.bias[:, query, key], expected)


@pytest.mark.numeric
@torch.no_grad()
@pytest.mark.parametrize("positions", ["relations", "rope2d"])
def test_a_crop_equals_the_full_canvas_with_every_other_position_masked_out(positions: str) -> None:
    made = model(pos_encodings=positions, rope_theta=100.0)
    cells = torch.tensor([r * 9 + c for r in (1, 2, 5) for c in (2, 3, 8)])
    tokens = torch.randint(1, 11, (3, 81))
    e = made.embed(tokens[:, cells], None, cells)
    cropped, _ = made.step(e, *made.initial_state(e), made.positions(cells), (1, 1))
    keep = torch.zeros(83, dtype=torch.bool)
    keep[:2] = keep[cells + 2] = True
    hidden = torch.zeros(83).masked_fill(~keep, -torch.inf)
    (places,) = made.positions()
    masked = [[known._replace(bias=known.bias + hidden) for known in places if known.bias is not None]]
    e = made.embed(tokens)
    full, _ = made.step(e, *made.initial_state(e), masked, (1, 1))
    close(cropped, full[:, keep], atol=1e-5)


@pytest.mark.numeric
def test_training_and_inference_use_the_same_attention() -> None:
    made = model()
    e = made.embed(torch.randint(1, 11, (2, 81)))
    trained, _ = made.step(e, *made.initial_state(e), made.positions(), (1, 1))
    with torch.no_grad():
        used, _ = made.step(e, *made.initial_state(e), made.positions(), (1, 1))
    close(used, trained, atol=1e-5)


@pytest.mark.numeric
def test_qk_norm_makes_the_size_of_queries_and_keys_meaningless() -> None:
    made = model()
    x = torch.randn(2, 83, 16)
    attention, known = made.L_level.layers[0].self_attn, made.positions()[0][0]
    with torch.no_grad():
        attention.qkv_proj.weight[:32] *= 100  # type: ignore[union-attr, index]  # far above the norm's epsilon
    before = attention(x, known)  # type: ignore[operator]
    with torch.no_grad():
        attention.qkv_proj.weight[:32] *= 7  # type: ignore[union-attr, index]
    close(attention(x, known), before, rtol=1e-4, atol=1e-5)  # type: ignore[operator]
    with torch.no_grad():
        attention.qk_scale *= 2  # type: ignore[operator, union-attr]
    assert (attention(x, known) - before).abs().max() > 1e-3  # type: ignore[operator]


def test_the_bias_is_made_in_the_activations_dtype_once_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    made = model().cast(torch.bfloat16).requires_grad_(False)
    assert {known.bias.dtype for known in made.positions()[0] if known.bias is not None} == {torch.bfloat16}
    calls: list[None] = []

    def counted(_self: TRM, _cells: object) -> torch.Tensor:
        calls.append(None)
        return torch.zeros(5, 83, 83)

    monkeypatch.setattr(TRM, "_all_relations", counted)
    list(solve_many(read(QUESTION) * 3, made, SolveOptions(max_steps=4, effort="fast", halt="never")))
    assert len(calls) == 1


def loss(made: TRM, rounds: int) -> torch.Tensor:
    grids = [torch.tensor([[0 if c == "." else int(c) for c in text]]) + 1 for text in (QUESTION, ANSWER)]
    batch = Batch(grids[0], grids[1], torch.zeros(1, dtype=torch.int64))
    recipe = tiny(loss_rounds=rounds)
    found: torch.Tensor = Supervision(made, recipe)(Carry.empty(made, batch).refill(made, batch), None).loss
    return found


@pytest.mark.numeric
def test_a_loss_after_every_round_is_their_mean_and_its_gradient_runs_through_all_of_them() -> None:
    made = model(H_cycles=3)
    apart = []
    for T in (1, 2, 3):  # the loss after so many rounds, asked for alone
        made.config = dataclasses.replace(made.config, H_cycles=T)
        apart.append(loss(made, T if T == 1 else 1))
    close(loss(made, 3), torch.stack(apart).mean(), rtol=1e-6)
    weight = made.embed_tokens.embedding_weight
    (through_all,) = torch.autograd.grad(loss(made, 3), weight)
    (through_last,) = torch.autograd.grad(loss(made, 1), weight)
    assert (through_all - through_last).abs().max() > 1e-4
    (again,) = torch.autograd.grad(loss(made, 1), weight)
    assert torch.equal(again, through_last)


# ---- folders and configurations


def test_a_checkpoint_holds_its_relations(tmp_path: Path) -> None:
    made = model()
    save(made, tmp_path / "m", dtype=torch.bfloat16)
    loaded = pretrained.load(tmp_path / "m")
    assert torch.equal(loaded.relations, made.relations)
    assert loaded.config == made.config
    tensors = load_file(tmp_path / "m" / WEIGHTS)
    assert tensors["relations"].dtype == torch.bool  # a byte for each pair of cells, whatever the weights are stored in
    save_file({**tensors, "relations": tensors["relations"].float()}, tmp_path / "m" / WEIGHTS)
    assert torch.equal(pretrained.load(tmp_path / "m").relations, made.relations)  # as files had them before
    save_file({**tensors, "relations": tensors["relations"].int()}, tmp_path / "m" / WEIGHTS)
    with pytest.raises(ModelError, match=r"tensor 'relations' holds torch\.int32"):
        pretrained.load(tmp_path / "m")
    del tensors["relations"]
    save_file(tensors, tmp_path / "m" / WEIGHTS)
    with pytest.raises(ModelError, match="tensor 'relations' is missing"):
        pretrained.load(tmp_path / "m")


def test_a_raw_state_dict_of_such_a_model_is_converted(tmp_path: Path) -> None:
    made = model()
    torch.save(made.state_dict(), tmp_path / "step_1")
    fields = {**FIELDS, "seq_len": 81}
    found = convert(tmp_path / "step_1", fields)
    assert found.config == made.config
    with pytest.raises(ModelError, match=r"'relations' .* is not stated"):
        convert(tmp_path / "step_1", {**fields, "relations": None})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"relations": []}, "relations needs names"),
        ({"mlp_t": True, "token_intermediate_size": 8, "pos_encodings": "none"}, "do not go with 'mlp_t'"),
        ({"relations": "row"}, "field 'relations' cannot be 'row'"),
    ],
)
def test_configurations_that_cannot_be(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ModelConfig.from_dict(FIELDS | fields)


def test_a_relation_that_the_kind_does_not_have_offers_the_nearest() -> None:
    made = TRM(ModelConfig.from_dict(FIELDS | {"relations": ["rows"]}))
    with pytest.raises(InputError, match="sudoku has no 'rows'") as caught:
        relate(made)
    assert caught.value.hint == "did you mean 'row'?"


# ---- training


@pytest.mark.parametrize("model", RECIPES)
def test_an_interrupted_run_resumes_bit_for_bit(tmp_path: Path, model: str) -> None:
    fields = {k: json.loads(str(v)) if v != "relations" else v for k, v in RECIPES[model].items()}
    fields |= {"reveal": "2:20", "loss_rounds": 2}
    whole = run(tmp_path, "whole", **fields)
    run(tmp_path, "cut", view=Heard(at=5, do=lambda: os.kill(os.getpid(), signal.SIGINT)), **fields)
    assert run(tmp_path, "cut", resume=True, **fields) == whole
    ended = [RunFolder(tmp_path / name).read_state() for name in ("whole", "cut")]
    assert ended[0] is not None
    assert ended[1] is not None
    assert states_equal(ended[0]["learner"], ended[1]["learner"])


@pytest.mark.numeric
@pytest.mark.parametrize("model", RECIPES)
def test_two_processes_have_the_losses_of_one(tmp_path: Path, model: str) -> None:
    fields = {**RECIPES[model], "loss_rounds": 2, "max_steps": 3, "optimizer": "adamw", "lr": 1e-3, "clip_norm": 0.0}
    two = finish(command(TWO, tmp_path, "two", **fields))
    assert two.returncode == 0, two.stderr
    typed = {name: json.loads(v) if v in ("true", "false") else v for name, v in fields.items()}
    one = here(tmp_path, "one", **typed)
    for mine, theirs in zip(one, metrics(tmp_path / "two"), strict=True):
        close(theirs["loss"], mine["loss"], rtol=3e-5, what="loss")
    states = [RunFolder(tmp_path / name).read_state() for name in ("one", "two")]
    for found, expected in zip(*(state["learner"]["ema"]["shadow"] for state in states if state), strict=True):
        alike(found, expected, rtol=1e-3, what="weights")


# ---- reveal


QUESTIONS = np.array([[1 if c == "." else int(c) + 1 for c in QUESTION]], np.uint8)
ANSWERS = np.array([[int(c) + 1 for c in ANSWER]], np.uint8)


@given(
    seed=st.integers(0, 2**32),
    ratings=st.lists(st.one_of(st.just(np.nan), st.floats(0, 200)), min_size=1, max_size=12),
    low=st.integers(0, 30),
    more=st.integers(0, 60),
)
def test_revealed_cells_are_those_of_the_answer_and_as_many_as_asked(
    seed: int, ratings: list[float], low: int, more: int
) -> None:
    count, blanks = len(ratings), int((QUESTIONS == 1).sum())
    asked = np.repeat(QUESTIONS, count, 0), np.repeat(ANSWERS, count, 0)
    found = reveal(np.random.default_rng(seed), *asked, np.array(ratings), 1, low, low + more)
    assert (found[asked[0] > 1] == asked[0][asked[0] > 1]).all()
    assert ((found == 1) | (found == asked[1])).all()  # so it has the one solution that it had
    filled = (found != asked[0]).sum(1)
    for rating, number in zip(ratings, filled, strict=True):
        share = 1.0 if np.isnan(rating) else min(rating / 20, 1.0)
        assert min(share * low - 0.5, blanks) <= number <= share * (low + more) + 0.5
    assert (asked[0] == QUESTIONS).all()


def test_cells_without_a_label_stay_blank() -> None:
    answers = ANSWERS.copy()
    answers[:, ::2] = 0
    found = reveal(np.random.default_rng(0), QUESTIONS, answers, np.array([np.nan]), 1, 81, 81)
    assert (found[:, ::2] == QUESTIONS[:, ::2]).all()
    assert (found[:, 1::2] == ANSWERS[:, 1::2]).all()


def test_a_run_reveals_less_as_it_goes_on_and_nothing_of_what_is_held_out(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "some.csv", rows(40))
    asked = RunOptions.from_dict({"data": [source], "hold_out": 0.25, "reveal": "10:30"})
    (mixture,), sets = open_data(asked, augment=True, report=lambda _: None)
    (plain,), untouched = open_data(dataclasses.replace(asked, reveal=""), augment=True, report=lambda _: None)
    given = [int((mixture.draw(0, 5, 200, part)[0] > 1).sum()) for part in (0.0, 0.5, 1.0)]
    assert given[0] > given[1] > given[2] == int((plain.draw(0, 5, 200)[0] > 1).sum())
    assert (mixture.draw(0, 5, 200, 0.5)[1] == plain.draw(0, 5, 200)[1]).all()
    for name, parts in sets.items():
        assert all((a.questions == b.questions).all() for a, b in zip(parts, untouched[name], strict=True))


@pytest.mark.parametrize("text", ["5", "8:2", "-1:4", "1.5:3", "0:inf", "0:many"])
def test_a_reveal_that_cannot_be(tmp_path: Path, text: str) -> None:
    asked = RunOptions.from_dict({"data": [write_csv(tmp_path / "some.csv", rows(4))], "reveal": text})
    with pytest.raises(InputError, match="reveal"):
        open_data(asked, augment=True, report=lambda _: None)


def test_kinds_without_blanks_have_nothing_to_reveal() -> None:
    assert (get_kind("sudoku").blank, get_kind("maze").blank, get_kind("arc").blank) == (1, None, None)
