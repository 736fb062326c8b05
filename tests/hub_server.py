"""A small Hugging Face Hub on this machine, for the real Hub client to talk to.

It keeps repositories in memory and answers over HTTP from a thread. A route is a method, a pattern
and a function, so that further calls are further rows of `ROUTES`. Faults are injected by pattern.
Every request is logged, so that a test can say how many were made.

Large files are answered by a redirect to another origin, as the Hub does: the client would follow
a redirect on the same origin by itself and miss the headers. ``localhost`` is that other origin.
"""

import contextlib
import hashlib
import json
import re
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Literal, Self, TypeAlias
from urllib.parse import parse_qs, quote, unquote, urlsplit

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Tree: TypeAlias = dict[str, bytes]

_LARGE = re.compile(r"\.(safetensors|bin|pt|pth|gguf|onnx|msgpack|npz|parquet|zip)$")


@dataclass
class Repository:
    """One model: its commits, and who may read it."""

    name: str
    commits: dict[str, Tree] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    gated: bool = False
    private: bool = False
    readers: set[str] = field(default_factory=set)
    lies: Tree = field(default_factory=dict)
    """Bytes that are sent instead of the right ones."""
    small: set[str] = field(default_factory=set)
    """Files that lie in git itself, whatever they are called."""

    def commit(self, files: Tree, branch: str = "main") -> str:
        """Make a commit that holds exactly these files; return its 40 digits."""
        parent = self.branches.get(branch, "")
        facts = [(path, _sha256(data)) for path, data in sorted(files.items())]
        digits = hashlib.sha1(repr((self.name, parent, facts)).encode()).hexdigest()
        self.commits[digits] = dict(files)
        self.branches[branch] = digits
        return digits

    def find(self, revision: str) -> str | None:
        """Return the commit that a revision means."""
        return revision if revision in self.commits else self.branches.get(revision)


@dataclass
class Fault:
    """What shall go wrong: requests whose ``METHOD path`` matches, so many times."""

    pattern: str
    answer: int | Literal["drop"]
    times: int = 1_000_000
    body: bytes = b"{}"


@dataclass
class Request:
    """One request, taken apart."""

    user: str | None
    groups: dict[str, str]
    query: dict[str, list[str]]
    range: str | None
    head: bool


