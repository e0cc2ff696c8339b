"""Serves one-time links, which sign in the user of this machine and redirect to the dashboard."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from fairtrial.domain.errors import Conflict, NotFound
from fairtrial.store.access import sessions
from gateway.control.auth.authorization import AuthorizedRoute, anyone
from gateway.control.auth.cookies import set_session
from gateway.control.auth.html import Link, page
from gateway.control.auth.identity import OwnerDep, by_session
from gateway.control.auth.origin_check import reject_unknown_host
from gateway.control.auth.redirects import next_page

SEE_OTHER = 303
PRIVATE = {"cache-control": "no-store", "referrer-policy": "no-referrer"}
AGAIN = "To get a new link, run this command on the machine that runs fairtrial: fairtrial dashboard --link"
router = APIRouter(
    route_class=AuthorizedRoute,
    dependencies=[Depends(anyone), Depends(reject_unknown_host)],
    include_in_schema=False,
)


@router.get("/one-time/{token}")
def open_link(request: Request, owner: OwnerDep, token: str) -> Response:
    """Redeem the link. A browser that only prefetches the page does not use it up."""
    onward = next_page(request) or "/sign-in"
    if "prefetch" in request.headers.get("sec-purpose", request.headers.get("purpose", "")):
        return Response(status_code=503, headers=PRIVATE)
    try:
        session = sessions.redeem(owner.database, token, now_us=owner.clock_us())
    except (NotFound, Conflict) as refused:
        if by_session(request) is not None:
            return RedirectResponse(onward, status_code=SEE_OTHER, headers=PRIVATE)
        return _refused(refused)
    answer = RedirectResponse(onward, status_code=SEE_OTHER, headers=PRIVATE)
    set_session(request, answer, session)
    return answer


def _refused(why: NotFound | Conflict) -> Response:
    reason = f"{why.message[0].upper()}{why.message[1:]}."
    if isinstance(why, Conflict):
        return page("Sign in", reason, links=[Link("/sign-in", "Sign in", button=True)], status=why.status)
    return page("This link does not work", reason, note=AGAIN, status=why.status)
