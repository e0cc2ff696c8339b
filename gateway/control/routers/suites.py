"""Suites as their runs stored them: the digests to name when a candidate is judged, and each suite's text."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response

from fairtrial.store.evaluations import suite_texts
from gateway.control.auth.authorization import Guarded, needs
from gateway.control.errors import absent
from gateway.control.responses import TheKeeper, ThePage, as_table

router = APIRouter(tags=["suites"], route_class=Guarded, dependencies=[Depends(needs("release-manager"))])


@router.get("/suites")
def listing(
    request: Request,
    keeper: TheKeeper,
    page: ThePage,
    suite: str | None = None,
    suite_digest: str | None = None,
    text_digest: str | None = None,
) -> Response:
    """The digests of every different text of a suite that is stored, the newest first."""
    query = suite_texts.listing(page, suite=suite, suite_digest=suite_digest, text_digest=text_digest)
    return as_table(request, keeper.database, query)


@router.get("/suites/{suite_digest}/texts/{text_digest}")
def text(keeper: TheKeeper, suite_digest: str, text_digest: str) -> Response:
    """One text: JSON with the suite's gate lines, slices and scorers, and digests instead of its rows."""
    found = suite_texts.one(keeper.database, suite_digest, text_digest)
    if found is None:
        raise absent("suite", text_digest)
    return Response(found, media_type="application/json")
