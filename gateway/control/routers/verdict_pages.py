"""What stands around a verdict: its runs, who saved it, its evidence as figures, and its reports."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Depends, Response

from fairtrial.domain.verdict import Verdict
from fairtrial.store.evaluations import verdicts
from gateway.control.auth.authorization import Guarded, needs
from gateway.control.background.background_work import Keeper
from gateway.control.errors import absent
from gateway.control.responses import TheKeeper, as_json

router = APIRouter(tags=["verdicts"], route_class=Guarded, dependencies=[Depends(needs("release-manager"))])
Form = Literal["json", "junit", "markdown"]
ENDINGS: dict[Form, str] = {"json": "json", "junit": "xml", "markdown": "md"}


@router.get("/verdicts/{verdict_id}/around")
def around(keeper: TheKeeper, verdict_id: str) -> Response:
    """The runs that it read, who saved it and when, and each finding's interval with its limit, ready to draw."""
    from evaluators.gate.chart_data import figures  # numpy, for those who ask only

    verdict = _verdict(keeper, verdict_id)
    saved = verdicts.saved_by(keeper.database, verdict_id)
    runs = verdicts.runs_of(keeper.database, verdict)
    return as_json({"saved": saved, "runs": runs, "figures": figures(verdict.findings)})


@router.get("/verdicts/{verdict_id}/reports/{form}")
def report(keeper: TheKeeper, verdict_id: str, form: Form) -> Response:
    """The verdict as the text of a file: ``{"file", "text"}``, as `fairtrial gate` writes it."""
    from evaluators.report import REPORTS

    text = REPORTS.get(form).render(_verdict(keeper, verdict_id))
    return as_json({"file": f"verdict-{verdict_id}.{ENDINGS[form]}", "text": text})


def _verdict(keeper: Keeper, verdict_id: str) -> Verdict:
    found = verdicts.one(keeper.database, verdict_id)
    if found is None:
        raise absent("verdict", verdict_id)
    return found
