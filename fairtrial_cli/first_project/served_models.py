"""Asks a server for its models, in the forms of vLLM, SGLang, Ollama, llama.cpp, LiteLLM, Together and OpenAI."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fairtrial.domain.errors import UsageError
from fairtrial.safe_files import MIB

if TYPE_CHECKING:
    import httpx

SECONDS = 10.0
MOST_BYTES = 16 * MIB
MOST_LETTERS = 300
FINE_TUNE = "ft:"
"""How OpenAI names a fine-tune: ``ft:BASE:ORGANISATION:SUFFIX:ID``."""
OLLAMA = "/api/tags"
LLAMA_ADAPTERS = "/lora-adapters"
REFUSING = (401, 403)


@dataclass(frozen=True, slots=True)
class ServedModel:
    """One model by the name that requests send; ``parent``: the base of an adapter.

    ``params``: the request fields that select it, where a server gives all its adapters the name of their base.
    """

    name: str
    parent: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict, hash=False)
    label: str = ""

    @property
    def title(self) -> str:
        """The name for people, which is an adapter's own one."""
        return self.label or self.name


@dataclass(frozen=True, slots=True)
class Listing:
    """The models of a server, and the address below which it answers OpenAI's protocol."""

    base_url: str
    models: tuple[ServedModel, ...]


class _NoList(UsageError):
    """The address has no list of models."""


def listing(url: str, key: str | None) -> Listing:
    """The models that the server at ``url`` lists; raises `UsageError` with one sentence."""
    import httpx

    headers = {"authorization": f"Bearer {key}"} if key else {}
    refused: list[_NoList] = []
    try:
        with httpx.Client(timeout=SECONDS, trust_env=False, headers=headers) as client:
            for base_url, address in _places(_checked(url)):
                try:
                    models = _models(_json(client, address), address)
                except _NoList as error:
                    refused.append(error)
                else:
                    return Listing(base_url, _with_llama_adapters(client, base_url, models))
    except httpx.TimeoutException as error:
        raise UsageError(f"{url}: the server does not answer within {SECONDS:.0f} seconds") from error
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:  # a host that no name can be
        raise UsageError(f"{url}: the server can't be reached ({error})") from error
    raise refused[0]


def _places(root: str) -> list[tuple[str, str]]:
    """Where a list of models may be, the likely place first, each with the address of OpenAI's protocol beside it."""
    bases = [f"{root}/v1", root] if not urlsplit(root).path else [root, f"{root}/v1"]
    origin = root.removesuffix("/v1")
    return [*((base, f"{base}/models") for base in bases), (f"{origin}/v1", origin + OLLAMA)]


def _checked(url: str) -> str:
    """The address without its last slash; raises `UsageError` if it can't be a server's."""
    example = "write it as http://127.0.0.1:8000/v1"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(f"--from {url!r}: it is not an address: {error} ({example})") from error
    if parts.username is not None or parts.password is not None:
        raise UsageError("--from: the address contains a user or a password (give the key by --key-env NAME)")
    if parts.scheme not in ("http", "https") or not host or port == 0 or not url.isprintable() or " " in url:
        raise UsageError(f"--from {url!r}: it is not an http address ({example})")
    if parts.query or parts.fragment or "${" in url:
        raise UsageError(f"--from {url!r}: the address has more than a host, a port and a path ({example})")
    return url.rstrip("/").removesuffix("/models")


def _json(client: httpx.Client, address: str) -> Any:
    with client.stream("GET", address) as answer:
        if answer.status_code in REFUSING:
            raise UsageError(
                f"{address}: the server refuses the request with status {answer.status_code} (name the environment "
                "variable that has its key: --key-env NAME)"
            )
        if not answer.is_success:
            raise _NoList(f"{address}: the server answers with status {answer.status_code} instead of its models")
        body = bytearray()
        for piece in answer.iter_bytes():
            body += piece
            if len(body) > MOST_BYTES:
                raise UsageError(f"{address}: the answer is larger than {MOST_BYTES // MIB} MiB")
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _NoList(f"{address}: the answer is not JSON, so this is not the address of a model server") from error


def _models(content: Any, address: str) -> tuple[ServedModel, ...]:
    """The models of a list, each once. Together sends the list alone; Ollama and llama.cpp name theirs `models`."""
    cards = content
    if isinstance(content, dict):
        cards = next((content[name] for name in ("data", "models") if isinstance(content.get(name), list)), None)
    if not isinstance(cards, list):
        raise _NoList(f"{address}: the answer has no list of models")
    models = {model.name: model for card in cards if isinstance(card, dict) for model in _model(card)}
    if not models:
        raise UsageError(f"{address}: the server lists no models")
    return tuple(models.values())


def _model(card: Mapping[str, Any]) -> Iterator[ServedModel]:
    """The model of a card. A name is written into the project, so a variable in it would leave this machine."""
    name, parent = (next((card[key] for key in keys if card.get(key)), None) for keys in (("id", "name"), ("parent",)))
    if not isinstance(name, str) or not name.isprintable() or "${" in name or not 0 < len(name.strip()) <= MOST_LETTERS:
        return
    details = card.get("details")
    if not parent and isinstance(details, dict):
        parent = details.get("parent_model")
    if not parent and name.startswith(FINE_TUNE):
        parent = name.removeprefix(FINE_TUNE).split(":")[0]
    yield ServedModel(name, parent if isinstance(parent, str) and parent not in ("", name) else None)


def _with_llama_adapters(client: httpx.Client, base_url: str, models: Sequence[ServedModel]) -> tuple[ServedModel, ...]:
    """With the adapters of llama.cpp's server, which lists only their base; requests select one by the field `lora`."""
    if len(models) != 1:
        return tuple(models)
    try:
        listed = _json(client, base_url.removesuffix("/v1") + LLAMA_ADAPTERS)
    except UsageError:
        return tuple(models)
    numbers = {
        number: PurePath(str(adapter.get("path", number))).stem
        for adapter in (listed if isinstance(listed, list) else ())
        if isinstance(adapter, dict) and isinstance(number := adapter.get("id"), int)
    }
    [base] = models
    if not numbers:
        return (base,)
    adapters = [
        ServedModel(base.name, base.name, _scales(numbers, number), label)
        for number, label in numbers.items()
        if label.isprintable()
    ]
    return (replace(base, params=_scales(numbers, None)), *adapters)


def _scales(numbers: Mapping[int, str], chosen: int | None) -> Mapping[str, Any]:
    """The request field by which only the chosen adapter acts."""
    return {"lora": [{"id": number, "scale": int(number == chosen)} for number in numbers]}
