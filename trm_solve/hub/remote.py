"""The Hugging Face hub, through its own client: what a repository holds, fetch a file, publish a folder.

Every failure becomes a `ModelError` of one line and a hint. `HF_ENDPOINT`, `HF_HUB_OFFLINE`, `HF_TOKEN`, `HF_HOME` and
`HF_HUB_CACHE` mean what they always mean. A download that was cut goes on where it stopped, also in a later run, which
the client's own cache does not offer; files that this cache holds already are taken from there.
"""

from __future__ import annotations

import contextlib
import difflib
import errno
import hashlib
import os
import queue
import re
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeVar
from urllib.parse import quote, urlsplit

import huggingface_hub as client
from huggingface_hub import constants, errors
from huggingface_hub.utils import (  # type: ignore[attr-defined]
    WeakFileLock,
    build_hf_headers,
    disable_progress_bars,
    get_session,
    hf_raise_for_status,
    validate_repo_id,
)

from trm_solve import __version__
from trm_solve.errors import ModelError, first_line
from trm_solve.hub import names as hub
from trm_solve.hub import store
from trm_solve.talk import printable, say
from trm_solve.untrusted import BYTES, object_of, parse_json

LOGIN = "hf auth login, or a token in HF_TOKEN"
TIMEOUT = 20.0  # seconds to wait for the first answer
PATIENCE = 60.0  # seconds in which another chunk must arrive: a drip of bytes never times out by itself
CHUNK = 1 << 16  # bytes
TRIES, PAUSE = 5, 1.0  # after a cut without news; seconds in between
HTTP_LIBRARIES = {"httpx", "httpx2", "httpcore", "requests", "urllib3"}  # which one depends on the client's version
COMMIT = re.compile("[0-9a-f]{7,64}")
MARGIN = 64 << 20  # bytes of disk that are left free
T = TypeVar("T")


def endpoint() -> str:
    return (os.environ.get("HF_ENDPOINT") or constants.ENDPOINT).rstrip("/")


def is_offline() -> bool:
    return bool(constants.HF_HUB_OFFLINE) or os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "TRUE", "YES", "ON")


@dataclass(frozen=True)
class Listing:
    """What a repository holds at one commit: names of files and their sizes where they are told."""

    repository: str
    commit: str
    files: dict[str, int | None]
    snapshot: Path | None  # the client's own copy of this commit, as far as it has it


def list_files(repository: str, revision: str) -> Listing:
    """A repository at a branch, tag or commit; without a network, what the client's cache has of it.

    Raises `ModelError`.
    """
    if not is_offline():
        try:
            with _explained(repository, revision):
                commit, files = _parse_listing(_watched(lambda alive: _ask(repository, revision, alive)))
            return Listing(repository, commit, files, _snapshot(repository, commit))
        except NoNetwork:
            if _snapshot(repository, revision) is None:
                raise
    snapshot = _snapshot(repository, revision)
    if snapshot is None:
        hint = "unset HF_HUB_OFFLINE, or pull the model where there is a network and bring HF_HOME along"
        raise NoNetwork(f"{repository}: not on this machine, and HF_HUB_OFFLINE is set", hint)
    here = [path for path in snapshot.rglob("*") if path.is_file()]
    sizes: dict[str, int | None] = {path.relative_to(snapshot).as_posix(): path.stat().st_size for path in here}
    return Listing(repository, snapshot.name, sizes, snapshot)


def _ask(repository: str, revision: str, alive: Callable[[], None]) -> bytes:
    """What the hub says of a repository, as far as such answers go."""
    validate_repo_id(repository)
    url = f"{endpoint()}/api/models/{repository}/revision/{quote(revision, safe='')}?blobs=true"
    found = bytearray()
    with _opened(url, _headers(), TIMEOUT) as (_, chunks):
        for chunk in chunks:
            alive()
            found += chunk
            if len(found) > BYTES:
                raise ValueError(f"an answer of more than {BYTES >> 20} MB")
    return bytes(found)


@contextlib.contextmanager
def _opened(url: str, headers: dict[str, str], timeout: float) -> Iterator[tuple[int, Iterator[bytes]]]:
    """The status and the body of an address, in pieces. Raises what the client does, and reads no page of an error."""
    session: Any = get_session()  # of one HTTP library or another
    with contextlib.ExitStack() as stack:
        if hasattr(session, "stream"):
            response = stack.enter_context(session.stream("GET", url, headers=headers, timeout=timeout))
        else:
            response = stack.enter_context(session.get(url, headers=headers, timeout=timeout, stream=True))
        if response.status_code >= 400:
            response._content = b""  # it may have no end, and what matters is in its headers
        hf_raise_for_status(response)
        read = response.iter_bytes if hasattr(response, "iter_bytes") else response.iter_content
        yield response.status_code, read(CHUNK)


