"""Sends chat completions to a target: retries temporary failures, honours Retry-After, and returns other errors."""

import asyncio
import json
import math
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector

from evaluators.engine.target import Target
from fairtrial.domain.answers.chat import text_of, text_with_calls
from fairtrial.domain.errors import UsageError
from fairtrial.domain.limits.constants import CHAT_COMPLETIONS
from fairtrial.domain.run import Answer, Case

CONNECT_S = 5.0
REQUEST_ID = "x-request-id"
LONGEST_HEADER = 65536
"""Bytes of a header of an answer; aiohttp's own limit is 8,190."""
TRIES = 4
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0
GIVE_UP_AFTER = 12
"""After this many consecutive failures nothing is retried, because the target is down and cases should fail quickly."""
TEMPORARY_STATUSES = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
REFUSED_STATUSES = frozenset({401, 403, 404})
ERROR_CHARS = 300


class TargetRefused(UsageError):
    """The target refuses all requests: unknown model, missing permission, or wrong address."""


class ChatClient:
    """The HTTP client of one target; use it as an async context manager."""

    path = CHAT_COMPLETIONS

    def __init__(self, target: Target, *, concurrency: int, timeout_s: float = 600.0) -> None:
        self.target = target
        self._concurrency = concurrency
        self._timeout = ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=timeout_s)
        self._url = target.base_url.rstrip("/") + self.path
        self._failures = 0

    async def __aenter__(self) -> "ChatClient":
        key = {"authorization": f"Bearer {self.target.api_key}"} if self.target.api_key else {}
        self._session = ClientSession(
            connector=TCPConnector(limit=self._concurrency),
            headers={"content-type": "application/json", **self.target.headers, **key},
            timeout=self._timeout,
            cookie_jar=DummyCookieJar(),
            max_field_size=LONGEST_HEADER,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def ask(self, case: Case, params: Mapping[str, Any]) -> Answer:
        """One answer, or an `Answer` with its error; raises `TargetRefused` if the target refuses all requests."""
        body = {**params, "model": self.target.model, **self._content(case)}
        tries = 1 if self._failures >= GIVE_UP_AFTER else TRIES
        answer = Answer(None, error="no request was sent")
        for attempt in range(tries):
            answer, wait = await self._try(body, attempt)
            if wait is None or attempt == tries - 1:
                break
            await asyncio.sleep(wait)
        self._failures = 0 if answer.error is None else self._failures + 1
        return answer

    def _content(self, case: Case) -> Mapping[str, Any]:
        return {"messages": case.messages}

    async def _try(self, body: Mapping[str, Any], attempt: int) -> tuple[Answer, float | None]:
        """One call, and the seconds to wait before the next try, or ``None`` if a retry is useless."""
        began = time.perf_counter()
        backoff = FIRST_WAIT_S * 2**attempt
        try:
            async with self._session.post(
                self._url,
                data=json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode(),
                allow_redirects=False,
            ) as response:
                reply = await response.read()
        except TimeoutError as error:
            return Answer(None, error=f"no answer in time ({type(error).__name__})"), backoff
        except ClientError as error:
            reason = str(error) or type(error).__name__
            return Answer(None, error=f"cannot reach {self.target.base_url}: {reason}"), backoff
        latency_ms = (time.perf_counter() - began) * 1000
        if response.status == 200:
            return self._read(reply, response.headers, latency_ms), None
        return self._failed(reply, response, backoff)

    def _read(self, reply: bytes, headers: Mapping[str, str], latency_ms: float) -> Answer:
        return read_answer(reply, headers, self.target, latency_ms)

    def _failed(self, reply: bytes, response: ClientResponse, backoff: float) -> tuple[Answer, float | None]:
        status, (message, code) = response.status, _envelope(reply)
        if status in REFUSED_STATUSES:
            raise TargetRefused(f"{self.target.name}: {message} (HTTP {status} from {self.target.base_url})")
        answer = Answer(
            None, error=f"HTTP {status}: {message}", request_id=_text_or_none(response.headers.get("x-request-id"))
        )
        permanent = code == "insufficient_quota" or response.headers.get("x-should-retry") == "false"
        if status not in TEMPORARY_STATUSES or permanent:
            return answer, None
        return answer, _retry_after(response.headers) or backoff


def read_answer(body: bytes, headers: Mapping[str, str], target: Target, latency_ms: float) -> Answer:
    """The answer in a chat completion; a reply that cannot be parsed becomes an error."""
    try:
        reply = json.loads(body)
        choice = reply["choices"][0]
        message = choice["message"]
        content, refusal = text_of(message.get("content")), message.get("refusal")
        if content is not None and message.get("tool_calls"):
            content = text_with_calls(content, message["tool_calls"])
        usage = reply.get("usage")
        usage = usage if isinstance(usage, dict) else {}
        tokens_in, tokens_out = (_count_or_none(usage.get(f"{of}_tokens")) for of in ("prompt", "completion"))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        return Answer(None, error=f"the reply is not a chat completion ({type(error).__name__})")
    if content is None or not isinstance(refusal, str | None):
        return Answer(None, error="the reply is not a chat completion (its content is not text)")
    return Answer(
        text=replace_surrogates(content or refusal or ""),
        finish_reason=_text_or_none(choice.get("finish_reason")),
        refusal=_text_or_none(refusal),
        latency_ms=latency_ms,
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        cost_usd=target.cost(tokens_in, tokens_out),
        fingerprint=_text_or_none(reply.get("system_fingerprint")),
        request_id=_text_or_none(headers.get(REQUEST_ID)),
    )


def replace_surrogates(text: str) -> str:
    """The text with each lone surrogate, which UTF-8 cannot encode, replaced by U+FFFD.

    A model that stops in the middle of an emoji sends one as a JSON escape.
    """
    return text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _text_or_none(value: Any) -> str | None:
    return replace_surrogates(value) if isinstance(value, str) else None


def _count_or_none(value: Any) -> int | None:
    """A number of tokens; any other value that an upstream sends counts as unknown."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _envelope(body: bytes) -> tuple[str, str | None]:
    """The message and code of OpenAI's error envelope, or the beginning of another body."""
    try:
        error = json.loads(body)["error"]
        return replace_surrogates(str(error["message"]))[:ERROR_CHARS], error.get("code")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return body.decode("utf-8", "replace")[:ERROR_CHARS].strip() or "no message", None


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds of a Retry-After header (RFC 9110 §10.2.3), bounded; ``None`` without the header."""
    value = headers.get("retry-after")
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except ValueError:
            return None
    return min(max(seconds, 0.05), LONGEST_WAIT_S) if math.isfinite(seconds) else None
