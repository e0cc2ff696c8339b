"""Implements the translated transport: providers with their own protocol, reached through litellm."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from fairtrial.config.rules.translation import PASSED
from fairtrial.domain.errors import BadRequest
from gateway.proxy.transport.litellm.errors import failed
from gateway.proxy.transport.litellm.fields import litellm_fields
from gateway.proxy.transport.litellm.lazy_import import LazyLitellm
from gateway.proxy.transport.litellm.responses import StreamedResponse, WholeResponse, completion
from gateway.proxy.transport.transport import TranslatedRequest, TransportError, UpstreamResponse
from gateway.proxy.wire import lenient_json

ALWAYS_KNOWN = frozenset({"messages", "stream", "stream_options"})


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
                return WholeResponse(200, completion(answer.model_dump()))
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
        fields = lenient_json.decode(body)
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