def _parse_listing(answer: bytes) -> tuple[str, dict[str, int | None]]:
    """The commit and the files with their sizes, where those are told. Raises ValueError or TypeError."""
    said = object_of(parse_json(answer))
    commit, files = said.get("sha"), {}
    if not isinstance(commit, str) or not COMMIT.fullmatch(commit):
        raise ValueError("no commit")
    for each in said.get("siblings") or []:
        name, size = each["rfilename"], each.get("size")
        if not isinstance(name, str) or not name.isprintable() or not name or not store.is_inside(name):
            raise ValueError("a file's name that leads out of its repository")  # it becomes a path on this machine
        files[name] = size if type(size) is int and size >= 0 else None
    return commit, files


def _headers() -> dict[str, str]:
    headers: dict[str, str] = build_hf_headers(library_name="trm-solve", library_version=__version__)
    return headers


def _watched(work: Callable[[Callable[[], None]], T]) -> T:
    """What `work` gives, in a thread that is left to itself where its `alive` is not called for `PATIENCE` seconds.

    Raises TimeoutError then, and in `alive` from then on.
    """
    beat, given_up = time.monotonic(), False
    done: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()

    def alive() -> None:
        nonlocal beat
        if given_up:
            raise TimeoutError
        beat = time.monotonic()

    def run() -> None:
        try:
            done.put((work(alive), None))
        except BaseException as error:
            done.put((None, error))

    threading.Thread(target=run, daemon=True).start()
    try:
        while (left := beat + PATIENCE - time.monotonic()) > 0:
            with contextlib.suppress(queue.Empty):
                found, error = done.get(timeout=left)
                if error is not None:
                    raise error
                return found  # type: ignore[return-value]
    finally:
        given_up = True
    raise TimeoutError(f"next to nothing arrived in {PATIENCE:.0f} seconds")


def alone(repository: str) -> contextlib.AbstractContextManager[object]:
    """Hold a repository's folder; waits for another process that makes a model of it."""
    return WeakFileLock(store.repository_dir(repository) / ".lock")


def _api() -> client.HfApi:
    return client.HfApi(endpoint=endpoint(), library_name="trm-solve", library_version=__version__)


def _snapshot(repository: str, revision: str) -> Path | None:
    """The folder of the client's cache that holds this revision."""
    cache = Path(os.environ.get("HF_HUB_CACHE") or store.home() / "hub").expanduser()
    there = cache / ("models--" + repository.replace("/", "--"))
    ref = there / "refs" / revision
    commit = ref.read_text(encoding="utf-8").strip() if ref.is_file() else revision
    folder = there / "snapshots" / commit
    return folder if folder.is_dir() else None


