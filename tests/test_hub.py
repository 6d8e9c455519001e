"""The hub, through its real client, against a server on the loopback. Nothing here reaches a real network."""

from __future__ import annotations

import json
import pickle
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch
import yaml
from hub_server import STORE, Hub
from huggingface_hub import constants
from numeric import close
from safetensors.torch import load_file

from trm_solve.checkpoint import CARD, CONFIG, WEIGHTS, save
from trm_solve.errors import InputError, ModelError
from trm_solve.hub import catalogue, pull, remote, store
from trm_solve.hub import names as hub
from trm_solve.model import TRM
from trm_solve.pretrained import load, resolve

GOLDEN = Path(__file__).parent / "golden"
NAMES = ["trm-attention", "trm-mlp", "trm-learned-positions", "hrm"]
RAW = "someone/raw-model"


def raw_files(name: str = "trm-mlp", weights: str = "step_6") -> dict[str, bytes]:
    """A repository as they are in the wild: a raw state dict and `all_config.yaml`."""
    arch = json.loads((GOLDEN / name / "all_config.json").read_text())
    config = yaml.safe_dump({"arch": arch, "lr": 1e-4})
    return {weights: (GOLDEN / name / "step_6").read_bytes(), "all_config.yaml": config.encode(), "README.md": b"hi"}


@pytest.fixture(autouse=True)
def _loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection to anywhere else is an error; the store of large files has a name of its own."""
    look_up = socket.getaddrinfo

    def guarded(host: Any, *arguments: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        assert name in ("127.0.0.1", STORE), f"a test reached for {name}"
        return look_up("127.0.0.1", *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", guarded)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    """The hub, in place of the real one for the client and for us."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "HF_TOKEN", "HF_HUB_OFFLINE", "HF_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hf" / "hub"))
    monkeypatch.setattr(remote, "CHUNK", 10_000)
    monkeypatch.setattr(remote, "PAUSE", 0.0)
    with Hub() as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        monkeypatch.setattr(constants, "ENDPOINT", running.url)
        template = running.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        yield running
        huggingface_hub.close_session()


def only(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / WEIGHTS)


def assert_golden(model: TRM, name: str) -> None:
    """Steps 1 and 4, each from the golden state before it."""
    arrays = load_file(GOLDEN / name / "inference.safetensors")
    e = model.embed(arrays["inputs"].long(), model.puzzle_rows(arrays["puzzle_identifiers"].long()))
    for step in (1, 4):
        before = model.initial_state(e) if step == 1 else (arrays["step3.z_H"], arrays["step3.z_L"])
        y, z = model.step(e, *before, model.positions())
        ours = {"z_H": y, "z_L": z, "logits": model.read_answer(y), "q_halt": model.read_halt(y)[0]}
        for key, value in ours.items():
            close(value, arrays[f"step{step}.{key}"], atol=1e-4, what=f"step {step} {key}")


# ---- both forms


@pytest.mark.numeric
@pytest.mark.parametrize("name", NAMES)
def test_raw_and_converted_repositories_give_the_golden_outputs(server: Hub, name: str) -> None:
    server.add(RAW, raw_files(name))
    model = load(RAW)
    assert model.config.model_type == ("hrm" if name == "hrm" else "trm")
    assert_golden(model, name)
    folder = resolve(RAW)
    server.add("someone/converted", {n: (folder / n).read_bytes() for n in (CONFIG, WEIGHTS, CARD)})
    assert_golden(load("someone/converted"), name)


def test_the_configuration_is_fetched_first_and_from_the_commit_of_the_weights(server: Hub) -> None:
    repository = server.add(RAW, raw_files("trm-mlp"))
    first = next(iter(repository.commits))

    def push_something_else(path: str) -> None:
        if path == "all_config.yaml" and len(repository.commits) == 1:
            repository.commit(raw_files("trm-attention"))

    server.on_download = push_something_else
    folder = pull.pull(RAW)
    assert json.loads((folder / store.SOURCE).read_text())["commit"] == first
    assert_golden(load(RAW), "trm-mlp")
    order = [r.path.rpartition("/")[2] for r in server.downloads()]
    assert order == ["all_config.yaml", "step_6"]


