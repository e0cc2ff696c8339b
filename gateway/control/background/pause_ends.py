"""Resumes experiments that were paused because a breaker kept requests away, once their variants answer again."""

from collections.abc import Callable, Iterator

from fairtrial.domain.accounts import CONTROL
from fairtrial.domain.errors import Unavailable
from fairtrial.domain.plan import Experiment
from fairtrial.domain.promises import PROBES_IN_A_ROW
from fairtrial.experiments.decision.acceptance import accepting
from fairtrial.experiments.lifecycle import KEPT_AWAY, cause_of
from fairtrial.store.core.database import Database
from fairtrial.store.experiments import transitions
from gateway.control.experiments.state_change import Change, change_state
from gateway.control.present import Probe, Publisher


class PauseEnds:
    """One thread calls `step`. ``probe`` asks a deployment by the gateway; without it no pause ends by itself."""

    def __init__(
        self, database: Database, publisher: Publisher, probe: Probe | None, clock_us: Callable[[], int]
    ) -> None:
        self._database, self._publisher, self._probe, self._clock_us = database, publisher, probe, clock_us
        self._answered: dict[str, int] = {}

    def step(self) -> None:
        """Probe the variants of each such experiment once."""
        waiting = dict(self._waiting()) if self._probe is not None else {}
        self._answered = {name: count for name, count in self._answered.items() if name in waiting}
        for name, (experiment, variants) in waiting.items():
            self._answered[name] = self._answered.get(name, 0) + 1 if self._answer(experiment, variants) else 0
            if self._answered[name] >= PROBES_IN_A_ROW:
                why = f"{' and '.join(variants)} answered {PROBES_IN_A_ROW} probes in a row"
                accepted = transitions.accepted_declines(self._database, name, experiment.segment)
                evidence = accepting(accepted.values())
                change = Change(name, "resume", CONTROL, why, evidence, segment=experiment.segment)
                change_state(self._database, self._publisher, change, now_us=self._clock_us())

    def _waiting(self) -> Iterator[tuple[str, tuple[Experiment, list[str]]]]:
        """The paused experiments, each with the variants that were kept away."""
        published = self._publisher.published
        experiments = published.plan.experiments if published is not None else {}
        if not any(experiment.state == "paused" for experiment in experiments.values()):
            return
        for name, entered in transitions.all_entered(self._database).items():
            if name in experiments and experiments[name].state == "paused" and cause_of(entered) == "kept_away":
                yield name, (experiments[name], list((entered.evidence or {})[KEPT_AWAY]))

    def _answer(self, experiment: Experiment, variants: list[str]) -> bool:
        assert self._probe is not None
        try:
            for variant in experiment.variants:
                if variant.name in variants:
                    self._probe(variant.deployment)
        except Unavailable:
            return False
        return True
