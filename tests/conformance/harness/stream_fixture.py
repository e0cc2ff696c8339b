"""A gateway and an upstream driven by hand, and every client's view of a stream: straight, and through the gateway."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import openai

from fairtrial.domain.plan import Key, Plan, Route
from fairtrial.domain.settings import Timeouts
from tests.fixtures.gateway.gateway_fixture import Rig, called_once, deployment, key, plan_for, running
from tests.fixtures.gateway.raw_client import RawClient, Received
from tests.fixtures.upstream.manual_upstream import ManualUpstream, Script

SECRET = "ft-conformance"
BEARER = {"authorization": f"Bearer {SECRET}"}
USER = [{"role": "user", "content": "q"}]
ASK: dict[str, Any] = {"model": "plain", "messages": USER, "stream": True}
TLS = ssl.create_default_context()
CHAT = "/v1/chat/completions"
T = TypeVar("T")
PATIENT = Timeouts(connect=2.0, first_byte=20.0, idle=60.0, total=120.0)
HASTY = Timeouts(connect=2.0, first_byte=1.0, idle=0.5, total=30.0)


@dataclass(frozen=True, slots=True)
class Failure:
    """What a caller can tell of an exception of the official client's."""

    kind: str
    status: int | None
    code: str | None
    type: str | None
    body: Any


@dataclass(frozen=True, slots=True)
class View:
    """What a client saw of a stream: each chunk with the fields that were sent, and how it ended."""

    chunks: list[Any]
    failure: Failure | None


@dataclass(slots=True)
class Pair:
    """The upstream, and the gateway before it."""

    rig: Rig
    upstream: ManualUpstream
    keys: tuple[Key, ...]

    def publish(self, url: str, *more: Key) -> None:
        """Publish the plan with this address of the upstream, and with further keys."""
        self.rig.publish(plan(url), *self.keys, *more)

    @property
    def gateway(self) -> int:
        return self.rig.supervisor.port

    def both(self, view: Callable[[int], T]) -> tuple[T, T]:
        """The same view straight to the upstream's port, and of the gateway's."""
        return view(self.upstream.port), view(self.gateway)

    def bodies(self, script: Script, ask: dict[str, Any] = ASK, path: str = CHAT) -> tuple[Received, Received]:
        """The raw answers to a request, straight and through the gateway."""
        self.upstream.script = script
        return self.both(lambda port: raw_answer(port, ask, path))


def plan(url: str) -> Plan:
    """Routes: ``plain``, ``hasty`` with short times, ``drained`` and ``capped`` read on when the caller leaves."""
    whole = plan_for(url)
    plain = deployment("plain", url, timeouts=PATIENT)
    deployments = {"plain": plain, "hasty": replace(plain, name="hasty", timeouts=HASTY)}
    drained = replace(plain, name="drained", on_disconnect="drain", drain_seconds=20.0)
    deployments["drained"] = drained
    deployments["capped"] = replace(drained, name="capped", drain_seconds=0.3)
    routes = {name: Route(name, deployment=name) for name in deployments}
    made = replace(whole, deployments={**whole.deployments, **deployments}, routes={**whole.routes, **routes})
    return called_once(made)


@contextmanager
def gateway_before(folder: Path, **settings: Any) -> Iterator[Pair]:
    """An upstream that is driven by hand, and a gateway with its own key before it."""
    with ManualUpstream() as upstream, running(folder, **settings) as rig:
        keys = (key(SECRET, "complete"),)
        rig.publish(plan(upstream.url), *keys)
        yield Pair(rig, upstream, keys)


def raw_answer(port: int, ask: dict[str, Any], path: str = CHAT) -> Received:
    with RawClient(port) as client:
        client.post(ask, path, **BEARER)
        return client.answer()


def sync_client(port: int, secret: str = SECRET) -> openai.OpenAI:
    """The official client without retries; all clients share one TLS context, because each would load one."""
    http = openai.DefaultHttpxClient(verify=TLS)
    return openai.OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key=secret, max_retries=0, http_client=http)


def async_client(port: int, secret: str = SECRET) -> openai.AsyncOpenAI:
    """The same, asynchronous."""
    http = openai.DefaultAsyncHttpxClient(verify=TLS)
    return openai.AsyncOpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key=secret, max_retries=0, http_client=http)


def sync_view(port: int, ask: dict[str, Any]) -> View:
    """The official client's chunks of a chat completion."""
    chunks: list[Any] = []
    with sync_client(port) as client:
        try:
            for chunk in client.chat.completions.create(**ask):
                chunks.append(sent(chunk))
        except Exception as error:  # noqa: BLE001 - every class is compared
            return View(chunks, failure(error))
    return View(chunks, None)


def async_view(port: int, ask: dict[str, Any]) -> View:
    """The same with the asynchronous client."""

    async def view() -> View:
        chunks: list[Any] = []
        async with async_client(port) as client:
            try:
                async for chunk in await client.chat.completions.create(**ask):
                    chunks.append(sent(chunk))
            except Exception as error:  # noqa: BLE001 - every class is compared
                return View(chunks, failure(error))
        return View(chunks, None)

    return asyncio.run(view())


def final_view(port: int, ask: dict[str, Any]) -> View:
    """The answer that the official client's own accumulator puts together."""
    plain = {name: value for name, value in ask.items() if name != "stream"}
    with sync_client(port) as client:
        try:
            with client.chat.completions.stream(**plain) as stream:
                kinds = [event.type for event in stream]
                return View([kinds, sent(stream.get_final_completion())], None)
        except Exception as error:  # noqa: BLE001 - every class is compared
            return View([], failure(error))


VIEWS = (sync_view, async_view, final_view)


def sent(model: Any) -> Any:
    """The fields that were on the wire, unknown ones too."""
    return model.model_dump(mode="json", exclude_unset=True, warnings=False)


def failure(error: Exception) -> Failure:
    given = {name: getattr(error, name, None) for name in ("code", "type", "body")}
    return Failure(type(error).__name__, getattr(error, "status_code", None), **given)


def told(view: View) -> dict[str, Any]:
    """A view as plain data, for a diff that can be read."""
    return asdict(view)
