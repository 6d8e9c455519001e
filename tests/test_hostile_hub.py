"""A hub that does harm: nothing is written outside the cache, the token goes nowhere else, one line each, an end."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hub_server import Hub
from test_hub import CONFIG, RAW, WEIGHTS, _loopback_only, assert_golden, raw_files, server

from trm_solve.errors import ModelError
from trm_solve.hub import pull, remote, store
from trm_solve.pretrained import load

__all__ = ["_loopback_only", "server"]


@pytest.fixture(autouse=True)
def _harmless(server: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """After every test: what lies outside the cache is as it was, and no other host was given the token."""
    monkeypatch.setenv("HF_TOKEN", "good")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/x").write_text("mine")
    monkeypatch.chdir(tmp_path / "mine")
    server.add(RAW, raw_files())
    yield
    found = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert {name for name in found if not name.startswith("hf/trm-solve/someone--raw-model/")} == {"mine/x"}
    assert not [name for name in found if "/.pull-" in name]
    asked = {each.headers["host"].split(":")[0] for each in server.log if "authorization" in each.headers}
    assert asked <= {"127.0.0.1"}
    assert (tmp_path / "mine/x").read_text() == "mine"


def refused(name: str = RAW) -> str:
    with pytest.raises(ModelError) as caught:
        pull.pull(name)
    text = caught.value.message + caught.value.hint
    assert text.isprintable(), text
    return caught.value.message


@pytest.mark.parametrize(
    "name",
    ["../x", "/etc/x", "a/../../x", "..", "a\x1b[31m", "a\nb", "a\0b", "a\\..\\b", "", "\u202ex", 3, None, ["a"]],
)
def test_names_that_lead_out_or_control(server: Hub, name: Any) -> None:
    server.told = lambda facts: {**facts, "siblings": [*facts["siblings"], {"rfilename": name, "size": 1}]}
    assert "does not answer as a hub does" in refused()
    assert not server.downloads()


def test_a_name_that_no_disk_takes(server: Hub) -> None:
    server.repositories[RAW].commit({"step_6": None, f"step_{'1' * 300}": b"x"})
    assert "file name too long" in refused()


@pytest.mark.parametrize(
    "told", [{"sha": "../../x"}, {"sha": 7}, {"siblings": 7}, {"siblings": [7]}, {"siblings": [{}]}]
)
def test_listings_that_are_none(server: Hub, told: dict[str, Any]) -> None:
    server.told = lambda facts: {**facts, **told}
    assert "does not answer as a hub does" in refused()


@pytest.mark.parametrize(
    "data", [b"[" * 100_000, b'{"sha": ' + b"9" * 5000 + b"}", b'{"sha": "a", "sha": "b"}', b"NaN"]
)
def test_listings_that_are_bombs(server: Hub, data: bytes) -> None:
    server.answers = data
    assert "does not answer as a hub does" in refused()


@pytest.mark.parametrize("size", [-1, 0, 1.5, "10", None, True, 2**62])
def test_sizes_of_the_listing_decide_nothing_but_room(server: Hub, size: Any) -> None:
    server.told = lambda facts: {**facts, "siblings": [{**each, "size": size} for each in facts["siblings"]]}
    if size == 2**62:
        assert "the disk is full" in refused()
    else:
        assert_golden(load(RAW), "trm-mlp")


def test_a_body_longer_than_was_told_is_thrown_away(server: Hub) -> None:
    server.aimed, server.sizes = "step_6", 1000
    assert refused() == f"{RAW}:step_6: more arrives than 1,000 bytes"
    assert not list(store.repository_dir(RAW).rglob("*.part"))
    server.sizes = 1 << 40  # more than there is room for
    assert "the disk is full" in refused()
    server.aimed = ""
    assert_golden(load(RAW), "trm-mlp")


def test_a_configuration_of_gigabytes_is_not_fetched(server: Hub) -> None:
    server.told = lambda facts: {**facts, "siblings": [{**each, "size": 5 << 30} for each in facts["siblings"]]}
    server.repositories[RAW].commit({"all_config.yaml": b"x" * 20_000})  # a large file is on another host
    server.aimed, server.sizes = "all_config.yaml", 5 << 30
    assert "all_config.yaml: 5,368,709,120 bytes, such a file has at most" in refused()
    assert not [each for each in server.downloads() if "/store/" in each.path]


@pytest.mark.parametrize("status", [200, 404, 418, 500])
@pytest.mark.parametrize("aimed", ["main", "all_config.yaml", "step_6"])
def test_endless_bodies(server: Hub, aimed: str, status: int) -> None:
    server.aimed, server.endless, server.status = aimed, True, status
    refused()
    assert server.sent < 64 << 20
    assert sum(path.stat().st_size for path in store.home().rglob("*") if path.is_file()) < 32 << 20


@pytest.mark.parametrize("aimed", ["main", "all_config.yaml", "step_6"])
def test_a_drip_is_given_up(server: Hub, monkeypatch: pytest.MonkeyPatch, aimed: str) -> None:
    monkeypatch.setattr(remote, "PATIENCE", 1.0)
    server.aimed, server.drips = aimed, True
    assert "next to nothing arrived in 1 seconds" in refused()
    assert server.sent < 10_000


@pytest.mark.parametrize("aimed", ["main", "all_config.yaml", "step_6"])
@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher:x", "javascript:x", "{store}/x"]
)
def test_redirects_to_elsewhere(server: Hub, aimed: str, location: str) -> None:
    server.stored["x"] = b"arch: {H_cycles: 1, L_cycles: 1}\n"
    server.aimed, server.location = aimed, location.format(store=server.store_url)
    refused()
    assert not list(store.repository_dir(RAW).glob("*/*/config.json"))


def test_a_token_is_not_sent_in_the_clear_nor_to_another_host(server: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """From https to http on the same host the token would be readable on the way: refused before anything is asked."""
    facts = type("Facts", (), {"location": f"{server.url}/x", "size": 1, "etag": None})
    monkeypatch.setattr(remote.client, "get_hf_file_metadata", lambda *_, **__: facts)
    monkeypatch.setattr(remote, "endpoint", lambda: server.url.replace("http:", "https:"))
    monkeypatch.setattr(remote.client, "hf_hub_url", lambda *_, **__: f"{server.url.replace('http:', 'https:')}/x")
    listing = remote.Listing(RAW, "0" * 40, {"x": 1}, None)
    with pytest.raises(ModelError, match="the hub sends us to http://"):
        remote.fetch(listing, "x")
    assert not server.log


BOMB = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefg", "bcdefgh", strict=True)
)


@pytest.mark.parametrize(
    "data", [BOMB, "[" * 50_000, "arch: {hidden_size: 4000000, H_cycles: 3, L_cycles: 6}", "\0", "- 1"]
)
def test_a_configuration_that_is_a_bomb(server: Hub, data: str) -> None:
    server.repositories[RAW].commit({"all_config.yaml": data.encode()})
    refused()


def test_a_folder_whose_files_are_bombs(server: Hub) -> None:
    files = {CONFIG: b"[" * 100_000, WEIGHTS: b"x" * 50}
    repository = server.add("someone/raw-model-x", {})
    server.repositories[RAW].commit({**files, "step_6": None, "all_config.yaml": None})
    refused()
    assert repository.commits
    config = json.dumps({"kind": "sudoku", "hidden_size": 10**40}).encode()
    server.repositories[RAW].commit({CONFIG: config})
    refused()
    assert not server.downloads(WEIGHTS)


def test_weights_that_change_between_two_requests(server: Hub) -> None:
    """The first part of one file and the rest of another are no file."""
    repository = server.repositories[RAW]
    server.cuts = [100_000] + [0] * 20
    refused()
    (part,) = store.repository_dir(RAW).rglob("step_6.part")
    commit = next(reversed(repository.commits))
    good = repository.commits[commit]["step_6"]
    repository.commits[commit]["step_6"] = bytes(100) + good[100:]
    server.cuts.clear()
    assert refused() == f"{RAW}:step_6: checksum mismatch"
    assert not part.exists()
    repository.commits[commit]["step_6"] = good
    assert_golden(load(RAW), "trm-mlp")


@pytest.mark.usefixtures("server")
def test_what_a_killed_pull_left_is_swept() -> None:
    left = store.repository_dir(RAW) / "0123456789" / f"{pull.UNFINISHED}abc"
    left.mkdir(parents=True)
    (left / WEIGHTS).write_bytes(bytes(1000))
    assert_golden(load(RAW), "trm-mlp")
    assert not left.exists()


def test_each_is_one_line_of_the_command(server: Hub, trm: Callable[..., Any]) -> None:
    server.told = lambda facts: {**facts, "siblings": [{"rfilename": "\x1b]0;x\x07/step_1", "size": 1}]}
    told = trm("models", "pull", RAW)
    assert (told.code, told.out) == (3, "")
    assert [line.split(":")[0] for line in told.err.splitlines()] == ["error", "hint"]
