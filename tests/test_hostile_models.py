"""Models from outside that are damaged, or made to do harm: one line that names file and field, at once."""

from __future__ import annotations

import json
import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from conftest import Outcome
from safetensors.torch import load_file, save_file
from test_checkpoint import ATTENTION, GOLDEN, small
from test_untrusted import bomb
from torch import Tensor

from trm_solve import model as models
from trm_solve.checkpoint import CARD, CONFIG, SHARDS, WEIGHTS, read_config, read_header, save
from trm_solve.config import BOUNDS, ModelConfig
from trm_solve.convert import convert, read_state_dict
from trm_solve.errors import InputError, ModelError, TrmError
from trm_solve.hub import names, store
from trm_solve.model import TRM
from trm_solve.pretrained import load
from trm_solve.shapes import shapes_of

Trm = Callable[..., Outcome]
FIELDS = {"H_cycles": 2, "L_cycles": 3, "num_heads": 4, "pos_encodings": "rope", "puzzle_emb_len": 4, "seq_len": 25}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save(small(), tmp_path / "small")
    return tmp_path / "small"


@pytest.fixture
def unbuilt(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 (made before)
    """Whoever makes a tensor of a model fails."""

    def build(*_: object) -> None:
        raise AssertionError("a model was built")

    monkeypatch.setattr(models.TRM, "__init__", build)


CONFIGS = [ModelConfig(**{**small().config.to_dict(), "grid": (9, 9), **fields}) for fields in (
    {}, {"puzzle_emb_ndim": 12, "num_puzzle_identifiers": 3}, {"L_layers": 3}, {"model_type": "hrm", "H_layers": 1},
)] + [ModelConfig(**{
    **small().config.to_dict(), "grid": (3, 4), "mlp_t": False, "token_intermediate_size": 0, "num_heads": 2, **fields,
}) for fields in (
    {"pos_encodings": "rope"}, {"pos_encodings": "learned", "puzzle_emb_ndim": 5}, {"qk_norm": True},
    {"pos_encodings": "relations", "relations": ("a", "b")},
)]  # fmt: skip


@pytest.mark.parametrize("config", CONFIGS)
def test_the_shapes_are_those_of_the_model(config: ModelConfig) -> None:
    assert shapes_of(config) == {name: tuple(each.shape) for name, each in TRM(config).state_dict().items()}


def test_the_shapes_of_every_packaged_model() -> None:
    for name in names.packaged():
        folder = names.weights_dir() / name
        there = {name: tuple(spec["shape"]) for name, spec in read_header(folder / WEIGHTS).items()}
        assert shapes_of(read_config(folder)) == there


HUGE: list[Any] = [10**40, 4_000_000_000, -1, "8", [8], {"a": 8}, None, True, 1.5, "x" * 10**6]


@pytest.mark.usefixtures("unbuilt")
@pytest.mark.parametrize("name", [*BOUNDS, "rope_theta", "grid"])
@pytest.mark.parametrize("value", HUGE, ids=lambda value: str(value)[:12])
def test_no_field_of_a_configuration_builds_what_the_weights_do_not_hold(folder: Path, name: str, value: Any) -> None:
    if name == "grid":
        value = [value, 9]
    config = json.loads((folder / CONFIG).read_text()) | {name: value}
    (folder / CONFIG).write_text(json.dumps(config))
    with pytest.raises((TrmError, AssertionError)) as caught:
        load(folder)
    if isinstance(caught.value, AssertionError):  # of a field that no tensor and no bound speaks against
        assert name in ("rope_theta",)
        return
    assert str(folder) in caught.value.message
    assert len(caught.value.message) < 300 + len(str(folder))
    assert "'" in caught.value.message  # the field, or the tensor that it contradicts


def test_bounds_are_told(folder: Path, trm: Trm) -> None:
    for name, value, message in (
        ("hidden_size", 4_000_000, "field 'hidden_size' must be at most 32,768, not 4000000"),
        ("H_cycles", 10_000_000, "field 'H_cycles' must be at most 1,000, not 10000000"),
        ("L_layers", 100_000, "field 'L_layers' must be at most 256, not 100000"),
        ("hidden_size", 10**40, "field 'hidden_size': 10000000000000000000… is too large a number"),
        ("grid", [100_000, 100_000], "field 'grid' must have at most 65,536 cells, not [100000, 100000]"),
    ):
        config = json.loads((folder / CONFIG).read_text()) | {name: value}
        (folder / "other").mkdir(exist_ok=True)
        (folder / "other" / CONFIG).write_text(json.dumps(config))
        for command in (("models", "info", folder / "other"), ("solve", "." * 81, "--model", folder / "other")):
            told = trm(*command)
            assert (told.code, told.out) == (3, "")
            assert f"error: {folder / 'other' / CONFIG}: {message}\n" in told.err


TEXTS = {
    "deep": "[" * 10_000 + "]" * 10_000,
    "deep field": '{"kind": ' + "[" * 10_000 + "]" * 10_000 + "}",
    "twice": '{"kind": "sudoku", "kind": "maze"}',
    "nan": '{"rope_theta": NaN}',
    "bytes": "\udcff\udcfe",
    "list": "[]",
    "number": "3",
    "empty": "",
    "long name": '{"' + "a" * 10**6 + '": 1}',
    "escape": '{"\\u001b[31m": 1}',
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("name", [CONFIG, "source.json", "identifiers.json"])
def test_texts_in_the_place_of_json(folder: Path, trm: Trm, text: str, name: str) -> None:
    model = names.weights_dir() / "arc" if name == "identifiers.json" else folder
    there = folder.parent / "there"
    there.mkdir()
    for each in (CONFIG, WEIGHTS):
        (there / each).symlink_to(model / each)
    (there / name).unlink(missing_ok=True)
    (there / name).write_bytes(text.encode("utf-8", "surrogateescape"))
    told = trm("models", "info", there)
    assert (told.code, told.out) == (3, "")
    assert told.err.startswith(f"error: {there}")
    assert "\x1b" not in told.err
    assert len(told.err) < 1000
    assert len(told.err.splitlines()) <= 2


def pipe(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize("make", [pipe, Path.mkdir, lambda path: path.symlink_to("/dev/zero")])
@pytest.mark.parametrize("name", [CONFIG, WEIGHTS, "source.json", "identifiers.json"])
def test_what_is_no_plain_file_is_refused_at_once(
    folder: Path, trm: Trm, name: str, make: Callable[[Path], Any]
) -> None:
    if name == "identifiers.json":  # looked at where a kind has tasks
        folder = names.weights_dir() / "arc"
    there = folder.parent / "there" if folder.parent != names.weights_dir() else Path(os.environ["HF_HOME"])
    there.mkdir(parents=True)
    for each in (CONFIG, WEIGHTS):
        if each != name:
            (there / each).symlink_to(folder / each)
    make(there / name)
    told = trm("models", "info", there)
    assert (told.code, told.out) == (3, "")
    assert f"error: {there / name}: " in told.err
    assert "plain file" in told.err or "is a directory" in told.err


@pytest.mark.parametrize("name", ["../../x", "/dev/zero", "a/b", "..", ".", "", "a\\..\\b", "\x1b[31m", "a\0b"])
def test_a_folder_lists_plain_names_within_it(folder: Path, name: str) -> None:
    facts = {"schema": 1, "name": "a/b", "files": {name: "0" * 64}}
    (folder / store.SOURCE).write_text(json.dumps(facts))
    with pytest.raises(ModelError) as caught:
        load(folder)
    assert "source.json: damaged (field 'files': " in caught.value.message or "no such file" in caught.value.message
    assert "\x1b" not in caught.value.message.replace(str(folder / name), "")


def test_a_listed_device_is_not_read(folder: Path) -> None:
    (folder / "x").symlink_to("/dev/zero")
    (folder / store.SOURCE).write_text(json.dumps({"schema": 1, "name": "a/b", "files": {"x": "0" * 64}}))
    with pytest.raises(ModelError, match="x: not a plain file"):
        load(folder)


@pytest.mark.parametrize(
    ("field", "value"), [("schema", 2), ("files", []), ("files", {"a": 1}), ("name", 3), ("files", None)]
)
def test_fields_of_source_json(folder: Path, field: str, value: Any) -> None:
    (folder / store.SOURCE).write_text(json.dumps({"schema": 1, "name": "a/b", "files": {}} | {field: value}))
    with pytest.raises(ModelError, match=f"field '{field}'"):
        load(folder)


def test_a_card_that_is_a_bomb(folder: Path, trm: Trm) -> None:
    (folder / CARD).write_text(f"---\n{bomb()}\nmodel-index: [{{results: [{{metrics: [{{name: *a8}}]}}]}}]\n---\nhi\n")
    told = trm("models", "info", folder)
    assert (told.code, told.err) == (0, "")
    assert "lol" not in told.out


# ---- the header of the weights


def lie(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    def apply(path: Path) -> None:
        data = path.read_bytes()
        (length,) = struct.unpack("<Q", data[:8])
        header = json.loads(data[8 : 8 + length])
        change(header)
        text = json.dumps(header).encode()
        path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length :])

    return apply


HEADERS: dict[str, tuple[Callable[[Path], None], str]] = {
    "larger shape": (lie(lambda h: h["H_init"].update(shape=[10**9])), "tensor 'H_init': 32 bytes for the shape"),
    "negative": (lie(lambda h: h["H_init"].update(shape=[-8])), "tensor 'H_init': a shape of no numbers"),
    "huge": (lie(lambda h: h["H_init"].update(shape=[10**40])), "too large a number"),
    "text": (lie(lambda h: h["H_init"].update(shape="8")), "tensor 'H_init': no dtype, shape and data_offsets"),
    "list": (lie(lambda h: h.update(H_init=[])), "tensor 'H_init': no dtype, shape and data_offsets"),
    "beyond": (lie(lambda h: h["H_init"].update(data_offsets=[10**9, 10**9 + 32])), "bytes"),
    "shared": (lie(lambda h: h["H_init"].update(data_offsets=h["L_init"]["data_offsets"])), "bytes"),
    "nested": (lambda path: path.write_bytes(struct.pack("<Q", 20_000) + b"[" * 20_000), "nested more than"),
    "no object": (lambda path: path.write_bytes(struct.pack("<Q", 2) + b"[]"), "not a JSON object"),
    "pointer": (lambda path: path.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), "safe"),
}  # fmt: skip


@pytest.mark.usefixtures("unbuilt")
@pytest.mark.parametrize("case", HEADERS)
def test_a_header_that_lies(folder: Path, trm: Trm, case: str) -> None:
    damage, message = HEADERS[case]
    damage(folder / WEIGHTS)
    told = trm("models", "info", folder)
    assert told.code == 3
    assert f"error: {folder / WEIGHTS}: damaged or not safetensors (" in told.err
    assert message in told.err
    with pytest.raises(ModelError):
        load(folder)


@pytest.mark.usefixtures("unbuilt")
@pytest.mark.parametrize("shape", [(), (8, 1), (2, 2, 2), (0,)])
def test_tensors_of_other_dimensions(folder: Path, shape: tuple[int, ...]) -> None:
    tensors = load_file(folder / WEIGHTS)
    save_file({**tensors, "H_init": torch.zeros(shape)}, folder / WEIGHTS)
    with pytest.raises(ModelError, match=r"tensor 'H_init' has shape .*, the configuration says \[8\]"):
        load(folder)


# ---- raw state dicts


def parts() -> dict[str, Any]:
    return dict(read_state_dict(ATTENTION / "step_6"))


def odd(**tensors: Any) -> Any:
    return parts() | {name.replace("__", "."): value for name, value in tensors.items()}


NO_DIM = torch.zeros(())
STATES: dict[str, tuple[Callable[[], Any], str]] = {
    "no dimension": (lambda: odd(H_init=NO_DIM), "tensor 'H_init' has 0 dimensions"),
    "three dimensions": (lambda: odd(lm_head__weight=torch.zeros(2, 2, 2)), "'lm_head.weight' has 3 dimensions"),
    "one where two": (lambda: odd(lm_head__weight=torch.zeros(2)), "tensor 'lm_head.weight' has 1 dimensions, not 2"),
    "sparse": (lambda: odd(lm_head__weight=torch.eye(11).to_sparse()), "tensor 'lm_head.weight' is sparse"),
    "meta": (lambda: odd(H_init=torch.zeros(8, device="meta")), "tensor 'H_init' has no values"),
    "complex": (lambda: odd(H_init=torch.zeros(8, dtype=torch.complex64)), "holds torch.complex64"),
    "whole": (lambda: odd(H_init=torch.zeros(64, dtype=torch.int8)), "holds torch.int8"),
    "repeated": (lambda: odd(lm_head__weight=torch.zeros(1, 1).expand(11, 10**9)), "larger than the file"),
    "number as name": (lambda: {3: torch.zeros(1), **parts()}, "3 is no name of a tensor"),
    "twice": (
        lambda: {f"x.{n}": t for n, t in parts().items()} | {"lm_head.weight": torch.zeros(1, 1)},
        "stands there",
    ),
    "none": (dict, "no state dict"),
}


@pytest.mark.usefixtures("unbuilt")
@pytest.mark.parametrize("case", STATES)
def test_state_dicts_of_odd_tensors(tmp_path: Path, case: str) -> None:
    make, message = STATES[case]
    torch.save(make(), tmp_path / "step_1")
    with pytest.raises(ModelError) as caught:
        convert(tmp_path / "step_1", FIELDS)
    assert message in caught.value.message
    assert str(tmp_path / "step_1") in caught.value.message


@pytest.mark.usefixtures("unbuilt")
@pytest.mark.parametrize("name", [*FIELDS, "rope_theta", "halt_max_steps", "no_ACT_continue"])
@pytest.mark.parametrize("value", [10**19, -1, "text", [1], {"a": 1}, 1e300])
def test_fields_of_a_public_configuration(tmp_path: Path, name: str, value: Any) -> None:
    (tmp_path / "c.yaml").write_text(yaml.safe_dump({**FIELDS, name: value}))
    with pytest.raises((InputError, ModelError)) as caught:
        convert(ATTENTION / "step_6", tmp_path / "c.yaml")
    assert "'" in caught.value.message
    assert len(caught.value.message) < 300


def test_a_configuration_that_is_a_bomb(tmp_path: Path, trm: Trm) -> None:
    (tmp_path / "bomb.yaml").write_text(bomb())
    told = trm("models", "convert", ATTENTION / "step_6", "--config", tmp_path / "bomb.yaml", "--out", tmp_path / "o")
    assert told.code == 2
    assert told.err == f"error: {tmp_path / 'bomb.yaml'}: field 'a4': more than 100,000 values\n"
    assert not (tmp_path / "o").exists()


def archive(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("letter.txt", "dear")


FILES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "empty": (lambda path: path.write_bytes(b""), "the file is empty"),
    "pointer": (lambda path: path.write_bytes(b"version https://git-lfs.github.com/spec/v1\n"), "a Git LFS pointer"),
    "page": (lambda path: path.write_bytes(b"\n<!DOCTYPE html><html>"), "a web page"),
    "zip": (archive, "a zip archive of 1 files, not a PyTorch file"),
    "pipe": (os.mkfifo, "not a plain file"),
    "folder": (Path.mkdir, f"no {CONFIG}, so not a checkpoint folder"),
    "text": (lambda path: path.write_bytes(b"hello"), "not a PyTorch file"),
}


@pytest.mark.parametrize("case", FILES)
def test_files_are_called_what_they_are(tmp_path: Path, trm: Trm, case: str) -> None:
    make, message = FILES[case]
    make(tmp_path / "state.pt")
    told = trm("models", "convert", tmp_path / "state.pt", "--out", tmp_path / "o")
    assert told.code == 3
    assert f"error: {tmp_path / 'state.pt'}: " in told.err
    assert message in told.err
    assert not (tmp_path / "o").exists()


def test_averaged_weights_come_first_and_a_key_chooses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = parts()
    other = {name: tensor + 1 for name, tensor in plain.items()}
    torch.save({"model": other, "ema": plain, "step": np.int64(6), "loss": np.float32(0.5)}, tmp_path / "both")
    assert torch.equal(read_state_dict(tmp_path / "both")["H_init"], plain["H_init"])
    assert "taking the averaged weights, 'ema'; --key model takes others" in capsys.readouterr().err
    assert torch.equal(read_state_dict(tmp_path / "both", "model")["H_init"], other["H_init"])
    assert not capsys.readouterr().err
    with pytest.raises(ModelError, match="no state dict under 'mode'") as caught:
        read_state_dict(tmp_path / "both", "mode")
    assert caught.value.hint == "there are 'model', 'ema'"


def test_numbers_of_numpy_are_allowed_and_its_arrays_are_not(tmp_path: Path) -> None:
    torch.save({"model": parts(), "seen": np.zeros(3)}, tmp_path / "array")
    with pytest.raises(ModelError, match="refused"):
        read_state_dict(tmp_path / "array")


def test_what_the_authors_code_wrote_is_still_read() -> None:
    for name in ("hrm", "trm-attention", "trm-mlp", "trm-learned-positions"):
        tensors: dict[str, Tensor] = read_state_dict(GOLDEN / name / "step_6")
        assert "H_init" in tensors


# ---- shards, and what convert writes over


def shard(folder: Path, parts: int = 3) -> None:
    """Put a folder's weights into several files and an index."""
    tensors = load_file(folder / WEIGHTS)
    files: dict[str, dict[str, Tensor]] = {}
    for number, (name, tensor) in enumerate(tensors.items()):
        files.setdefault(f"model-{number % parts}.safetensors", {})[name] = tensor
    for name, some in files.items():
        save_file(some, folder / name)
    names = {tensor: name for name, some in files.items() for tensor in some}
    (folder / SHARDS).write_text(json.dumps({"metadata": {}, "weight_map": names}))
    (folder / WEIGHTS).unlink()


def test_shards_are_read_as_one(folder: Path, trm: Trm, tmp_path: Path) -> None:
    shard(folder)
    for name, tensor in load(folder).state_dict().items():
        assert torch.equal(tensor, small().state_dict()[name])
    facts = json.loads(trm("models", "info", folder, "--json").out)
    assert facts["bytes"] == sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    assert trm("models", "convert", folder, "--out", tmp_path / "one").code == 0
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == sorted([CARD, CONFIG, WEIGHTS])
    assert torch.equal(load(tmp_path / "one").H_init, small().H_init)


@pytest.mark.usefixtures("unbuilt")
@pytest.mark.parametrize(
    ("index", "message"),
    [
        ({"weight_map": {"H_init": "../x"}}, "field 'weight_map': '../x' is no plain name"),
        ({"weight_map": {"H_init": "/dev/zero"}}, "is no plain name"),
        ({"weight_map": {"H_init": 3}}, "3 is no plain name"),
        ({"weight_map": {"H_init": "gone"}}, "gone: missing"),
        ({"weight_map": {"a": "model-0.safetensors", "b": "copy.safetensors"}}, "stands in another shard too"),
        ({"weight_map": {"a": "model-0.safetensors"}}, "is missing"),
        ({"weight_map": []}, "field 'weight_map' cannot be []"),
        ({}, "field 'weight_map' cannot be None"),
        ([], "not a JSON object"),
    ],
)
def test_an_index_that_lies(folder: Path, index: Any, message: str) -> None:
    shard(folder)
    (folder / "copy.safetensors").write_bytes((folder / "model-0.safetensors").read_bytes())
    (folder / SHARDS).write_text(json.dumps(index))
    with pytest.raises(ModelError) as caught:
        load(folder)
    assert message in caught.value.message


def test_raw_tensors_in_safetensors_are_converted(tmp_path: Path) -> None:
    raw = read_state_dict(ATTENTION / "step_6")
    save_file({f"model.inner.{name}": tensor for name, tensor in raw.items()}, tmp_path / "raw.safetensors")
    assert torch.equal(convert(tmp_path / "raw.safetensors", FIELDS).H_init, raw["H_init"])


def test_convert_writes_over_its_input_by_force_only(folder: Path, trm: Trm) -> None:
    before = (folder / WEIGHTS).read_bytes()
    told = trm("models", "convert", folder, "--out", folder, "--dtype", "bfloat16")
    assert told.code == 2
    assert f"error: {folder}: is there already\n" in told.err
    assert "--force" in told.err
    assert (folder / WEIGHTS).read_bytes() == before
    assert trm("models", "convert", folder, "--out", folder, "--dtype", "bfloat16", "--force").code == 0
    assert load_file(folder / WEIGHTS)["H_init"].dtype == torch.bfloat16


def test_a_conversion_that_fails_leaves_nothing(
    folder: Path, tmp_path: Path, trm: Trm, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise InputError("disk full")

    monkeypatch.setattr("trm_solve.checkpoint.model_card", fail)  # what is written last
    assert trm("models", "convert", folder, "--out", tmp_path / "new").err == "error: disk full\n"
    assert not (tmp_path / "new").exists()


def test_a_key_on_the_command_line(tmp_path: Path, trm: Trm) -> None:
    plain = parts()
    torch.save({"model": {name: each + 1 for name, each in plain.items()}, "ema": plain}, tmp_path / "both")
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(FIELDS))
    command = ("models", "convert", tmp_path / "both", "--config", tmp_path / "c.yaml", "--out")
    for shift, extra in enumerate(((), ("--key", "model"))):
        out = tmp_path / f"out{shift}"
        assert trm(*command, out, *extra).code == 0
        assert torch.equal(load(out).H_init, plain["H_init"] + shift)


@pytest.mark.parametrize(
    "name", ["x" * 5000, "~nobody-of-this-name/x", "\udcff", "a\nb", "\x1b[31m", "[/b]", "/dev/null"]
)
def test_names_that_are_none(trm: Trm, name: str) -> None:
    told = trm("models", "info", name)
    assert (told.code, told.out) == (3, "")
    assert told.err.startswith("error: ")
    assert "this is a bug" not in told.err
    assert "\x1b" not in told.err
    assert len(told.err.splitlines()) <= 2
