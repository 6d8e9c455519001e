"""Checkpoint folders, strict both ways, and the conversion of public raw state dicts."""

from __future__ import annotations

import dataclasses
import json
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file
from torch import Tensor

from trm_solve import checkpoint
from trm_solve.checkpoint import CARD, CONFIG, GENERATED, WEIGHTS, save
from trm_solve.config import ModelConfig
from trm_solve.convert import convert, read_state_dict
from trm_solve.errors import ExitCode, InputError, ModelError
from trm_solve.hub import names as hub
from trm_solve.model import TRM
from trm_solve.pretrained import load

GOLDEN = Path(__file__).parent / "golden"
ATTENTION = GOLDEN / "trm-attention"


def small() -> TRM:
    torch.manual_seed(0)
    return TRM(
        ModelConfig(
            kind="sudoku",
            grid=(9, 9),
            vocab_size=11,
            hidden_size=8,
            intermediate_size=12,
            mlp_t=True,
            token_intermediate_size=10,
            pos_encodings="none",
            H_cycles=1,
            L_cycles=1,
        )
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save(small(), tmp_path / "small")
    return tmp_path / "small"


def test_what_is_saved_is_loaded(folder: Path) -> None:
    loaded, original = load(folder), small()
    assert loaded.config == original.config
    for name, tensor in original.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor), name


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_stored_and_loaded_as_fp32(tmp_path: Path, dtype: torch.dtype) -> None:
    save(small(), tmp_path / "half", dtype=dtype)
    assert {t.dtype for t in load_file(tmp_path / "half" / WEIGHTS).values()} == {dtype}
    loaded = load(tmp_path / "half")
    assert {t.dtype for t in loaded.state_dict().values()} == {torch.float32}
    assert torch.equal(loaded.lm_head.weight, small().lm_head.weight.to(dtype).float())


def test_from_pretrained_and_save_pretrained(folder: Path, tmp_path: Path) -> None:
    model = TRM.from_pretrained(folder)
    model.save_pretrained(tmp_path / "again")
    assert TRM.from_pretrained(str(tmp_path / "again")).config == model.config
    assert TRM.from_pretrained("sudoku").config.kind == "sudoku"


def test_the_card_has_front_matter_and_a_hand_written_one_is_kept(folder: Path) -> None:
    card = (folder / CARD).read_text()
    assert yaml.safe_load(card.split("---")[1])["library_name"] == "trm-solve"
    assert GENERATED in card
    (folder / CARD).write_text("mine")
    save(small(), folder)
    assert (folder / CARD).read_text() == "mine"


