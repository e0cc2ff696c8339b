"""Routes for the suites stored with runs: their digests, which judging needs, and their texts."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response

from fairtrial.store.evaluations import suite_texts
from gateway.control.auth.authorization import AuthorizedRoute, require_role
from gateway.control.errors import not_found
from gateway.control.responses import BackgroundDep, PageDep, as_table

router = APIRouter(
    tags=["suites"], route_class=AuthorizedRoute, dependencies=[Depends(require_role("release-manager"))]
)


@router.get("/suites")
def listing(
    request: Request,
    background: BackgroundDep,
    page: PageDep,
    suite: str | None = None,
    suite_digest: str | None = None,
    text_digest: str | None = None,
) -> Response:
    """The digests of every stored version of a suite's text, newest first."""
    query = suite_texts.listing(page, suite=suite, suite_digest=suite_digest, text_digest=text_digest)
    return as_table(request, background.database, query)


@router.get("/suites/{suite_digest}/texts/{text_digest}")
def text(background: BackgroundDep, suite_digest: str, text_digest: str) -> Response:
    """One text: JSON with the suite's gate lines, slices and scorers, and digests instead of rows."""
    found = suite_texts.find(background.database, suite_digest, text_digest)
    if found is None:
        raise not_found("suite", text_digest)
    return Response(found, media_type="application/json")
