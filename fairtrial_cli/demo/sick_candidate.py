"""Sends simulated users to a candidate whose server is often late, until the monitor pauses the experiment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fairtrial.api import experiments
from fairtrial.domain.wording import counted
from fairtrial_cli.demo.traffic import Ticket

if TYPE_CHECKING:
    from openai import AsyncOpenAI

    from fairtrial_cli.store_client.client import StoreClient

ROUTE, EXPERIMENT = "support-bot-next", "next-vs-base"
MOST_USERS = 200
USERS_AT_ONCE = 4
AFTER = 4
"""Users who are sent after the pause, to see what they get."""
REASON, VARIANT = "x-fairtrial-reason", "x-fairtrial-variant"
STOPPED = ("kill", "excluded")
"""The reasons of answers while the experiment is killed or paused, when the base answers everyone."""


@dataclass(slots=True)
class Seen:
    """What the users have seen so far. ``late``: requests that the base answered after a time-out of the candidate."""

    users: int = 0
    late: int = 0
    errors: int = 0
    stopped: bool = False
    after: int = 0
    on_base: int = 0

    def note(self, headers: Any) -> None:
        """Count one answer by the gateway's headers."""
        self.users += 1
        reason = headers.get(REASON)
        self.late += reason == "fallback"
        self.stopped = self.stopped or reason in STOPPED

    def __str__(self) -> str:
        return f"{counted(self.users, 'user')}, {counted(self.late, 'time-out')}"


async def send_until_stopped(
    base_url: str, tickets: Sequence[Ticket], on_seen: Callable[[Seen], None], *, most: int = MOST_USERS
) -> Seen:
    """Send one ticket from each of at most ``most`` users until an answer says that the experiment does not run.

    Then send a few more, and count those whom the base answers.
    """
    from openai import AsyncOpenAI

    seen = Seen()
    numbers = iter(range(most))
    async with AsyncOpenAI(base_url=base_url, api_key="not-needed-on-loopback", timeout=300) as client:

        async def keep_sending() -> None:
            for number in numbers:
                if seen.stopped:
                    return
                await _visit(client, number, tickets, seen)
                on_seen(seen)

        await asyncio.gather(*(keep_sending() for _ in range(USERS_AT_ONCE)))
        if seen.stopped:
            for number in range(most, most + AFTER):
                headers = await _ask(client, number, tickets)
                seen.after += 1
                seen.on_base += headers.get(REASON) in STOPPED and headers.get(VARIANT) in (None, "base")
    return seen


async def _visit(client: AsyncOpenAI, number: int, tickets: Sequence[Ticket], seen: Seen) -> None:
    from openai import OpenAIError

    try:
        seen.note(await _ask(client, number, tickets))
    except OpenAIError:
        seen.users += 1
        seen.errors += 1


async def _ask(client: AsyncOpenAI, number: int, tickets: Sequence[Ticket]) -> Any:
    """The headers of the answer to one user."""
    messages: Any = [
        tickets[number % len(tickets)].messages[-1]
    ]  # a short prompt, so that only the late server is slow
    raw = await client.chat.completions.with_raw_response.create(
        model=ROUTE, messages=messages, user=f"visitor-{number:04d}", temperature=0
    )
    return raw.headers


def outcome_lines(store: StoreClient, seen: Seen) -> list[str]:
    """When and why control stopped the experiment, and who answers now."""
    stop = _find_stop(store)
    if stop is None:
        return [f"Control has not stopped it after {counted(seen.users, 'customer')}."]
    word = "PAUSED" if stop["action"] == "pause" else "STOPPED"
    return [
        f"{word} at {stop['at_time'][11:19]} UTC by {stop['actor']}: {stop['why']}.",
        f"base answered after each time-out, so customers saw {counted(seen.errors, 'error')}.",
        _who_answers(seen),
    ]


def _who_answers(seen: Seen) -> str:
    """What the customers who came after the stop show."""
    answered = f"answered {seen.on_base} of {counted(seen.after, 'customer')} who came afterwards"
    if seen.after == seen.on_base > 0:
        return f"All traffic is on base: it {answered}."
    return f"The workers do not all follow yet: base {answered}."


def _find_stop(store: StoreClient) -> dict[str, Any] | None:
    """The newest pause or kill of the experiment, or ``None`` without any."""
    rows = store.call(experiments.transitions, experiments.TransitionsOf(name=EXPERIMENT))
    return next((row for row in rows if row["action"] in ("pause", "kill")), None)
