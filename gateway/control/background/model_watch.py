"""Asks every day whether the deployments that were judged still answer as then, and pauses experiments if not."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress

from evaluators.engine.target import resolve
from evaluators.model_equality.daily import ask_model, due_us, tokens_left
from fairtrial.config.layout import written_key
from fairtrial.domain.accounts import CONTROL
from fairtrial.domain.errors import Unavailable, UsageError
from fairtrial.domain.limits.constants import HOUR_US
from fairtrial.domain.plan import Plan
from fairtrial.domain.verdicts.model_ask import ModelAsk
from fairtrial.experiments.lifecycle import MODELS
from fairtrial.store.core.database import Database
from fairtrial.store.evaluations import model_asks
from fairtrial.store.experiments import transitions
from gateway.control.background.plan_publisher import PlanPublisher
from gateway.control.experiments.state_change import Change, change_state
from gateway.control.verdicts.judged_models import judged_models, record_judged_ask, settle_changed

STOP_SECONDS = 0.2


class ModelWatch:
    """One thread calls `step`. Without a ``gateway_url`` it asks nothing. ``stopping`` ends an ask at once."""

    def __init__(
        self,
        database: Database,
        publisher: PlanPublisher,
        gateway_url: str | None,
        clock_us: Callable[[], int],
        stopping: threading.Event,
    ) -> None:
        self._database, self._publisher, self._gateway_url = database, publisher, gateway_url
        self._clock_us, self._stopping = clock_us, stopping
        self._retry_us: dict[str, int] = {}

    def step(self) -> None:
        """Ask each judged deployment that is due, one after the other, and act on the changes that are established."""
        published = self._publisher.published
        if published is None or self._gateway_url is None:
            return
        judged = judged_models(self._database, published.plan)
        for name, judged_us in judged.items():
            if not self._stopping.is_set():
                self._ask_if_due(published.plan, name, judged_us, len(judged))
                self._act(published.plan, name, judged_us)

    def _ask_if_due(self, plan: Plan, name: str, judged_us: int, deployments: int) -> None:
        now_us, digest = self._clock_us(), plan.deployments[name].digest
        series = model_asks.series(self._database, digest)
        due = due_us(series) if series else judged_us + HOUR_US
        left = tokens_left(series, self._publisher.probe_tokens, now_us)
        if now_us < max(due, self._retry_us.get(name, 0)) or not left:
            return
        self._retry_us[name] = now_us + HOUR_US
        with suppress(Unavailable, UsageError):  # what does not answer is not another model; breakers watch it
            ask = self._asked(plan, name, series[0] if series else None, left)
            if ask is not None:
                record_judged_ask(self._database, ask, deployments, actor=CONTROL, now_us=now_us)

    def _asked(self, plan: Plan, name: str, first: ModelAsk | None, left: int) -> ModelAsk | None:
        key = written_key(self._database.layout.internal_key)
        target = resolve(name, plan, base_url=f"{self._gateway_url}/v1", api_key=key)
        return asyncio.run(self._unless_stopping(ask_model(target, first, most_tokens=left, now_us=self._clock_us())))

    async def _unless_stopping(self, asking: Coroutine[None, None, ModelAsk]) -> ModelAsk | None:
        task = asyncio.ensure_future(asking)
        while not (await asyncio.wait([task], timeout=STOP_SECONDS))[0]:
            if self._stopping.is_set():
                task.cancel()
                await asyncio.wait([task])
                return None
        return task.result()

    def _act(self, plan: Plan, name: str, judged_us: int) -> None:
        """Settle the alarm, and pause what runs with the deployment since before the change was established."""
        change = model_asks.last_change(self._database, plan.deployments[name].digest)
        if change is None:
            return
        now_us = self._clock_us()
        settle_changed(self._database, change, judged_us, now_us=now_us, actor=CONTROL)
        last = transitions.last(self._database)
        for experiment in plan.experiments.values():
            arms = [variant.name for variant in experiment.variants if variant.deployment == name]
            since_us = last[experiment.name].at_us if experiment.name in last else 0
            if arms and experiment.state == "running" and since_us < change.asked_us:
                evidence, why = {MODELS: arms}, f"{change.words}; continuing starts a new segment"
                pause = Change(experiment.name, "pause", CONTROL, why, evidence, segment=experiment.segment)
                change_state(self._database, self._publisher, pause, now_us=now_us)