@dataclass
class Answer:
    """What goes back."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class HubServer:
    """The Hub. Use it as a context manager."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.tokens: dict[str, str] = {}
        self.log: list[str] = []
        self.faults: list[Fault] = []
        self.page_size = 1000
        self.connections: set[socket.socket] = set()
        self.lock = threading.Lock()
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": self})
        )
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def create(self, name: str) -> Repository:
        """Make an empty repository."""
        self.repositories[name] = Repository(name)
        return self.repositories[name]

    def stop(self) -> None:
        """Stop answering; calling it twice is fine."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
            # A connection that is kept alive would be answered still.
            for connection in list(self.connections):
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self._server.server_close()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.stop()

    def fault(self, line: str) -> Fault | None:
        """Return the fault for a request, if there is one, and count it."""
        with self.lock:
            self.log.append(line)
            for fault in self.faults:
                if fault.times > 0 and re.search(fault.pattern, line):
                    fault.times -= 1
                    return fault
        return None


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _git_blob(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def _is_large(repository: Repository, path: str) -> bool:
    return _LARGE.search(path) is not None and path not in repository.small


def _pointer(data: bytes) -> bytes:
    lines = "version https://git-lfs.github.com/spec/v1", f"oid sha256:{_sha256(data)}"
    return "\n".join((*lines, f"size {len(data)}", "")).encode()


def _json(value: Json, **headers: str) -> Answer:
    return Answer(200, json.dumps(value).encode(), {"Content-Type": "application/json", **headers})


def _error(status: int, code: str, message: str) -> Answer:
    headers = {"X-Error-Message": message, "X-Request-Id": "test"}
    if code:
        headers["X-Error-Code"] = code
    return Answer(status, json.dumps({"error": message}).encode(), headers)


def _entry(repository: Repository, path: str, data: bytes) -> dict[str, Json]:
    if not _is_large(repository, path):
        return {"type": "file", "path": path, "size": len(data), "oid": _git_blob(data)}
    pointer = _pointer(data)
    large: dict[str, Json] = {
        "oid": _sha256(data),
        "size": len(data),
        "pointerSize": len(pointer),
    }
    whole: dict[str, Json] = {"path": path, "size": len(data), "oid": _git_blob(pointer)}
    return {"type": "file", **whole, "lfs": large}


def _open(hub: HubServer, request: Request) -> tuple[Repository, str] | Answer:
    """Find the repository and the commit that a request is about."""
    repository = hub.repositories.get(request.groups["id"])
    hidden = repository is not None and repository.private
    if repository is None or (hidden and request.user not in repository.readers):
        return _error(404 if request.user else 401, "RepoNotFound", "Repository not found")
    commit = repository.find(unquote(request.groups.get("rev") or "main"))
    if commit is None:
        return _error(404, "RevisionNotFound", "Invalid rev id")
    return repository, commit


def _info(hub: HubServer, request: Request) -> Answer:
    found = _open(hub, request)
    if isinstance(found, Answer):
        return found
    repository, commit = found
    files: list[Json] = [{"rfilename": path} for path in sorted(repository.commits[commit])]
    gated: Json = "manual" if repository.gated else False
    facts: dict[str, Json] = {"id": repository.name, "sha": commit, "siblings": files}
    return _json({**facts, "gated": gated, "private": repository.private, "tags": []})


def _tree(hub: HubServer, request: Request) -> Answer:
    found = _open(hub, request)
    if isinstance(found, Answer):
        return found
    repository, commit = found
    files = sorted(repository.commits[commit].items())
    entries: list[Json] = [_entry(repository, path, data) for path, data in files]
    start = int(request.query.get("cursor", ["0"])[0])
    end = start + hub.page_size
    path = f"/api/models/{repository.name}/tree/{commit}?recursive=true&cursor={end}"
    more = {"Link": f'<{hub.endpoint}{path}>; rel="next"'} if end < len(entries) else {}
    return _json(entries[start:end], **more)


def _resolve(hub: HubServer, request: Request) -> Answer:
    found = _open(hub, request)
    if isinstance(found, Answer):
        return found
    repository, commit = found
    path = unquote(request.groups["path"])
    if repository.gated and request.user not in repository.readers:
        status = 403 if request.user else 401
        return _error(status, "GatedRepo", f"Access to model {repository.name} is restricted")
    right = repository.commits[commit].get(path)
    if right is None:
        return _error(404, "EntryNotFound", "Entry not found")
    headers = {"X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
    if not _is_large(repository, path):
        sent = repository.lies.get(path, right)
        return _part(sent, request.range, {**headers, "ETag": f'"{_git_blob(right)}"'})
    linked = {"X-Linked-Etag": f'"{_sha256(right)}"', "X-Linked-Size": str(len(right))}
    where = f"http://localhost:{hub.port}/content/{repository.name}/{commit}/{quote(path)}"
    return Answer(302, b"", {**headers, **linked, "Location": where})


def _content(hub: HubServer, request: Request) -> Answer:
    repository = hub.repositories[request.groups["id"]]
    path = unquote(request.groups["path"])
    data = repository.lies.get(path, repository.commits[request.groups["rev"]][path])
    return _part(data, request.range, {"Accept-Ranges": "bytes", "ETag": f'"{_sha256(data)}"'})


def _part(data: bytes, wanted: str | None, headers: dict[str, str]) -> Answer:
    match = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted or "")
    if match is None:
        return Answer(200, data, headers)
    start, end = int(match[1]), min(int(match[2] or len(data) - 1), len(data) - 1)
    if start > end:
        return Answer(416, b"", {"Content-Range": f"bytes */{len(data)}"})
    span = {"Content-Range": f"bytes {start}-{end}/{len(data)}"}
    return Answer(206, data[start : end + 1], {**headers, **span})


_ID = r"(?P<id>[^/]+/[^/]+)"
ROUTES: list[tuple[str, re.Pattern[str], Callable[[HubServer, Request], Answer]]] = [
    ("GET", re.compile(rf"/api/models/{_ID}/tree/(?P<rev>[^/]+)"), _tree),
    ("GET", re.compile(rf"/api/models/{_ID}(/revision/(?P<rev>[^/]+))?"), _info),
    ("GET", re.compile(rf"/content/{_ID}/(?P<rev>[^/]+)/(?P<path>.+)"), _content),
    ("GET", re.compile(rf"/{_ID}/resolve/(?P<rev>[^/]+)/(?P<path>.+)"), _resolve),
]
"""Which function answers what; HEAD goes the way of GET and leaves out the body."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: HubServer

    def setup(self) -> None:
        super().setup()
        self.hub.connections.add(self.connection)

    def finish(self) -> None:
        self.hub.connections.discard(self.connection)
        super().finish()

    def do_GET(self) -> None:
        self._answer(head=False)

    def do_HEAD(self) -> None:
        self._answer(head=True)

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent: the log is `HubServer.log`."""

    def _answer(self, *, head: bool) -> None:
        url = urlsplit(self.path)
        fault = self.hub.fault(f"{self.command} {url.path}")
        if fault is None:
            self._send(self._found(url.path, parse_qs(url.query), head), head)
        elif fault.answer == "drop":
            self.close_connection = True
        else:
            self._send(Answer(fault.answer, fault.body), head)

    def _found(self, path: str, query: dict[str, list[str]], head: bool) -> Answer:
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if token and token not in self.hub.tokens:
            return _error(401, "", "Invalid credentials in Authorization header")
        for method, pattern, function in ROUTES:
            match = pattern.fullmatch(path)
            if match is not None and self.command in {method, "HEAD"}:
                user, span = self.hub.tokens.get(token), self.headers.get("Range")
                groups = {key: value for key, value in match.groupdict().items() if value}
                return function(self.hub, Request(user, groups, query, span, head))
        return _error(404, "", "no such page")

    def _send(self, answer: Answer, head: bool) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if not head:
            self.wfile.write(answer.body)
