"""Runs cases with whichever official client is installed here, and prints what became of each as a line of JSON.

``python -m tests.conformance.harness.client_run``, with the jobs on standard input: a list of
``{"who", "target", "url", "mode", "cases"}`` (``mode``: ``sync`` | ``async``; ``cases``: names). Imports nothing but
the client and the cases.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import ssl
import sys
from typing import Any

import openai
import pydantic

from tests.conformance.cases.all import BY_NAME
from tests.conformance.cases.case import Case


class Answer(pydantic.BaseModel):
    """What `parse` is asked for."""

    number: int
    words: list[str]


SHAPES = {"Answer": Answer}
TLS = ssl.create_default_context()
"""One for all clients, since each would read all certificates again, and none is asked for any."""


def plain(value: Any) -> Any:
    """A result as JSON can hold it, with the class of what it was."""
    if isinstance(value, pydantic.BaseModel):
        fields = value.model_dump(mode="python", warnings=False)
        return {"class": type(value).__name__.partition("[")[0], **fields}
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value


def told(error: Exception) -> dict[str, Any]:
    """An exception: its class and all that an application may look at."""
    names = ("status_code", "body", "code", "param", "type", "request_id", "message")
    found = {name: getattr(error, name, None) for name in names}
    found["bases"] = [base.__name__ for base in type(error).__mro__ if base.__module__.startswith("openai")]
    return {"raised": type(error).__name__, **found}


async def settled(value: Any) -> Any:
    """The value, whichever client it is of."""
    return await value if inspect.isawaitable(value) else value


async def perform(client: Any, case: Case, asked: dict[str, Any]) -> Any:
    """One call, read as the case says."""
    *path, last = case.call.split(".")
    place = client
    for name in path:
        place = getattr(place, name)
    if case.read == "parse":
        asked["response_format"] = SHAPES[asked["response_format"]]
    if case.read == "raw":
        answer = await settled(getattr(place.with_raw_response, last)(**asked))
        return {
            "status": answer.status_code,
            "text": answer.text if isinstance(answer.text, str) else await settled(answer.text()),
            "parsed": plain(await settled(answer.parse())),
            "type": answer.headers.get("content-type"),
        }
    if case.read == "streaming":
        return await streamed(place, last, asked)
    if case.read == "final":
        return await put_together(getattr(place, last)(**asked))
    answer = await settled(getattr(place, last)(**asked))
    if case.read == "stream":
        return await chunks_of(answer)
    return {**plain(answer), "request_id": getattr(answer, "_request_id", None)}


async def streamed(place: Any, last: str, asked: dict[str, Any]) -> Any:
    """With `with_streaming_response`: status and bytes."""
    manager = getattr(place.with_streaming_response, last)(**asked)
    if hasattr(manager, "__aenter__"):
        async with manager as answer:
            body = await answer.read()
    else:
        with manager as answer:
            body = answer.read()
    return {"status": answer.status_code, "text": body.decode(), "type": answer.headers.get("content-type")}


async def chunks_of(stream: Any) -> Any:
    """What came of a stream, and how it ended."""
    seen: list[Any] = []
    try:
        async for chunk in each(stream):
            seen.append(plain(chunk))
    except Exception as error:  # noqa: BLE001 - whatever a client raises is the result that is compared
        return {"chunks": seen, **told(error)}
    return {"chunks": seen}


async def put_together(manager: Any) -> Any:
    """The events of a stream, and the answer that the client's own accumulator makes of them."""
    names = ("get_final_completion", "get_final_response")
    if hasattr(manager, "__aenter__"):
        async with manager as stream:
            kinds = [event.type async for event in stream]
            final = next(getattr(stream, name) for name in names if hasattr(stream, name))
            return {"kinds": kinds, "final": plain(await final())}
    with manager as stream:
        kinds = [event.type for event in stream]
        final = next(getattr(stream, name) for name in names if hasattr(stream, name))
        return {"kinds": kinds, "final": plain(final())}


async def each(stream: Any) -> Any:
    """The chunks of either kind of stream."""
    if hasattr(stream, "__aiter__"):
        async for chunk in stream:
            yield chunk
    else:
        for chunk in stream:
            yield chunk


def known(client: Any, case: Case) -> bool:
    """Whether this client has the method and all of its arguments."""
    place = client
    for name in case.call.split("."):
        place = getattr(place, name, None)
    return place is not None and set(case.asked) <= {*inspect.signature(place).parameters}


async def run(job: dict[str, Any], case: Case) -> dict[str, Any]:
    """What became of one case."""
    waits = job["mode"] == "async"
    kind, http = (
        (openai.AsyncOpenAI, openai.DefaultAsyncHttpxClient) if waits else (openai.OpenAI, openai.DefaultHttpxClient)
    )
    options = {"max_retries": 0, "timeout": 20, **case.options}
    headers = {"x-fake": case.key_name, "x-fake-key": f"{job['who']}/{job['target']}/{case.key_name}"}
    client = kind(base_url=job["url"], api_key=case.key, http_client=http(verify=TLS), **options)
    try:
        if not known(client, case):
            return {"absent": True}
        more = case.asked.get("extra_headers", {})
        return await perform(client, case, {**case.asked, "extra_headers": {**headers, **more}})
    except Exception as error:  # noqa: BLE001 - whatever a client raises is the result that is compared
        return told(error)
    finally:
        await settled(client.close())


async def main() -> None:
    """All jobs, one case after the other."""
    for job in json.load(sys.stdin):
        for name in job["cases"]:
            line = {"who": job["who"], "target": job["target"], "case": name}
            print(json.dumps({**line, "result": await run(job, BY_NAME[name])}, default=repr), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
