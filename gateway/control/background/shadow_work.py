"""Measures the pairs of shadows that arrived, and keeps the alarms of limits that are reached."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fairtrial.domain.accounts import CONTROL
from fairtrial.store.core.database import Database
from fairtrial.store.experiments import alarms
from fairtrial.store.traffic import shadows
from gateway.control.background.plan_publisher import PlanPublisher
from gateway.control.shadow_scores import built_scorers, measures_of, scores_of
from gateway.control.shadows import known_shadows, spending_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from evaluators.scoring.scorer import Scorer
    from fairtrial.domain.plan import Published, Shadow

AT_ONCE = 200
FAMILY = "shadow"


class ShadowWork:
    """One thread calls `step`."""

    def __init__(self, database: Database, publisher: PlanPublisher, clock_us: Callable[[], int]) -> None:
        self._database, self._publisher, self._clock_us = database, publisher, clock_us
        self._none: tuple[Published, int] | None = None
        """The plan that was published, and the starts that were recorded, when no shadow was known."""
        self._built: dict[str, tuple[tuple[Any, ...], tuple[Scorer, ...]]] = {}

    def step(self) -> None:
        """Score what has come, and open or close the alarms; raises `StoreError` and `UsageError`."""
        published, recorded = self._publisher.published, self._database.changes.into(shadows.TABLE)
        if published is None or (self._none and self._none[0] is published and self._none[1] == recorded):
            return
        all_known = known_shadows(self._database, published.plan)
        self._none = None if all_known else (published, recorded)
        for known in all_known:
            shadow, now_us = known.shadow, self._clock_us()
            while len(self._score(shadow)) == AT_ONCE:
                pass
            spending = spending_of(self._database, shadow.shadow_id, shadow.limit, now_us=now_us)
            text = f"the copies for {shadow.candidate} have reached their limit of {spending.limit}; they pause"
            texts = {"shadow.limit": text} if known.running and spending.reached else {}
            alarms.settle(self._database, shadow.route, texts, families=(FAMILY,), now_us=now_us, actor=CONTROL)

    def _score(self, shadow: Shadow) -> list[shadows.PairToScore]:
        """Measure the oldest pairs that wait, at most `AT_ONCE`."""
        pairs = shadows.to_score(self._database, shadow.shadow_id, limit=AT_ONCE)
        route, entries = shadow.route, self._publisher.route_scorers.get(shadow.route, ())
        if route not in self._built or self._built[route][0] != entries:  # an own scorer has a process
            self._built[route] = entries, built_scorers(entries, self._publisher.root)
        measures = measures_of(entries)
        scored = {pair.copy_id: scores_of(pair, self._built[route][1], measures) for pair in pairs}
        if scored:
            shadows.save_scores(self._database, scored, now_us=self._clock_us())
        return pairs