def change_config(**fields: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        config = json.loads((folder / CONFIG).read_text()) | fields
        (folder / CONFIG).write_text(json.dumps({k: v for k, v in config.items() if v is not ...}))

    return change


def change_tensors(change: Callable[[dict[str, Tensor]], Any]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        tensors = load_file(folder / WEIGHTS)
        change(tensors)
        save_file(tensors, folder / WEIGHTS)

    return apply


def write_weights(data: bytes) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / WEIGHTS).write_bytes(data)

    return write


def truncate(folder: Path) -> None:
    path = folder / WEIGHTS
    path.write_bytes(path.read_bytes()[:-100])


def poison(tensors: dict[str, Tensor]) -> None:
    tensors["lm_head.weight"][3, 2] = float("nan")


DAMAGE = {
    "unknown field": (change_config(hiden_size=8), "unknown field 'hiden_size'"),
    "missing field": (change_config(H_cycles=...), "field 'H_cycles' is missing"),
    "ill-typed field": (change_config(H_cycles="3"), "field 'H_cycles' cannot be '3'"),
    "impossible value": (change_config(L_cycles=0), "field 'L_cycles' must be at least 1, not 0"),
    "unknown positions": (change_config(pos_encodings="rotary"), "field 'pos_encodings' cannot be 'rotary'"),
    "contradiction": (change_config(mlp_t=False), "field 'token_intermediate_size' must be positive with 'mlp_t'"),
    "no json": (lambda f: (f / CONFIG).write_text("{"), f"{CONFIG}: not JSON"),
    "no object": (lambda f: (f / CONFIG).write_text("[]"), f"{CONFIG}: not a JSON object"),
    "no config": (lambda f: (f / CONFIG).unlink(), f"no {CONFIG}, so not a checkpoint folder"),
    "no weights": (lambda f: (f / WEIGHTS).unlink(), f"{WEIGHTS}: missing"),
    "missing tensor": (change_tensors(lambda t: t.pop("q_head.bias")), "tensor 'q_head.bias' is missing"),
    "extra tensor": (change_tensors(lambda t: t.update(foo=torch.zeros(1))), "tensor 'foo' is not part"),
    "misshapen tensor": (
        change_tensors(lambda t: t.update({"H_init": torch.zeros(9)})),
        "tensor 'H_init' has shape [9], the configuration says [8]",
    ),
    "whole numbers": (
        change_tensors(lambda t: t.update({"H_init": torch.zeros(8, dtype=torch.int64)})),
        "tensor 'H_init' holds torch.int64",
    ),
    "not a number": (change_tensors(poison), "tensor 'lm_head.weight' holds NaN or infinity"),
    "truncated": (truncate, f"{WEIGHTS}: damaged or not safetensors"),
    "truncated header": (write_weights(struct.pack("<Q", 500) + b'{"a":'), f"{WEIGHTS}: damaged or not safetensors"),
    "oversized header": (write_weights(struct.pack("<Q", 2**40) + b"{}"), f"{WEIGHTS}: damaged or not safetensors"),
    "empty": (write_weights(b""), f"{WEIGHTS}: damaged or not safetensors"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_damage_is_named_in_one_line(folder: Path, case: str) -> None:
    damage, message = DAMAGE[case]
    damage(folder)
    with pytest.raises(ModelError) as caught:
        load(folder)
    assert message in caught.value.message
    assert str(folder) in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.exit_code == ExitCode.MODEL


def test_names_suggest_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        load("sudoki")
    assert (caught.value.message, caught.value.hint) == ("no model 'sudoki'", "did you mean 'sudoku'?")
    (tmp_path / "step_6").touch()
    with pytest.raises(ModelError, match="a file, a model is a folder"):
        load(tmp_path / "step_6")


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be made"):
        save(small(), tmp_path / "file" / "model")


def test_every_packaged_model_loads() -> None:
    assert "sudoku" in hub.packaged()
    for name in hub.packaged():
        assert load(name).config.kind in name


# Conversion


PREFIXES = ["_orig_mod.model.inner.", "model.inner.", "inner.", "_orig_mod.", ""]
NESTS = ["model", "model_state_dict", "state_dict", "ema"]


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("nest", [*NESTS, None])
def test_every_prefix_and_nesting_in_the_wild(tmp_path: Path, prefix: str, nest: str | None) -> None:
    plain = read_state_dict(ATTENTION / "step_6")
    named = {prefix + name: tensor for name, tensor in plain.items()}
    torch.save({nest: named, "step": 6} if nest else named, tmp_path / "step_6")
    found = read_state_dict(tmp_path / "step_6")
    assert found.keys() == plain.keys()


def test_yaml_and_flat_json_say_the_same(tmp_path: Path) -> None:
    fields = json.loads((ATTENTION / "all_config.json").read_text())
    arch = {k: v for k, v in fields.items() if k != "arch"}
    (tmp_path / "all_config.yaml").write_text(yaml.safe_dump({"arch": arch, "lr": 1e-4, "seed": 0}))
    flat = convert(ATTENTION / "step_6", ATTENTION / "all_config.json").config
    assert convert(ATTENTION / "step_6", tmp_path / "all_config.yaml").config == flat
    assert (flat.H_cycles, flat.L_cycles, flat.num_heads, flat.prefix_len) == (2, 3, 4, 4)


@pytest.mark.parametrize("name", ["H_cycles", "L_cycles", "num_heads", "pos_encodings", "puzzle_emb_len"])
def test_what_no_tensor_tells_is_not_guessed(tmp_path: Path, name: str) -> None:
    fields = json.loads((ATTENTION / "all_config.json").read_text())
    del fields[name]
    (tmp_path / "config.json").write_text(json.dumps(fields))
    with pytest.raises(ModelError) as caught:
        convert(ATTENTION / "step_6", tmp_path / "config.json")
    assert f"'{name}'" in caught.value.message
    assert "is not stated" in caught.value.message


class Program:
    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, ("raise SystemExit('a pickle ran')",))


def test_a_pickle_with_a_program_in_it_is_refused(tmp_path: Path) -> None:
    torch.save({"H_init": torch.zeros(3), "x": Program()}, tmp_path / "step_1")
    (tmp_path / "step_2").write_bytes(pickle.dumps(Program()))
    for name in ("step_1", "step_2"):
        with pytest.raises(ModelError, match="refused") as caught:
            read_state_dict(tmp_path / name)
        assert "any program" in caught.value.hint


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"weights": 3}, "no state dict in it"),
        ([1, 2], "no state dict in it"),
        ({"layer.weight": torch.zeros(2)}, "no tensor 'H_init'"),
        ({"H_init": torch.zeros(2), "step": 3}, "'step' is not a tensor"),
    ],
)
def test_files_that_are_no_model(tmp_path: Path, content: Any, message: str) -> None:
    torch.save(content, tmp_path / "step_1")
    with pytest.raises(ModelError, match=message):
        read_state_dict(tmp_path / "step_1")


