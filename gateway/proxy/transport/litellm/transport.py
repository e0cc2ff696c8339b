"""Implements the translated transport on litellm, and converts its exceptions to responses in OpenAI's envelope."""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from fairtrial.config.rules.translation import PASSED
from fairtrial.domain.errors import BadRequest
from gateway.proxy.transport.litellm.fields import litellm_fields
from gateway.proxy.transport.litellm.lazy_import import LazyLitellm, stopped
from gateway.proxy.transport.litellm.responses import (
    JSON_HEADERS,
    StreamedResponse,
    WholeResponse,
    completion,
    provider_headers,
)
from gateway.proxy.transport.transport import TranslatedRequest, TransportError, UpstreamResponse
from gateway.proxy.wire import json_bodies
from gateway.proxy.wire.http import PROVIDER_IDS

BY_CLASS: dict[str, int | str] = {
    "AuthenticationError": 401,
    "PermissionDeniedError": 403,
    "NotFoundError": 404,
    "UnprocessableEntityError": 422,
    "RateLimitError": 429,
    "BadRequestError": 400,
    "UnsupportedParamsError": 400,
    "ContextWindowExceededError": 400,
    "ContentPolicyViolationError": 400,
    "Timeout": "timeout",
    "APIConnectionError": "bad_answer",
    "InternalServerError": "bad_answer",
    "ServiceUnavailableError": 503,
    "BadGatewayError": 502,
    "APIResponseValidationError": "bad_answer",
    "APIError": "bad_answer",
}
"""What an exception means without a provider's response: a status, or the kind of a failure that becomes 502."""

CODES = {
    "UnsupportedParamsError": "unsupported_field",
    "ContextWindowExceededError": "context_length_exceeded",
    "ContentPolicyViolationError": "content_policy_violation",
}
TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
CONNECTIONS = {
    "ConnectError": "connect",
    "ConnectTimeout": "connect",
    "ClientConnectorError": "connect",
    "ConnectionRefusedError": "connect",
    "ReadError": "reset",
    "WriteError": "reset",
    "RemoteProtocolError": "reset",
    "ServerDisconnectedError": "reset",
    "ClientPayloadError": "reset",
    "ConnectionResetError": "reset",
}
"""What the exceptions of the HTTP clients below litellm say of a connection, whatever litellm makes of them."""

KINDS = {
    "reset": "the provider broke off the connection",
    "timeout": "the provider did not answer in time",
    "connect": "the provider can't be reached",
    "bad_answer": "the provider's answer can't be read",
}
NO_KEY = re.compile(r"\b(missing|unable to locate)\b.{0,40}\b(api key|credentials)\b", re.IGNORECASE)
"""How litellm says that it found no key and therefore called nobody. The exception's class does not show it."""

PASSED_HEADERS = ("retry-after", "retry-after-ms", "x-should-retry", *PROVIDER_IDS)
MESSAGE_LIMIT = 500
ERRORS = range(400, 600)
ALWAYS_KNOWN = frozenset({"messages", "stream", "stream_options"})


@dataclass(frozen=True, slots=True)
class Failed:
    """An error as the client gets it."""

    status: int
    body: bytes
    headers: Mapping[str, str]


def failed(error: BaseException, *, name: str, api_key: str | None) -> Failed:
    """The response that an exception stands for; `TransportError` if there was none. ``name`` is the deployment's."""
    error = getattr(error, "original_exception", None) or error
    if (fenced := stopped(error)) is not None:
        raise fenced
    answered = _answered(error)
    if answered is not None:
        status, reply, headers = answered
        message, code = _of_json(reply)
        return _failed(error, status, _clean(message, name, status, api_key), code=code, headers=headers)
    _refuse_missing_package(error)
    meaning = 401 if NO_KEY.search(str(error)) else _connection(error) or _by_class(error)
    if isinstance(meaning, str):
        raise TransportError(meaning, KINDS[meaning]) from error
    own = _own_words(error) if meaning in (400, 422) else None
    return _failed(error, meaning, _clean(own, name, meaning, api_key), code=None, headers={})


def _failed(error: BaseException, status: int, message: str, *, code: str | None, headers: Mapping[str, str]) -> Failed:
    kind = TYPES.get(status) or ("upstream_error" if status >= 500 else "invalid_request_error")
    code = next((CODES[name] for name in _classes(error) if name in CODES), code)
    body = msgspec.json.encode({"error": {"message": message, "type": kind, "param": None, "code": code}})
    return Failed(status, body, {"content-type": "application/json", **headers})


def _answered(error: BaseException) -> tuple[int, str, dict[str, str]] | None:
    """Status, text and headers of the provider's response, found in the chain of exceptions below litellm's own."""
    for cause in _chain(error):
        status: Any = getattr(cause, "status_code", None)
        headers = _headers(cause) or _headers(error)
        if type(cause).__module__.startswith("litellm.llms.") and status in ERRORS and headers:
            passed = {key: headers[key] for key in PASSED_HEADERS if key in headers}
            return int(status), str(getattr(cause, "message", "")), passed
    return None


