"""Sends the demo's live traffic beside the suites: 120 customers, and the visitors of the late server."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from fairtrial.api import experiments
from fairtrial.api.operation import Nothing
from fairtrial.api.store import ingest
from fairtrial.api.traffic import ExperimentTraffic, by_experiment
from fairtrial.config.project import Project
from fairtrial.domain.wording import counted
from fairtrial.store.experiments.sums.metric_sums import LATE_US
from fairtrial_cli.demo import sick_candidate, traffic
from fairtrial_cli.demo.progress import Progress
from fairtrial_cli.demo.sizes import CUSTOMER, VISITORS
from fairtrial_cli.demo.story import variant_lines
from fairtrial_cli.demo.traffic import Ticket
from fairtrial_cli.output.decision import decision_lines
from fairtrial_cli.store_client.client import open_store
from fairtrial_cli.store_client.stored import frozen_plans

EXPERIMENT = "tuned-vs-base"
SEED = 20261124
CUSTOMERS_AT_ONCE = 2
LOOK_SECONDS = 4.0
"""How long control's next look may take."""
HOW = "Decided by always-valid looks, with min_days 0 because this is a demo: real trials count whole weeks."


@dataclass(frozen=True, slots=True)
class Traffic:
    """What is sent: where to, which tickets, and from how many customers."""

    project: Project
    base_url: str
    tickets: Sequence[Ticket]
    customers: int


class LiveTraffic:
    """Customers of one experiment and visitors of the other, in one thread; `wait` returns when all are answered."""

    def __init__(self, sent: Traffic, progress: Progress) -> None:
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
            return [*lines, *decision_lines(decision), HOW]

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
        seen = await sick_candidate.send_until_stopped(self._sent.base_url, self._sent.tickets, lambda _: None)
        lines = await asyncio.to_thread(self._outcome, seen)
        self._progress.say(f"  The late server: {seen} of the candidate")
        for line in lines:
            self._progress.say(f"  {line}")
        self._progress.spend(VISITORS)

    def _outcome(self, seen: sick_candidate.Seen) -> list[str]:
        with open_store(self._sent.project.layout) as store:
            return sick_candidate.outcome_lines(store, seen)
