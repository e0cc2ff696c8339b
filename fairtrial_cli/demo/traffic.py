"""Simulates the demo's users, who send support tickets with the official OpenAI client and give feedback."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairtrial.domain.limits.canonical_json import json_object

if TYPE_CHECKING:
    from openai import AsyncOpenAI

FEEDBACK_SHARE = 0.7
"""The share of users who give feedback."""


@dataclass(frozen=True, slots=True)
class SupportTicket:
    """A user's message and its true intent."""

    messages: tuple[dict[str, str], ...]
    intent: str


@dataclass(frozen=True, slots=True)
class DemoTraffic:
    """The numbers of users, answers, errors and feedback values."""

    users: int
    answered: int
    errors: int
    feedback: int


def read_tickets(files: Sequence[Path]) -> list[SupportTicket]:
    """Read tickets from files in OpenAI's chat format: the messages before the reference, and its intent."""
    rows = [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    return [SupportTicket(tuple(row["messages"][:-1]), row["metadata"]["label_intent"]) for row in rows]


async def send(
    base_url: str,
    tickets: Sequence[SupportTicket],
    *,
    users: int,
    seed: int,
    concurrency: int,
    on_done: Callable[[], None],
) -> DemoTraffic:
    """Send one ticket from each of ``users`` users, at most ``concurrency`` at a time, and count the outcomes."""
    from openai import AsyncOpenAI

    draw = random.Random(seed)
    plan = [(f"customer-{number:04d}", draw.choice(tickets), draw.random() < FEEDBACK_SHARE) for number in range(users)]
    gate = asyncio.Semaphore(concurrency)
    async with AsyncOpenAI(base_url=base_url, api_key="not-needed-on-loopback", timeout=300) as client:

        async def send_one(user: str, ticket: SupportTicket, gives_feedback: bool) -> tuple[bool, bool]:
            async with gate:
                met = await _visit(client, user, ticket, gives_feedback=gives_feedback)
            on_done()
            return met

        met = await asyncio.gather(*(send_one(*visit) for visit in plan))
    answered = sum(ok for ok, _ in met)
    return DemoTraffic(users, answered, users - answered, sum(sent for _, sent in met))


async def _visit(client: AsyncOpenAI, user: str, ticket: SupportTicket, *, gives_feedback: bool) -> tuple[bool, bool]:
    """One user's visit; returns whether an answer came and whether feedback was sent."""
    from openai import OpenAIError

    messages: Any = list(ticket.messages)
    try:
        raw = await client.chat.completions.with_raw_response.create(
            model="support-bot", messages=messages, user=user, temperature=0
        )
        text = raw.parse().choices[0].message.content or ""
        if gives_feedback:
            await _send_feedback(client, raw.headers["x-request-id"], text, ticket.intent)
    except OpenAIError:
        return False, False
    return True, gives_feedback


async def _send_feedback(client: AsyncOpenAI, request_id: str, text: str, intent: str) -> None:
    """Send positive feedback if the answer names the true intent, otherwise negative."""
    body = {"request_id": request_id, "key": "understood", "value": intent_of(text) == intent}
    await client.post("/feedback", body=body, cast_to=object)


def intent_of(text: str) -> str | None:
    """The intent in an answer, or ``None`` if the answer is not a JSON object with one."""
    return (json_object(text) or {}).get("intent")