def _headers(error: BaseException) -> dict[str, str]:
    for name in ("litellm_response_headers", "headers"):
        headers = getattr(error, name, None)
        if headers:
            return {str(key).lower(): str(value) for key, value in dict(headers).items()}
    return {}


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        following = following.__cause__ or following.__context__


def _refuse_missing_package(error: BaseException) -> None:
    for cause in _chain(error):
        if isinstance(cause, ImportError):
            package = f" ({cause.name})" if cause.name else ""
            message = f"the provider needs a Python package that is not installed beside the gateway{package}"
            raise TransportError("missing_package", message) from error


def _connection(error: BaseException) -> str | None:
    names = [name for cause in _chain(error) for name in _classes(cause)]
    return next((CONNECTIONS[name] for name in names if name in CONNECTIONS), None)


def _by_class(error: BaseException) -> int | str:
    return next((BY_CLASS[name] for name in _classes(error) if name in BY_CLASS), "bad_answer")


def _classes(error: BaseException) -> list[str]:
    return [class_.__name__ for class_ in type(error).__mro__]


def _of_json(text: str) -> tuple[str | None, str | None]:
    """Message and code of a provider's JSON error, in any of the shapes that providers use."""
    content: Any
    try:
        if text.startswith(("b'", 'b"')):  # litellm writes the bytes of a stream's error in Python's notation
            text = ast.literal_eval(text).decode("utf-8", "replace")
        content = json.loads(text)
    except (ValueError, SyntaxError, RecursionError):
        return None, None
    content = content[0] if isinstance(content, list) and content else content
    inside = content.get("error", content) if isinstance(content, dict) else None
    if isinstance(inside, str):
        return inside, None
    if not isinstance(inside, dict):
        return None, None
    message, code = inside.get("message"), inside.get("type") or inside.get("status") or inside.get("code")
    return (message if isinstance(message, str) else None), None if code is None else str(code)


def _own_words(error: BaseException) -> str:
    """What litellm says of a request that it refused, without its name and its advice."""
    words = str(getattr(error, "message", error)).partition(" To drop these")[0]
    return words.rpartition("Exception - ")[2].removeprefix(f"litellm.{type(error).__name__}: ").strip()


def _clean(message: str | None, name: str, status: int, api_key: str | None) -> str:
    if not message:
        return (
            f"{name}: the provider answered {status}"
            if status != 401
            else f"{name}: the provider has no key, or refused it"
        )
    text = f"{name}: {message[:MESSAGE_LIMIT]}"
    return text.replace(api_key, "[key]") if api_key else text


class LitellmTransport:
    """See `Translation`. It costs nothing until its first use."""

    def __init__(self) -> None:
        self._litellm = LazyLitellm()

    def warm(self) -> None:
        self._litellm.warm()

    async def ready(self) -> None:
        await self._litellm.module()

    async def send(self, request: TranslatedRequest) -> UpstreamResponse:
        litellm = await self._litellm.module()
        fields = litellm_fields(_decoded(request.body))
        _refuse_unknown(litellm, request, fields)
        try:
            answer = await litellm.acompletion(**fields, **_settings(request))
            if not request.stream:
                whole = completion(answer.model_dump())
                return WholeResponse(200, whole, {**JSON_HEADERS, **provider_headers(answer)})
            return await StreamedResponse(answer).begin()
        except StopAsyncIteration:
            raise TransportError("bad_answer", "the provider's answer was empty") from None
        except Exception as error:  # noqa: BLE001 - litellm may raise anything here
            response = failed(error, name=request.name, api_key=request.api_key)
            return WholeResponse(response.status, response.body, response.headers)


def _settings(request: TranslatedRequest) -> dict[str, Any]:
    """Everything that decides where and how a call goes, from the configuration only."""
    settings: dict[str, Any] = {
        "model": f"{request.provider}/{request.model}",
        "api_key": request.api_key,
        "timeout": request.seconds,
        "num_retries": 0,
        "max_retries": 0,
        "stream": request.stream,
    }
    if request.base_url:
        settings["api_base"] = request.base_url
    if request.stream:
        settings["stream_options"] = {"include_usage": True}
    return settings


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        fields = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        fields = _decoded_slowly(body)
    except RecursionError:
        raise BadRequest("body: is nested too deeply", code="invalid_json") from None
    assert isinstance(fields, dict)
    return fields


def _decoded_slowly(body: bytes) -> Any:
    try:
        fields = json_bodies.decode_leniently(body)
        json.dumps(fields, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        message = "body: has a lone surrogate, which can't be translated (send whole characters)"
        raise BadRequest(message, code="invalid_json") from None
    except (ValueError, RecursionError):
        raise BadRequest("body: is not valid JSON", code="invalid_json") from None
    return fields


def _refuse_unknown(litellm: Any, request: TranslatedRequest, fields: dict[str, Any]) -> None:
    """Refuse a field that this provider's model doesn't know, so that it is never silently ignored."""
    known = litellm.get_supported_openai_params(model=request.model, custom_llm_provider=request.provider)
    if known is None:
        return
    for name in fields:
        if name not in known and name not in ALWAYS_KNOWN:
            can = ", ".join(sorted(PASSED.intersection(known)))
            message = f"{name}: {request.name} ({request.provider}) does not know this field (known: {can})"
            raise BadRequest(message, param=name, code="unsupported_field")
