"""What the fake upstream answers where no script says more: by the path, as OpenAI's API would."""

from __future__ import annotations

import base64
import struct
from typing import Any

from tests.upstream.chat import chat_events, completion, text_completion, text_events
from tests.upstream.responses import about, response, response_events
from tests.upstream.seen import Seen

MODELS = ("fake-model", "acme/fake:tuned")
VECTOR = (0.25, -1.5, 3.0)


def parts(path: str) -> list[str]:
    """The path below ``/v1``, in its parts."""
    bare = path.partition("?")[0].strip("/").split("/")
    return bare[1:] if bare[0] == "v1" else bare


def events(seen: Seen, asked: dict[str, Any], script: dict[str, Any]) -> list[str]:
    """The events of a stream on this path."""
    match parts(seen.path):
        case ["responses"]:
            return response_events(asked, script)
        case ["completions"]:
            return text_events(asked, script)
        case _:
            return chat_events(asked, script)


def whole(seen: Seen, asked: dict[str, Any], script: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Status and body of a whole answer on this path; OpenAI's 404 where it has none."""
    match (seen.method, parts(seen.path)):
        case ("POST", ["responses"]):
            return 200, response(asked, script)
        case ("POST", ["responses", "input_tokens"]):
            return 200, {"object": "response.input_tokens", "input_tokens": 7}
        case (method, ["responses", *rest]) if rest:
            return about(method, rest)
        case ("POST", ["embeddings"]):
            return 200, _embeddings(asked)
        case ("POST", ["completions"]):
            return 200, text_completion(asked)
        case ("GET", ["models"]):
            return 200, {"object": "list", "data": [_model(name) for name in MODELS]}
        case ("GET", ["models", *name]):
            return _one_model("/".join(name))
        case (method, ["files", *rest]):
            return _files(method, rest, seen)
        case ("POST", [*_, "completions"]):
            return 200, completion(asked)
        case _:
            return 404, _error(f"Invalid URL ({seen.method} {seen.path})")


def _embeddings(asked: dict[str, Any]) -> dict[str, Any]:
    given = asked.get("input", "")
    tokens = isinstance(given, list) and bool(given) and isinstance(given[0], int)
    many = len(given) if isinstance(given, list) and not tokens else 1
    size = asked.get("dimensions") or len(VECTOR)
    vector: list[float] | str = [VECTOR[n % len(VECTOR)] for n in range(size)]
    if asked.get("encoding_format") == "base64":
        vector = base64.b64encode(struct.pack(f"<{size}f", *vector)).decode()
    return {
        "object": "list",
        "data": [{"object": "embedding", "index": n, "embedding": vector} for n in range(many)],
        "model": asked.get("model"),
        "usage": {"prompt_tokens": 5, "total_tokens": 5},
    }


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 1, "owned_by": "fake", "shutdown_date": "2027-01-01"}


def _one_model(name: str) -> tuple[int, dict[str, Any]]:
    name = name.replace("%2F", "/").replace("%3A", ":")
    if name in MODELS:
        return 200, _model(name)
    return 404, _error(f"The model '{name}' does not exist", param="model", code="model_not_found")


def _files(method: str, rest: list[str], seen: Seen) -> tuple[int, dict[str, Any]]:
    file = {"id": "file-fake", "object": "file", "bytes": len(seen.body), "created_at": 1, "purpose": "fine-tune"}
    named = {**file, "filename": "fake.jsonl", "status": "processed"}
    match (method, rest):
        case ("POST", []):
            return 200, named
        case ("GET", []):
            return 200, {"object": "list", "data": [named], "has_more": False}
        case ("GET", [ident]):
            return 200, {**named, "id": ident}
        case ("DELETE", [ident]):
            return 200, {"id": ident, "object": "file", "deleted": True}
        case _:
            return 404, _error("No such File object")


def _error(message: str, *, param: str | None = None, code: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}}