def test_the_next_load_is_local_and_needs_no_network(server: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    server.add(RAW, raw_files())
    load(RAW)
    server.log.clear()
    load(RAW)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    load(RAW)
    assert pull.pull(RAW) == resolve(RAW)
    assert not server.log
    assert not list(store.repository_dir(RAW).glob("downloads/**/*"))


def test_a_revision_stays_and_pull_brings_the_newest(server: Hub) -> None:
    repository = server.add(RAW, raw_files("trm-mlp"))
    (old,) = repository.commits
    load(RAW)
    new = repository.commit(raw_files("trm-attention"))
    assert load(RAW).config.mlp_t
    assert pull.pull(RAW).parent.name == new
    assert not load(RAW).config.mlp_t
    assert load(f"{RAW}@{old}").config.mlp_t
    assert resolve(f"{RAW}@{old[:8]}").parent.name == old


def test_a_file_of_several_is_named(server: Hub) -> None:
    files = raw_files()
    server.add(RAW, {"a/step_6": files["step_6"], "a/all_config.yaml": files["all_config.yaml"], "b/step_7": b"x"})
    with pytest.raises(ModelError, match="2 models in this repository") as caught:
        load(RAW)
    assert f"{RAW}:a/step_6" in caught.value.hint
    assert_golden(load(f"{RAW}:a/step_6"), "trm-mlp")
    with pytest.raises(ModelError, match="no file 'a/step_7' in it") as caught:
        load(f"{RAW}:a/step_7")
    assert caught.value.hint == "did you mean 'b/step_7'?"


# ---- what the rows of an ARC model stand for

NAMED = ["<blank>", "one", "one|||t1|||0213456789", "two", "two|||t2|||0123456789"]


@pytest.mark.parametrize("place", ["a/identifiers.json", "identifiers.json"])
def test_identifiers_come_along_from_beside_the_file_or_from_the_top(server: Hub, place: str) -> None:
    files = raw_files("trm-attention")
    parts = {f"a/{name}": files[name] for name in ("step_6", "all_config.yaml")}
    server.add(RAW, {**parts, place: json.dumps(NAMED).encode(), "b/identifiers.json": b"[]"})
    names = load(RAW).identifiers
    assert names is not None
    assert [row for row, _ in names.copies("two")] == [3, 4]
    folder = resolve(RAW)
    assert "identifiers.json" in json.loads((folder / store.SOURCE).read_text())["files"]
    converted = {name: (folder / name).read_bytes() for name in (CONFIG, WEIGHTS, "identifiers.json")}
    server.add("someone/converted", converted)
    names = load("someone/converted").identifiers
    assert names is not None
    assert names.tasks == {"one", "two"}


def test_identifiers_that_do_not_fit_are_left_out_with_a_word(server: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    server.add(RAW, {**raw_files("trm-attention"), "identifiers.json": json.dumps(NAMED[:3]).encode()})
    assert load(RAW).identifiers is None
    wanted = f"warning: {RAW}:identifiers.json: 3 identifiers, the puzzle table has 5 rows; left out"
    assert wanted in capsys.readouterr().err


# ---- where cycles come from


def test_cycles_that_nothing_states_are_refused_before_the_weights_are_fetched(server: Hub) -> None:
    files = raw_files()
    server.add(RAW, {"step_6": files["step_6"]})
    with pytest.raises(
        ModelError, match=r"step_6: 'H_cycles' \(T, rounds per supervision step\) is not stated"
    ) as caught:
        load(RAW)
    assert "--set" in caught.value.hint
    assert not server.downloads()
    arch = json.loads((GOLDEN / "trm-mlp" / "all_config.json").read_text())
    pull.pull(RAW, {"H_cycles": arch["H_cycles"], "L_cycles": arch["L_cycles"], "seq_len": arch["seq_len"]})
    assert_golden(load(RAW), "trm-mlp")


def test_heads_that_nothing_states_are_refused_and_the_download_is_kept(server: Hub) -> None:
    files = raw_files("trm-attention")
    arch = json.loads((GOLDEN / "trm-attention" / "all_config.json").read_text())
    del arch["num_heads"]
    server.add(RAW, {**files, "all_config.yaml": json.dumps(arch).encode()})
    with pytest.raises(ModelError, match="'num_heads'"):
        load(RAW)
    pull.pull(RAW, {"num_heads": 4})
    assert_golden(load(RAW), "trm-attention")
    assert len(server.downloads("step_6")) == 1


def known(**fields: Any) -> hub.Known:
    return hub.Known(**{"alias": "mine", "repository": RAW, "kind": "arc", "fields": {}, "reported": 50.0, **fields})


def test_the_table_knows_what_the_repository_does_not_and_the_repository_comes_first(
    server: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = raw_files()
    arch = json.loads((GOLDEN / "trm-mlp" / "all_config.json").read_text())
    fields = {name: arch[name] for name in ("H_cycles", "L_cycles", "seq_len")}
    monkeypatch.setattr(hub, "known", lambda: {"mine": known(fields=fields, file="step_*")})
    repository = server.add(RAW, {"step_6": files["step_6"], "checkpoint": b"something else"})
    assert_golden(load("mine"), "trm-mlp")
    repository.commit({"all_config.yaml": json.dumps({"arch": {"L_cycles": 5}}).encode()})
    assert (pull.pull("mine", {"halt_max_steps": 3}), load("mine").config.L_cycles)[1] == 5
    assert load("mine").config.halt_max_steps == 3


def test_the_table_of_known_models_is_sound() -> None:
    found = hub.known()
    assert len(found) == 12
    for alias, each in found.items():
        assert hub.address_of(alias) == each.address
        assert hub.known_at(each.address) == each
        assert {"H_cycles", "L_cycles"} <= each.fields.keys()
        assert store.Address.parse(str(each.address)) == each.address
        assert store.Address.parse(alias) is None


# ---- downloads that do not go well


def test_a_cut_connection_is_resumed(server: Hub) -> None:
    server.add(RAW, raw_files())
    server.cuts = [100_000]
    assert_golden(load(RAW), "trm-mlp")
    ranges = [r.headers.get("range") for r in server.log if r.method == "GET" and "/store/" in r.path]
    assert ranges[0] is None
    assert ranges[1] is not None
    assert 0 < int(ranges[1].removeprefix("bytes=").rstrip("-")) <= 100_000


def test_half_a_download_is_gone_on_with_in_a_later_run(server: Hub) -> None:
    server.add(RAW, raw_files())
    server.cuts = [200_000] + [0] * 20
    with pytest.raises(ModelError, match=r"cannot be reached|was cut") as caught:
        load(RAW)
    assert "kept" in caught.value.hint
    (part,) = store.repository_dir(RAW).glob("downloads/*/step_6.part")
    have = part.stat().st_size
    assert 0 < have <= 200_000
    server.cuts.clear()
    server.log.clear()
    assert_golden(load(RAW), "trm-mlp")
    (only_one,) = [r for r in server.log if r.method == "GET" and "/store/" in r.path]
    assert only_one.headers["range"] == f"bytes={have}-"


def test_a_download_that_is_not_what_the_hub_has_is_thrown_away(server: Hub) -> None:
    server.add(RAW, raw_files())
    server.corrupt = True
    with pytest.raises(ModelError, match=f"{RAW}:step_6: checksum mismatch"):
        load(RAW)
    server.corrupt = False
    assert_golden(load(RAW), "trm-mlp")


def test_a_model_that_changed_on_disk_is_refused_and_pulled_again(server: Hub) -> None:
    server.add(RAW, raw_files())
    folder = resolve(RAW)
    data = bytearray((folder / WEIGHTS).read_bytes())
    data[-3] ^= 1
    (folder / WEIGHTS).write_bytes(bytes(data))
    with pytest.raises(ModelError, match="checksum mismatch") as caught:
        load(RAW)
    assert caught.value.hint == f"trm-solve models pull {RAW} fetches it again"
    pull.pull(RAW)
    assert_golden(load(RAW), "trm-mlp")


def test_a_full_disk(server: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    server.add(RAW, raw_files())
    usage = shutil.disk_usage("/")
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1_000_000))
        with pytest.raises(ModelError, match=r"the disk is full: 0\.0 GB are needed, 0\.0 GB are free") as caught:
            load(RAW)
        assert "HF_HOME" in caught.value.hint

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(remote, "_fill", full)
        with pytest.raises(ModelError, match=r"all_config.yaml: the disk is full \(HF_HOME"):
            load(RAW)
    assert_golden(load(RAW), "trm-mlp")


def test_a_folder_that_cannot_be_written(server: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    server.add(RAW, raw_files())
    (tmp_path / "file").touch()
    monkeypatch.setenv("HF_HOME", str(tmp_path / "file"))
    with pytest.raises(ModelError, match="not a directory"):
        load(RAW)


# ---- what the hub refuses


def refusal(name: str) -> ModelError:
    with pytest.raises(ModelError) as caught:
        load(name)
    assert "\n" not in caught.value.message + caught.value.hint
    return caught.value


def test_what_the_hub_does_not_have(server: Hub) -> None:
    error = refusal("alphaXiv/trm-model-sudko")
    assert error.message == "alphaXiv/trm-model-sudko: no such folder here, no such repository on the hub"
    assert error.hint.startswith("did you mean 'alphaXiv/trm-model-sudoku'?")
    server.add(RAW, raw_files())
    assert refusal(f"{RAW}@v2").message == f"{RAW}: the hub has no revision 'v2' of it"
    server.add("someone/empty", {"README.md": b"hi"})
    assert refusal("someone/empty").message == "someone/empty: no model in this repository"
    assert "no name of a repository" in refusal("some--one/..x").message or "no model" in refusal("a/..x").message


def test_gated_and_private_repositories_open_with_a_token(server: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    server.add("someone/gated", raw_files(), access="gated")
    server.add("someone/private", raw_files(), access="private")
    gated = refusal("someone/gated")
    assert gated.message == "someone/gated: gated, its authors grant access"
    assert "HF_TOKEN" in gated.hint
    assert "HF_TOKEN" in refusal("someone/private").hint
    monkeypatch.setenv("HF_TOKEN", "good")
    assert_golden(load("someone/gated"), "trm-mlp")
    assert_golden(load("someone/private"), "trm-mlp")
    stored = [r for r in server.log if "/store/" in r.path]
    assert stored
    assert not any("authorization" in r.headers for r in stored)  # the token is for the hub alone


@pytest.mark.usefixtures("server")
def test_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{unused.getsockname()[1]}")
        error = refusal(RAW)
    assert "cannot be reached" in error.message
    assert "network" in error.hint


def test_offline_and_not_here(server: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    error = refusal(RAW)
    assert error.message == f"{RAW}: not on this machine, and HF_HUB_OFFLINE is set"
    assert not server.log


def test_what_the_clients_own_cache_has_is_used_without_a_network(server: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    server.add(RAW, raw_files())
    cache = store.home() / "hub"
    for name in ("all_config.yaml", "step_6"):
        huggingface_hub.hf_hub_download(RAW, name, cache_dir=cache, endpoint=server.url)
    server.log.clear()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert_golden(load(RAW), "trm-mlp")
    assert not server.log
    assert (cache / "models--someone--raw-model").is_dir()


@pytest.mark.parametrize("answer", [b"<html>log in</html>", b'{"sha": "../..", "id": "a/b"}', b"[1]"])
def test_something_that_is_no_hub(server: Hub, answer: bytes) -> None:
    server.answers = answer
    assert "does not answer as a hub does" in refusal(RAW).message


def test_a_repository_cannot_write_outside_its_folder(server: Hub) -> None:
    server.add(RAW, {**raw_files(), "../../../step_1": b"x"})
    assert "does not answer as a hub does" in refusal(RAW).message


class Program:
    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, ("raise SystemExit('a pickle ran')",))


def test_a_pickle_with_a_program_in_it_is_refused(server: Hub) -> None:
    server.add(RAW, {**raw_files(), "step_6": pickle.dumps({"H_init": Program()})})
    error = refusal(RAW)
    assert error.message == f"{RAW}:step_6: holds more than tensors, or is no PyTorch file; refused"
    assert "can run any program" in error.hint


def test_a_folder_of_another_program_is_refused_before_its_weights(server: Hub) -> None:
    server.add("someone/bert", {CONFIG: b'{"architectures": ["Bert"]}', WEIGHTS: bytes(20_000)})
    assert "unknown field 'architectures'" in refusal("someone/bert").message
    assert not server.downloads(WEIGHTS)


# ---- the command line


def test_failures_end_with_exit_code_3_in_two_lines(server: Hub, trm: Callable[..., Any]) -> None:
    server.add(RAW, raw_files(), access="gated")
    for name in (RAW, "nobody/nothing"):
        done = trm("models", "pull", name)
        assert (done.code, done.out) == (3, "")
        assert [line.split(":")[0] for line in done.err.splitlines()] == ["error", "hint"]


def test_a_model_for_another_kind_of_puzzle(server: Hub, trm: Callable[..., Any]) -> None:
    server.add(RAW, raw_files())
    puzzle = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
    done = trm("solve", puzzle, "--model", RAW)
    assert done.code == 3
    assert "error:" in done.err
    assert "sudoku" in done.err


def test_models_list_and_info_show_what_is_known_and_what_is_here(
    server: Hub, trm: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    server.add(RAW, raw_files())
    mine = known()
    monkeypatch.setattr(hub, "known", lambda: {"mine": mine})
    before = {each["name"]: each for each in json.loads(trm("models", "list", "--json").out)}
    assert before["sudoku"]["state"] == "packaged"
    assert (before["mine"]["state"], before["mine"]["reported"], before["mine"]["path"]) == ("known", 50.0, None)
    assert json.loads(trm("models", "info", "mine", "--json").out)["state"] == "known"
    assert not server.log
    place = trm("models", "pull", "mine").out.strip()
    after = {each["name"]: each for each in json.loads(trm("models", "list", "--json").out)}
    assert (after["mine"]["state"], after["mine"]["path"]) == ("pulled", place)
    text = trm("models", "info", RAW).out
    assert "50 %" in text
    assert next(iter(server.repositories[RAW].commits)) in text
    assert trm("models", "info", "someone/else").code == 3


def test_set_refuses_what_it_does_not_know(trm: Callable[..., Any]) -> None:
    for value, message in (("H_cycle=3", "did you mean 'H_cycles'?"), ("H_cycles", "has no value")):
        done = trm("models", "pull", RAW, "--set", value)
        assert done.code == 2
        assert message in done.err


# ---- publishing (the client's own upload of large files warns of its HTTP library)

uploads = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

RESULT = {"schema": 1, "kind": "sudoku", "puzzles": 200, "exact_accuracy": 0.845, "cell_accuracy": 0.97}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save(load("sudoku"), tmp_path / "mine" / "best", card="Step 7.")
    return tmp_path / "mine" / "best"


@uploads
def test_a_published_folder_comes_back(
    server: Hub, folder: Path, trm: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "good")
    results = folder.parent / "results.json"
    results.write_text(json.dumps(RESULT) + "\n")
    done = trm("models", "push", folder, "me/mine", "--eval", results)
    assert (done.code, done.out) == (
        0,
        f"{server.url}/me/mine/commit/{next(iter(server.repositories['me/mine'].commits))}\n",
    )
    (files,) = server.repositories["me/mine"].commits.values()
    assert set(files) == {CONFIG, WEIGHTS, CARD}
    card = huggingface_hub.ModelCard(files[CARD].decode())
    assert card.data.library_name == "trm-solve"
    values = {each.metric_type: each.metric_value for each in card.data.eval_results}
    assert values == {"exact_accuracy": 0.845, "cell_accuracy": 0.97}
    assert "--model me/mine" in card.text
    assert "Step 7." in card.text
    back, sent = load("me/mine").state_dict(), load(folder).state_dict()
    assert all(torch.equal(back[name], sent[name]) for name in sent)


@uploads
def test_a_hand_written_card_keeps_its_text_and_gains_the_results(
    server: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "good")
    own = "---\nlicense: mit\nlibrary_name: other\n---\n\n# My model\n\nBy hand.\n"
    (folder / CARD).write_text(own)
    results = folder.parent / "results.json"
    results.write_text(json.dumps(RESULT))
    pull.push(folder, "me/mine", results, private=True)
    assert (folder / CARD).read_text() == own
    repository = server.repositories["me/mine"]
    assert repository.access == "private"
    (files,) = repository.commits.values()
    card = huggingface_hub.ModelCard(files[CARD].decode())
    assert card.text.strip() == "# My model\n\nBy hand."
    assert (card.data.license, card.data.library_name) == ("mit", "other")
    assert card.data.eval_results[0].dataset_name == "200 sudoku puzzles"


def test_a_large_file_transfer_that_fails_is_one_line(
    server: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ConnectionError("Network error: no answer")

    monkeypatch.setenv("HF_TOKEN", "good")
    monkeypatch.setattr("huggingface_hub.lfs.http_backoff", fail)
    with pytest.raises(ModelError, match="me/mine: the transfer failed: Network error: no answer"):
        pull.push(folder, "me/mine")
    assert not server.repositories["me/mine"].commits


@uploads
def test_push_to_hub_of_a_model(server: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "good")
    server.add("me/mine", {"notes.txt": b"kept"})
    assert load("sudoku").push_to_hub("me/mine", commit_message="First").startswith(f"{server.url}/me/mine/commit/")
    newest = list(server.repositories["me/mine"].commits.values())[-1]
    assert set(newest) == {CONFIG, WEIGHTS, CARD, "notes.txt"}


@uploads
def test_identifiers_are_published_if_they_fit(server: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "good")
    server.add(RAW, {**raw_files("trm-attention"), "identifiers.json": json.dumps(NAMED).encode()})
    model = load(RAW)
    save(model, tmp_path / "mine")
    pull.push(tmp_path / "mine", "me/mine")
    (files,) = server.repositories["me/mine"].commits.values()
    assert json.loads(files["identifiers.json"]) == NAMED
    (tmp_path / "mine" / "identifiers.json").write_text(json.dumps([*NAMED[:4], "two|||t2"]))
    with pytest.raises(ModelError, match="is no identifier"):
        pull.push(tmp_path / "mine", "me/mine")


def test_what_cannot_be_published(server: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"the hub refuses|not logged in") as caught:
        pull.push(folder, "me/mine")
    assert "HF_TOKEN" in caught.value.hint
    (tmp_path / "bad.json").write_text('{"kind": "sudoku"}')
    with pytest.raises(InputError, match="not the result of an evaluation"):
        pull.push(folder, "me/mine", tmp_path / "bad.json")
    (folder / WEIGHTS).unlink()
    with pytest.raises(ModelError, match="missing"):
        pull.push(folder, "me/mine")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    save(load("sudoku"), folder)
    with pytest.raises(ModelError, match="HF_HUB_OFFLINE is set"):
        pull.push(folder, "me/mine")
    assert not server.repositories


def test_describe_says_what_would_have_to_be_fetched() -> None:
    with pytest.raises(ModelError, match="not on this machine"):
        catalogue.describe("someone/else")
