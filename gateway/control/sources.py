"""Reads what each source of a frozen plan shows, and adds their one answer to the decisions of an experiment."""

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from fairtrial.domain.decision.sources import Claim
from fairtrial.domain.decision.values import Decision
from fairtrial.domain.plan import Plan
from fairtrial.domain.settings import SPLIT
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.sources import combine, levels_of, shadow_claim, split_claim
from fairtrial.store.core.database import Database
from gateway.control.shadows import known_shadow


def with_sources(
    database: Database,
    plan: Plan,
    frozen: AnalysisPlan,
    decisions: Mapping[str, Decision],
    *,
    now_us: int,
    late_us: int = 0,
) -> Mapping[str, Decision]:
    """The decisions, each with the answer of all sources if their plan has some; raises `StoreError`.

    ``late_us``: as in `DecidedLook`.
    """
    if not frozen.sources or frozen.experiment not in plan.experiments:
        return decisions
    return {
        variant: replace(
            decision,
            sources=combine(frozen, _claims(database, plan, frozen, decision, now_us=now_us), late_us=late_us),
        )
        for variant, decision in decisions.items()
    }


def _claims(
    database: Database, plan: Plan, frozen: AnalysisPlan, decision: Decision, *, now_us: int
) -> Iterator[Claim]:
    for source in frozen.sources:
        family, _, name = source.partition(".")
        targets = f"{frozen.experiment}/{decision.variant}", f"{frozen.experiment}/{frozen.control}"
        if family == SPLIT:
            yield split_claim(frozen, decision, now_us)
        else:
            levels = levels_of(frozen, source)
            shown = known_shadow(database, plan, *targets, levels=levels, since_us=frozen.from_us)
            yield shadow_claim(frozen, name, shown)
