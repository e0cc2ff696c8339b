"""Two runs of one suite, compared case by case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Query, Response

from gateway.control.auth.authorization import Guarded, needs
from gateway.control.background.background_work import Keeper
from gateway.control.errors import absent
from gateway.control.responses import TheKeeper, as_json
from gateway.memory import keeping_large_blocks

if TYPE_CHECKING:
    from evaluators.results.run_table import RunTable

router = APIRouter(tags=["comparisons"], route_class=Guarded, dependencies=[Depends(needs("release-manager"))])


@router.get("/comparisons")
def compare(
    keeper: TheKeeper, candidate_run: str, baseline_run: str, by: Annotated[list[str] | None, Query()] = None
) -> Response:
    """Every measure that both runs have, paired, with two-sided 95 % intervals; 400 says why two can't be compared.

    ``by``: tags in whose slices they are compared too. ``shown`` says each measure's form, scale and better side.
    """
    from evaluators.comparison.compare import compare_runs  # numpy and scipy, for those who ask only
    from evaluators.comparison.pairing import slices_of
    from evaluators.criteria.metric_catalogue import measures_seen

    with keeping_large_blocks():
        candidate, baseline = _run(keeper, candidate_run), _run(keeper, baseline_run)
        measures = measures_seen([candidate, baseline])
        rows = compare_runs(measures, candidate, baseline, [None, *slices_of(candidate, by or [])])
    shown = {
        one.name: {"form": one.form, "scale": one.scale, "better": "higher" if one.sign > 0 else "lower"}
        for one in measures
    }
    return as_json({"rows": rows, "shown": shown})


def _run(keeper: Keeper, run_id: str) -> RunTable:
    from gateway.control.operations.run_tables import load_table

    found = load_table(keeper.database, run_id)
    if found is None:
        raise absent("run", run_id)
    return found