def fetch(listing: Listing, file: str, most: int | None = BYTES, room: int = 0) -> Path:
    """A file of the listed commit, checked against the hub's checksum. It is the caller's to remove.

    `most`: bytes of such a file; None: as many as the hub says. `room`: bytes that what is made of it will need on the
    same disk. Raises `ModelError`.
    """
    if listing.snapshot is not None and (listing.snapshot / file).is_file():
        return listing.snapshot / file
    name = f"{listing.repository}:{file}"
    if is_offline() or file not in listing.files:
        raise ModelError(f"{name}: not on this machine" if is_offline() else f"{name}: no such file in the repository")
    target = downloads_dir(listing) / file
    with _explained(listing.repository, listing.commit), _on_disk(name, target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        with WeakFileLock(target.with_name(f"{target.name}.lock")):
            if not target.is_file():
                _download(listing, file, target, most, room)
    return target


def downloads_dir(listing: Listing) -> Path:
    return store.repository_dir(listing.repository) / "downloads" / listing.commit


def _download(listing: Listing, file: str, target: Path, most: int | None, room: int) -> None:
    name, headers = f"{listing.repository}:{file}", _headers()
    url = client.hf_hub_url(listing.repository, file, revision=listing.commit, endpoint=endpoint())
    facts = _watched(lambda _: client.get_hf_file_metadata(url, timeout=TIMEOUT, headers=headers))
    here, there = urlsplit(url), urlsplit(facts.location)
    if there.scheme not in ("https", here.scheme):
        raise ModelError(f"{name}: the hub sends us to {printable(facts.location)[:80]}", "is HF_ENDPOINT right?")
    if there[:2] != here[:2]:  # a signed address elsewhere: not for our token
        headers = {key: value for key, value in headers.items() if key.lower() != "authorization"}
    size = listing.files.get(file) if facts.size is None else facts.size
    if most is not None and (size or 0) > most:
        raise ModelError(f"{name}: {size:,} bytes, such a file has at most {most:,}")
    limit = size if size is not None else most or BYTES
    part = target.with_name(f"{target.name}.part")
    have = part.stat().st_size if part.exists() else 0
    if facts.size is None or have > facts.size:  # nothing to go on with
        part.unlink(missing_ok=True)
        have = 0
    _check_room(target.parent, (size or 0) - have + room)
    with part.open("ab") as file_on_disk, _progress(target.name, size or 0, have) as advance:

        def fill(alive: Callable[[], None]) -> None:
            _fill(file_on_disk, facts.location, headers, facts.size, limit, alive, advance)

        try:
            _watched(fill)
        except _TooMuch:
            part.unlink()
            raise ModelError(f"{name}: more arrives than {limit:,} bytes", "it was thrown away, try again") from None
    if facts.etag and _checksum(part, facts.etag) not in (facts.etag, None):
        part.unlink()
        hint = "what arrived is not what the hub has; it was thrown away, try again"
        raise ModelError(f"{name}: checksum mismatch", hint)
    part.replace(target)


def _checksum(path: Path, etag: str) -> str | None:
    """The sum that the hub's tag is: SHA-256 of large files, git's of small ones; None for a tag of another sort."""
    if len(etag) == 64:
        return store.sha256(path)
    if len(etag) == 40:
        return hashlib.sha1(b"blob %d\0" % path.stat().st_size + path.read_bytes(), usedforsecurity=False).hexdigest()
    return None


def _check_room(folder: Path, need: int) -> None:
    free = shutil.disk_usage(folder).free
    if need + MARGIN > free:
        raise OSError(errno.ENOSPC, f"{need / 1e9:.1f} GB are needed, {free / 1e9:.1f} GB are free")


@contextlib.contextmanager
def _on_disk(name: str, folder: Path) -> Iterator[None]:
    """A disk that is full or does not let us write, as one line."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            detail = "" if error.strerror == os.strerror(error.errno) else f": {error.strerror}"
            hint = "HF_HOME names a folder on another disk; what is there already is kept"
            raise ModelError(f"{name}: the disk is full{detail}", hint) from None
        if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
            raise ModelError(f"{folder}: cannot be written", "HF_HOME names another folder") from None
        raise


class _TooMuch(Exception):
    """More arrives than was told."""


class _Cut(Exception):
    """Less arrives than was told."""


def _fill(
    file: IO[bytes],
    url: str,
    headers: dict[str, str],
    size: int | None,
    limit: int,
    alive: Callable[[], None],
    advance: Callable[[int], None],
) -> None:
    """Append what a file lacks; after a cut goes on where it was, a few times without news. Raises `_TooMuch`."""
    tries, headers = TRIES, headers | {"Accept-Encoding": "identity"}
    while size is None or file.tell() < size:
        have, cut = file.tell(), None
        asked = headers | ({"Range": f"bytes={have}-"} if have else {})
        try:
            with _opened(url, asked, constants.HF_HUB_DOWNLOAD_TIMEOUT) as (status, chunks):
                if have and status != 206:  # all of it comes again
                    advance(-have)
                    file.seek(0)
                    file.truncate()
                for chunk in chunks:
                    alive()
                    if file.tell() + len(chunk) > limit:
                        raise _TooMuch
                    file.write(chunk)
                    advance(len(chunk))
                    tries = TRIES
        except Exception as error:
            if type(error).__module__.split(".")[0] not in HTTP_LIBRARIES:
                raise
            cut = error
        if cut is None and size is None:
            return
        if size is None or file.tell() < size:
            if not tries:
                raise cut or _Cut
            tries -= 1
            time.sleep(PAUSE)


@contextlib.contextmanager
def _progress(name: str, size: int, done: int) -> Iterator[Callable[[int], None]]:
    """A bar with rate and time left where stderr is a terminal, a line elsewhere."""
    if not sys.stderr.isatty():
        if size > 1 << 20:
            say(f"downloading {name}, {(size - done) / 1e6:.1f} MB")
        yield lambda _: None
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    from trm_solve.terminal import PlainConsole

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=PlainConsole(stderr=True), transient=True) as progress:
        task = progress.add_task(printable(name), total=size or None, completed=done)
        yield lambda count: progress.advance(task, count)


# ---- failures


class NoNetwork(ModelError):
    """The hub cannot be reached."""


@contextlib.contextmanager
def _explained(repository: str, revision: str = "main") -> Iterator[None]:
    """Whatever the client raises, as one line and a hint."""
    try:
        yield
    except ModelError:
        raise
    except Exception as error:
        cause = error.__cause__ if isinstance(error, RuntimeError) else None  # how uploads report theirs
        found = _explain(cause if isinstance(cause, Exception) else error, repository, revision)
        if found is None:
            raise
        raise found from None


def _explain(error: Exception, repository: str, revision: str) -> ModelError | None:
    if isinstance(error, errors.GatedRepoError):
        page = f"{endpoint()}/{repository}"
        return ModelError(f"{repository}: gated, its authors grant access", f"ask for it on {page}, then {LOGIN}")
    if isinstance(error, errors.RepositoryNotFoundError):
        there = [each.repository for each in hub.known().values()] + [each.repository for each, _ in store.cached()]
        close = difflib.get_close_matches(repository, there, n=1, cutoff=0.5)
        meant = f"did you mean '{close[0]}'? " if close else ""
        private = f"to open a private one: {LOGIN}"
        return ModelError(f"{repository}: no such folder here, no such repository on the hub", meant + private)
    if isinstance(error, errors.RevisionNotFoundError):
        hint = f"without @{revision} the newest is taken; {endpoint()}/{repository}/commits/main lists the others"
        return ModelError(f"{repository}: the hub has no revision '{revision}' of it", hint)
    if isinstance(error, errors.EntryNotFoundError):
        return ModelError(f"{repository}: a file is not there any more", "trm-solve models pull looks again")
    if isinstance(error, errors.OfflineModeIsEnabled):
        return ModelError(f"{repository}: HF_HUB_OFFLINE is set", "unset it to use the hub")
    if isinstance(error, errors.LocalTokenNotFoundError):
        return ModelError(f"{repository}: not logged in", LOGIN)
    if isinstance(error, errors.HFValidationError):
        return ModelError(f"{repository}: no name of a repository ({first_line(error)})", "ORG/REPO[@REVISION][:FILE]")
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in (401, 403):
        return ModelError(f"{repository}: the hub refuses ({status})", f"{LOGIN}, with the right to do this")
    if status is not None:
        return ModelError(f"{repository}: the hub answers {status}: {first_line(error)}", "try again later")
    if type(error).__module__.split(".")[0] in HTTP_LIBRARIES:
        reason = f"no such folder here, and {endpoint()} cannot be reached ({first_line(error)})"
        return NoNetwork(f"{repository}: {reason}", "what has arrived is kept; run it again once there is a network")
    if isinstance(error, _Cut):
        return NoNetwork(f"{repository}: the download was cut", "what has arrived is kept; run it again to go on")
    if isinstance(error, TimeoutError):
        return NoNetwork(f"{repository}: {first_line(error)}", "what has arrived is kept; run it again to go on")
    if isinstance(error, ConnectionError | RuntimeError):  # of the large-file transfer
        hint = "run it again; with HF_HUB_DISABLE_XET=1 files go by plain HTTP"
        return NoNetwork(f"{repository}: the transfer failed: {first_line(error)}", hint)
    if isinstance(error, ValueError | KeyError | TypeError):  # a portal's page, say, where JSON was expected
        return ModelError(f"{repository}: {endpoint()} does not answer as a hub does", "is HF_ENDPOINT right?")
    return None


# ---- publishing


def upload(
    repository: str,
    files: dict[str, Path | bytes],
    *,
    message: str,
    private: bool = False,
    branch: str | None = None,
    create_pr: bool = False,
) -> str:
    """Put files into a repository, made where there is none, in one commit; returns its address; or `ModelError`."""
    if is_offline():
        raise ModelError(f"{repository}: HF_HUB_OFFLINE is set", "unset it to use the hub")
    if not sys.stderr.isatty():
        disable_progress_bars()
    with _explained(repository):
        api = _api()
        api.create_repo(repository, private=private, exist_ok=True)
        parts = [client.CommitOperationAdd(name, str(f) if isinstance(f, Path) else f) for name, f in files.items()]
        done = api.create_commit(
            repository, parts, commit_message=message, revision=branch, create_pr=create_pr or None
        )
        return str(done.commit_url)