def test_a_text_file_is_no_state_dict(tmp_path: Path) -> None:
    (tmp_path / "step_1").write_text("hello")
    with pytest.raises(ModelError):
        read_state_dict(tmp_path / "step_1")
    with pytest.raises(ModelError, match="no such file"):
        read_state_dict(tmp_path / "step_2")


def test_a_missing_tensor_is_named_by_conversion(tmp_path: Path) -> None:
    tensors = read_state_dict(ATTENTION / "step_6")
    del tensors["L_level.layers.1.self_attn.o_proj.weight"]
    torch.save(tensors, tmp_path / "step_6")
    with pytest.raises(ModelError, match=r"tensor 'L_level.layers.1.self_attn.o_proj.weight' is missing"):
        convert(tmp_path / "step_6", ATTENTION / "all_config.json")


def test_a_configuration_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("a: [")
    (tmp_path / "d.yaml").write_text("- 1")
    for name, message in (
        ("c.yaml", "neither JSON nor YAML"),
        ("d.yaml", "not a configuration"),
        ("e", "no such file"),
    ):
        with pytest.raises(InputError, match=message):
            convert(ATTENTION / "step_6", tmp_path / name)


def test_fields_stand_in_for_a_configuration_file_and_the_command_line_takes_them(
    tmp_path: Path, trm: Callable[..., Any]
) -> None:
    fields = {"H_cycles": 2, "L_cycles": 3, "num_heads": 4, "pos_encodings": "rope", "puzzle_emb_len": 4, "seq_len": 25}
    wanted = convert(ATTENTION / "step_6", ATTENTION / "all_config.json").config
    assert convert(ATTENTION / "step_6", fields).config == dataclasses.replace(wanted, halt_max_steps=16)
    settings = [part for name, value in fields.items() for part in ("--set", f"{name}={value}")]
    done = trm("models", "convert", ATTENTION / "step_6", "--out", tmp_path / "out", *settings)
    assert done.code == 0
    assert load(tmp_path / "out").config == dataclasses.replace(wanted, halt_max_steps=16)


def test_a_large_table_must_have_the_configured_shape(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    model = convert(ATTENTION / "step_6", ATTENTION / "all_config.json")
    save(model, tmp_path / "model")
    monkeypatch.setattr(checkpoint, "MAPPED", 10)
    mapped = load(tmp_path / "model")
    assert mapped.puzzle_emb.mapped
    ids = torch.tensor([4, 0])
    save(mapped, tmp_path / "again")
    assert (tmp_path / "again" / WEIGHTS).read_bytes() == (tmp_path / "model" / WEIGHTS).read_bytes()
    mapped.to(torch.bfloat16)
    assert torch.equal(mapped.puzzle_rows(ids), model.puzzle_rows(ids))  # it stays as it is in its file
    mapped.puzzle_emb.own()
    assert not mapped.puzzle_emb.mapped
    mapped.puzzle_emb.weights.zero_()
    assert load(tmp_path / "model").puzzle_emb.weights.any()
    change_config(num_puzzle_identifiers=6)(tmp_path / "model")
    with pytest.raises(ModelError, match=r"tensor 'puzzle_emb.weights' has shape \[5, 64\], the configuration says"):
        load(tmp_path / "model")


def test_a_large_table_with_nan_is_refused_by_conversion(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(checkpoint, "MAPPED", 10)
    tensors = read_state_dict(ATTENTION / "step_6")
    tensors["puzzle_emb.weights"] = tensors["puzzle_emb.weights"].clone()
    tensors["puzzle_emb.weights"][4, 3] = float("inf")
    torch.save(tensors, tmp_path / "step_6")
    with pytest.raises(ModelError, match=r"'puzzle_emb.weights' holds NaN or infinity"):
        convert(tmp_path / "step_6", ATTENTION / "all_config.json")
