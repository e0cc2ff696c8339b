"""Sends the demo's live traffic: 120 customers, and users of a candidate that is often late, until it is paused."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fairtrial.api import experiments
from fairtrial.api.cost_answers import CompareCosts
from fairtrial.api.experiment_answers import TransitionRow
from fairtrial.api.operation import Nothing
from fairtrial.api.store import ingest
from fairtrial.api.traffic import ExperimentTraffic, by_experiment, costs
from fairtrial.config.project import Project
from fairtrial.documents.cost import pays_line
from fairtrial.domain.wording import counted
from fairtrial.store.experiments.sums.metric_sums import LATE_US
from fairtrial_cli.demo import traffic
from fairtrial_cli.demo.narration import DemoProgress, variant_lines
from fairtrial_cli.demo.setting import CUSTOMER, VISITORS
from fairtrial_cli.demo.traffic import SupportTicket
from fairtrial_cli.output.experiment_state import decision_lines
from fairtrial_cli.store_client.client import open_store
from fairtrial_cli.store_client.stored import frozen_plans

if TYPE_CHECKING:
    from openai import AsyncOpenAI

    from fairtrial_cli.store_client.client import StoreClient


ROUTE, SICK_EXPERIMENT = "support-bot-next", "next-vs-base"
MOST_USERS = 200
USERS_AT_ONCE = 4
AFTER = 4
"""Users who are sent after the pause, to see what they get."""
REASON, VARIANT = "x-fairtrial-reason", "x-fairtrial-variant"
STOPPED = ("kill", "excluded")
"""The reasons of answers while the experiment is killed or paused, when the base answers everyone."""

EXPERIMENT = "tuned-vs-base"
SEED = 20261124
CUSTOMERS_AT_ONCE = 2
LOOK_SECONDS = 8.0
"""How long control's next look may take."""
HOW = "Decided by always-valid looks, with min_days 0 because this is a demo: real trials count whole weeks."


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
    base_url: str, tickets: Sequence[SupportTicket], on_seen: Callable[[Seen], None], *, most: int = MOST_USERS
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


async def _visit(client: AsyncOpenAI, number: int, tickets: Sequence[SupportTicket], seen: Seen) -> None:
    from openai import OpenAIError

    try:
        seen.note(await _ask(client, number, tickets))
    except OpenAIError:
        seen.users += 1
        seen.errors += 1


async def _ask(client: AsyncOpenAI, number: int, tickets: Sequence[SupportTicket]) -> Any:
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
    word = "PAUSED" if stop.action == "pause" else "STOPPED"
    return [
        f"{word} at {stop.at_time:%H:%M:%S} UTC by {stop.actor}: {stop.why}.",
        f"base answered after each time-out, so customers saw {counted(seen.errors, 'error')}.",
        _who_answers(seen),
    ]


def _who_answers(seen: Seen) -> str:
    """What the customers who came after the stop show."""
    answered = f"answered {seen.on_base} of {counted(seen.after, 'customer')} who came afterwards"
    if seen.after == seen.on_base > 0:
        return f"All traffic is on base: it {answered}."
    return f"The workers do not all follow yet: base {answered}."


def _find_stop(store: StoreClient) -> TransitionRow | None:
    """The newest pause or kill of the experiment, or ``None`` without any."""
    rows = store.call(experiments.transitions, experiments.TransitionsOf(name=SICK_EXPERIMENT))
    return next((row for row in rows if row.action in ("pause", "kill")), None)


@dataclass(frozen=True, slots=True)
class TrafficSetting:
    """What is sent: where to, which tickets, and from how many customers."""

    project: Project
    base_url: str
    tickets: Sequence[SupportTicket]
    customers: int


class LiveTraffic:
    """Customers of one experiment and visitors of the other, in one thread; `wait` returns when all are answered."""

    def __init__(self, sent: TrafficSetting, progress: DemoProgress) -> None:
        self._sent = sent
        self._progress = progress
        self._customers_done = 0
        self._ended_at = 0.0
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="live traffic", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wait(self) -> None:
        """Wait for all answers, and until control has looked at complete feedback; raises what the thread raised."""
        self._thread.join()
        if self._failure is not None:
            raise self._failure
        with open_store(self._sent.project.layout) as store:
            plan = frozen_plans(store).get(EXPERIMENT)
        window = plan.primary.window_seconds if plan is not None and plan.primary is not None else None
        self._pause(self._ended_at + (window or 0.0) + LATE_US / 1e6 + LOOK_SECONDS - time.monotonic())

    def _pause(self, seconds: float) -> None:
        """Wait until the time for feedback of the last customer is over, and count the seconds."""
        if seconds <= 0:
            return
        self._progress.expect(0.0, None)
        self._progress.doing("waiting for the last customers' feedback")
        for second in range(int(seconds) + 1):
            self._progress.count("seconds", second, int(seconds) + 1)
            time.sleep(1.0)

    def decision(self) -> list[str]:
        """The plain rates of both variants, and what control decided from them with its interval and guardrails."""
        with open_store(self._sent.project.layout) as store:
            store.call(ingest, Nothing())
            seen = store.call(by_experiment, ExperimentTraffic(since_us=0))
            lines = variant_lines(seen, experiment=EXPERIMENT, key="understood")
            decision = store.call(experiments.decision, experiments.DecisionOf(name=EXPERIMENT, slices=False))
            report = store.call(costs, CompareCosts(name=EXPERIMENT, since_us=0))
            pays = (f"At the invented prices of the project, {pays_line(report, each)}." for each in report.break_even)
            return [*lines, *decision_lines(decision), HOW, *pays]

    def _run(self) -> None:
        try:
            asyncio.run(self._send())
        except BaseException as error:  # noqa: BLE001 - `wait` raises it in the main thread
            self._failure = error

    async def _send(self) -> None:
        await asyncio.gather(self._send_customers(), self._send_visitors())

    async def _send_customers(self) -> None:
        sent = self._sent
        met = await traffic.send(
            sent.base_url,
            sent.tickets,
            users=sent.customers,
            seed=SEED,
            concurrency=CUSTOMERS_AT_ONCE,
            on_done=self._note_customer,
        )
        self._ended_at = time.monotonic()
        self._progress.say(
            f"  {counted(met.users, 'customer')}: {met.answered} answered, {counted(met.errors, 'error')}, "
            f"{met.feedback} gave feedback"
        )

    def _note_customer(self) -> None:
        self._customers_done += 1
        self._progress.count("customers", self._customers_done, self._sent.customers, work=CUSTOMER)

    async def _send_visitors(self) -> None:
        """Send users to the second experiment until control stops it."""
        seen = await send_until_stopped(self._sent.base_url, self._sent.tickets, lambda _: None)
        lines = await asyncio.to_thread(self._outcome, seen)
        self._progress.say(f"  The late server: {seen} of the candidate")
        for line in lines:
            self._progress.say(f"  {line}")
        self._progress.spend(VISITORS)

    def _outcome(self, seen: Seen) -> list[str]:
        with open_store(self._sent.project.layout) as store:
            return outcome_lines(store, seen)
