"""Routes for what the dashboard shows with a verdict: runs, author, chart data and reports."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Depends, Response

from fairtrial.domain.verdict import Verdict
from fairtrial.store.evaluations import verdicts
from gateway.control.auth.authorization import AuthorizedRoute, require_role
from gateway.control.background.background_work import BackgroundWork
from gateway.control.errors import not_found
from gateway.control.responses import BackgroundDep, as_json

router = APIRouter(
    tags=["verdicts"], route_class=AuthorizedRoute, dependencies=[Depends(require_role("release-manager"))]
)
Form = Literal["json", "junit", "markdown"]
ENDINGS: dict[Form, str] = {"json": "json", "junit": "xml", "markdown": "md"}


@router.get("/verdicts/{verdict_id}/around")
def around(background: BackgroundDep, verdict_id: str) -> Response:
    """The runs that it used, who saved it and when, and each finding's interval and limit for a chart."""
    from evaluators.gate.chart_data import figures  # imports numpy only when needed

    verdict = _verdict(background, verdict_id)
    saved = verdicts.saved_by(background.database, verdict_id)
    runs = verdicts.runs_of(background.database, verdict)
    return as_json({"saved": saved, "runs": runs, "figures": figures(verdict.findings)})


@router.get("/verdicts/{verdict_id}/reports/{form}")
def report(background: BackgroundDep, verdict_id: str, form: Form) -> Response:
    """The verdict as a report, ``{"file", "text"}``, as `fairtrial gate` writes it."""
    from evaluators.report import REPORTS

    text = REPORTS.get(form).render(_verdict(background, verdict_id))
    return as_json({"file": f"verdict-{verdict_id}.{ENDINGS[form]}", "text": text})


def _verdict(background: BackgroundWork, verdict_id: str) -> Verdict:
    found = verdicts.find(background.database, verdict_id)
    if found is None:
        raise not_found("verdict", verdict_id)
    return found
