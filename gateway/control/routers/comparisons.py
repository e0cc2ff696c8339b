"""Two runs of one suite, compared case by case."""

from __future__ import annotations

from fastapi import APIRouter, Response

from evaluators.run_events import run_of
from fairtrial.domain.run import Run
from fairtrial.store import runs
from gateway.control.answers import TheKeeper, as_json
from gateway.control.errors import absent
from gateway.control.keeper import Keeper

router = APIRouter(tags=["comparisons"])


@router.get("/comparisons")
def compare(keeper: TheKeeper, candidate_run: str, baseline_run: str) -> Response:
    """Every measure that both runs have, paired, with two-sided 95 % intervals; 400 says why two can't be compared."""
    from evaluators.compare import compare_runs  # numpy and scipy, for those who ask only
    from evaluators.measures import measures_seen

    candidate, baseline = _run(keeper, candidate_run), _run(keeper, baseline_run)
    return as_json({"rows": compare_runs(measures_seen([candidate, baseline]), candidate, baseline)})


def _run(keeper: Keeper, run_id: str) -> Run:
    found = runs.events(keeper.database, run_id)
    if found is None:
        raise absent("run", run_id)
    return run_of(found)
