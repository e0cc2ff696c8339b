"""The route that compares two runs of a suite case by case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Query, Response

from gateway.control.auth.authorization import AuthorizedRoute, require_role
from gateway.control.background.background_work import BackgroundWork
from gateway.control.errors import not_found
from gateway.control.responses import BackgroundDep, as_json
from gateway.memory import keeping_large_blocks

if TYPE_CHECKING:
    from evaluators.results.run_table import RunTable

router = APIRouter(
    tags=["comparisons"], route_class=AuthorizedRoute, dependencies=[Depends(require_role("release-manager"))]
)


@router.get("/comparisons")
def compare(
    background: BackgroundDep, candidate_run: str, baseline_run: str, by: Annotated[list[str] | None, Query()] = None
) -> Response:
    """Compare all measures that both runs have, paired, with two-sided 95 % intervals; 400 if they are not comparable.

    ``rule`` of each row says what its ``answer`` follows from: the interval and, where there is one, the p-value.

    ``by``: tags whose slices are compared too. ``shown`` gives each measure's form, scale and better direction.
    ``signals``: what changed without being asked, each with a sentence and whether it is ``notable``.
    """
    from evaluators.comparison.compare import compare_runs  # imports numpy and scipy only when needed
    from evaluators.comparison.pairing import slices_of
    from evaluators.comparison.signal_changes import signal_changes
    from evaluators.criteria.metric_catalogue import measures_seen

    with keeping_large_blocks():
        candidate, baseline = _run(background, candidate_run), _run(background, baseline_run)
        measures = measures_seen([candidate, baseline])
        rows = compare_runs(measures, candidate, baseline, [None, *slices_of(candidate, by or [])])
        changes = signal_changes(candidate, baseline)
    shown = {
        one.name: {"form": one.form, "scale": one.scale, "better": "higher" if one.sign > 0 else "lower"}
        for one in measures
    }
    signals = [{"metric": one.metric, "notable": one.notable, "says": one.says} for one in changes]
    return as_json({"rows": rows, "shown": shown, "signals": signals})


def _run(background: BackgroundWork, run_id: str) -> RunTable:
    from gateway.control.operations.run_tables import load_table

    found = load_table(background.database, run_id)
    if found is None:
        raise not_found("run", run_id)
    return found
