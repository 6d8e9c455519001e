"""A small Hugging Face hub on the loopback: the routes that the real client speaks, and ways to misbehave."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

STORE = "store.test"  # a name for the loopback that tests make known
LARGE = 10_000  # bytes from which a file lies in the large-file store, on another host


@dataclass
class Repository:
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)  # by hash, the newest last
    access: str = "open"  # gated, private

    def commit(self, files: Mapping[str, bytes | None]) -> str:
        """Add or (None) remove files; returns the commit's hash."""
        before = next(reversed(self.commits.values()), {})
        after = {name: data for name, data in {**before, **files}.items() if data is not None}
        sha = hashlib.sha1(str(len(self.commits)).encode() + b"".join(after.values())).hexdigest()
        self.commits[sha] = after
        return sha

    def at(self, revision: str) -> str | None:
        if revision == "main":
            return next(reversed(self.commits), None)
        return next((sha for sha in self.commits if sha.startswith(revision) and len(revision) >= 7), None)


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]


class Hub:
    """Start with `with Hub() as hub`; `hub.log` holds every request."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.stored: dict[str, bytes] = {}  # large files by SHA-256
        self.log: list[Request] = []
        self.cuts: list[int] = []  # the next downloads of large files end after so many bytes
        self.corrupt = False
        self.answers: bytes | None = None  # what is said in place of a repository's listing
        self.on_download: Any = None  # called with the path of a file that was served
        # and to do harm
        self.told: Any = None  # makes another listing of a repository's
        self.location = ""  # where requests are sent to whose path ends with `aimed`
        self.endless = False  # their bodies never end; `sent` counts the bytes
        self.status = 0  # with which endless bodies begin, if it is another
        self.drips = False  # their headers and bodies come byte by byte, and never all of them
        self.sizes: int | None = None  # what is said of their size
        self.aimed = ""
        self.sent = 0
        self.stopped = threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"hub": self}))
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    @property
    def store_url(self) -> str:
        return f"http://{STORE}:{self.server.server_port}/store"

    def __enter__(self) -> Hub:
        self.thread.start()
        return self

    def __exit__(self, *details: object) -> None:
        self.stopped.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def add(self, name: str, files: Mapping[str, bytes], access: str = "open") -> Repository:
        made = self.repositories.setdefault(name, Repository(access=access))
        made.commit(files)
        return made

    def downloads(self, name: str = "") -> list[Request]:
        """Requests for contents, of the files whose names end so."""
        return [r for r in self.log if r.method == "GET" and ("/resolve/" in r.path or "/store/" in r.path)
                and r.path.endswith(name)]  # fmt: skip


class Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (ConnectionError, BrokenPipeError):
            self.close_connection = True

    def _begin(self) -> list[str]:
        path = unquote(urlsplit(self.path).path)
        self.hub.log.append(Request(self.command, path, {k.lower(): v for k, v in self.headers.items()}))
        return path.strip("/").split("/")

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            data = b""
            while size := int(self.rfile.readline(), 16):
                data += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return data
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _aimed(self) -> bool:
        return bool(self.hub.aimed) and urlsplit(self.path).path.endswith(self.hub.aimed)

    def _send(self, status: int, data: bytes = b"", cut: int | None = None, **headers: str) -> None:
        if self._aimed() and (self.hub.endless or self.hub.drips) and self.command == "GET":
            self._never_end(status)
            return
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data[:cut])
            if cut is not None:
                self.wfile.flush()
                self.connection.close()
                self.close_connection = True

    def _never_end(self, status: int) -> None:
        """A body that goes on until nobody listens."""
        self.send_response(self.hub.status or status)
        self.end_headers()
        piece = b" " if self.hub.drips else b" " * (1 << 16)
        while self.hub.sent < 1 << 28 and not self.hub.stopped.wait(0.02 if self.hub.drips else 0):
            self.wfile.write(piece)
            self.hub.sent += len(piece)
        self.close_connection = True

    def _json(self, value: Any) -> None:
        self._send(200, json.dumps(value).encode(), Content_Type="application/json")

    def _refuse(self, name: str) -> bool:
        """Access to a repository, as the hub refuses it."""
        found = self.hub.repositories.get(name)
        known = self.headers.get("Authorization") == "Bearer good"
        if found is not None and found.access == "gated" and not known:
            self._send(403, X_Error_Code="GatedRepo", X_Error_Message="Access is restricted")
        elif found is None or (found.access == "private" and not known):
            self._send(404 if known else 401, X_Error_Code="RepoNotFound", X_Error_Message="Repository not found")
        else:
            return False
        return True

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        parts = self._begin()
        if self._aimed() and self.hub.location:
            self._send(302, Location=self.hub.location)
        elif parts[:2] == ["api", "models"] and len(parts) in (4, 6):
            self._info("/".join(parts[2:4]), parts[5] if len(parts) == 6 else "main")
        elif parts[0] == "store":
            self._content(self.hub.stored[parts[1]], {"ETag": f'"{parts[1]}"'}, large=True)
        elif len(parts) > 4 and parts[2] == "resolve":
            self._resolve("/".join(parts[:2]), parts[3], "/".join(parts[4:]))
        else:
            self._send(404)

    def _info(self, name: str, revision: str) -> None:
        if self.hub.answers is not None:
            self._send(200, self.hub.answers)
            return
        if self._refuse(name):
            return
        repository = self.hub.repositories[name]
        sha = repository.at(revision)
        if sha is None:
            self._send(404, X_Error_Code="RevisionNotFound")
            return
        files = [{"rfilename": path, "size": len(data)} for path, data in repository.commits[sha].items()]
        facts = {"id": name, "modelId": name, "sha": sha, "siblings": files, "tags": [], "private": False}
        self._json(self.hub.told(facts) if self.hub.told else facts)

    def _resolve(self, name: str, revision: str, path: str) -> None:
        if self._refuse(name):
            return
        repository = self.hub.repositories[name]
        sha = repository.at(revision)
        if sha is None:
            self._send(404, X_Error_Code="RevisionNotFound")
        elif path not in repository.commits[sha]:
            self._send(404, X_Error_Code="EntryNotFound", X_Repo_Commit=sha)
        else:
            data = repository.commits[sha][path]
            if len(data) >= LARGE:
                oid = hashlib.sha256(data).hexdigest()
                self.hub.stored[oid] = data
                size = self.hub.sizes if self._aimed() and self.hub.sizes is not None else len(data)
                facts = {"X_Linked_Etag": f'"{oid}"', "X_Linked_Size": str(size)}
                self._send(302, X_Repo_Commit=sha, Location=f"{self.hub.store_url}/{oid}/{path}", **facts)
            else:
                tag = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
                self._content(data, {"ETag": f'"{tag}"', "X_Repo_Commit": sha})
            if self.command == "GET" and self.hub.on_download:
                self.hub.on_download(path)

    def _content(self, data: bytes, headers: dict[str, str], large: bool = False) -> None:
        total, start = len(data), 0
        if self.hub.corrupt and large:
            data = data[:-1] + bytes([data[-1] ^ 1])
        wanted = self.headers.get("Range", "")
        if wanted.startswith("bytes="):
            start = int(wanted[6:].split("-")[0])
            headers = {**headers, "Content_Range": f"bytes {start}-{total - 1}/{total}"}
        cut = self.hub.cuts.pop(0) if large and self.command == "GET" and self.hub.cuts else None
        length = {"Content_Length": str(total - start)}
        self._send(206 if start else 200, data[start:], cut, Accept_Ranges="bytes", **length, **headers)

    def do_POST(self) -> None:
        parts, body = self._begin(), self._body()
        if parts == ["api", "validate-yaml"]:
            self._json({"errors": [], "warnings": []})
        elif self.headers.get("Authorization") != "Bearer good":
            self._send(401, X_Error_Message="Invalid username or password")
        elif parts == ["api", "repos", "create"]:
            asked = json.loads(body)
            name = f"{asked['organization']}/{asked['name']}" if asked.get("organization") else asked["name"]
            access = "private" if asked.get("private") or asked.get("visibility") == "private" else "open"
            if name in self.hub.repositories:
                self._send(409, json.dumps({"url": f"{self.hub.url}/{name}"}).encode())
                return
            self.hub.repositories[name] = Repository(access=access)
            self._json({"url": f"{self.hub.url}/{name}", "name": name})
        elif parts[-2:-1] == ["preupload"]:
            files = json.loads(body)["files"]
            self._json({"files": [self._mode(each) for each in files]})
        elif parts[-2:] == ["objects", "batch"]:
            objects = json.loads(body)["objects"]
            upload = [
                {**each, "actions": {"upload": {"href": f"{self.hub.store_url}/{each['oid']}"}}} for each in objects
            ]
            self._json({"transfer": "basic", "objects": upload})
        elif parts[-2:-1] == ["commit"]:
            self._commit("/".join(parts[2:4]), body)
        else:
            self._send(404)

    def _mode(self, asked: dict[str, Any]) -> dict[str, Any]:
        mode = "lfs" if asked["size"] >= LARGE else "regular"
        return {"path": asked["path"], "uploadMode": mode, "shouldIgnore": False, "oid": None}

    def do_PUT(self) -> None:
        parts, body = self._begin(), self._body()
        self.hub.stored[parts[1]] = body
        self._send(200)

    def _commit(self, name: str, body: bytes) -> None:
        files: dict[str, bytes] = {}
        for line in body.splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                files[value["path"]] = self.hub.stored[value["oid"]]
        sha = self.hub.repositories[name].commit(files)
        self._json({"commitUrl": f"{self.hub.url}/{name}/commit/{sha}", "commitOid": sha, "hookOutput": ""})
