"""Control's own pages: sign in, accept an invitation, sign out. They set the cookie that the dashboard passes on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar
from urllib.parse import parse_qs

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Depends, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse

from fairtrial.domain.accounts import LONGEST_NAME, Account
from fairtrial.domain.errors import BadRequest, NotFound, UsageError
from fairtrial.store.access import accounts, invitations, sessions
from fairtrial.store.access.passwords import SHORTEST
from gateway.control.auth import known_device
from gateway.control.auth.authorization import Guarded, anyone
from gateway.control.auth.cookies import set_device, set_session
from gateway.control.auth.html import Field, form, link, page, paragraph
from gateway.control.auth.identity import SESSION_COOKIE, by_session
from gateway.control.auth.origin_check import refuse_foreign_pages, refuse_strange_names
from gateway.control.auth.redirects import next_page, with_next
from gateway.control.auth.sign_in import Credentials, sign_in
from gateway.control.background.background_work import Keeper
from gateway.control.responses import TheKeeper

P = ParamSpec("P")
T = TypeVar("T")
SEE_OTHER = 303
MOST_FIELDS = 10
NO_ACCOUNT = (
    "On the machine that runs fairtrial, open the link that fairtrial up printed.",
    "It works once and for 15 minutes. This command prints another: fairtrial dashboard --link",
    "To give people accounts: fairtrial accounts invite --role admin",
)
CONSENT = (
    "This sets two cookies: one keeps you signed in for up to seven days, and one recognises this browser for a year, "
    "so that strangers who guess passwords can't lock you out."
)


def own_pages_only(request: Request) -> None:
    """The pages are for browsers: no strange host name, and no form of another site."""
    refuse_strange_names(request)
    refuse_foreign_pages(request, by_cookie=SESSION_COOKIE in request.cookies)


router = APIRouter(
    route_class=Guarded,
    dependencies=[Depends(anyone), Depends(own_pages_only)],
    include_in_schema=False,
)


@router.get("/sign-in")
def sign_in_page(request: Request, keeper: TheKeeper) -> Response:
    """The form; for someone who is signed in, the way on."""
    onward, person = next_page(request), by_session(request)
    if person is not None:
        on = link(onward, "Go on", button=True) if onward else ""
        out = f"<p>{link(with_next('/sign-out', onward), 'Sign out')}</p>"
        who = paragraph(f"You are signed in as {person.name} ({person.role}).")
        return page("Signed in", who, on, out, onward=onward)
    if not accounts.exist(keeper.database):
        return page("Nobody has an account yet", *map(paragraph, NO_ACCOUNT))
    return _sign_in_form(request)


@router.post("/sign-in")
async def try_to_sign_in(request: Request, keeper: TheKeeper) -> Response:
    """Check name and password; on with a session, or the form again with what is wrong."""
    given = await _fields(request)
    name, password = given.get("name", "")[: 2 * LONGEST_NAME], given.get("password", "")
    address = request.client.host if request.client else ""
    credentials = Credentials(name, password, address, request.cookies.get(known_device.COOKIE, ""))
    outcome = await _slowly(request, sign_in, keeper, request.app.state.attempts, credentials)
    if outcome.account is None:
        return _sign_in_form(request, name=name, error=outcome.error, status=outcome.status)
    return await run_in_threadpool(_begin, request, keeper, outcome.account)


@router.get("/invitation/{token}")
def invitation_page(request: Request, keeper: TheKeeper, token: str) -> Response:
    """The form that sets a password; looking at it uses nothing up."""
    return _invited(request, keeper, token)


@router.post("/invitation/{token}")
async def accept(request: Request, keeper: TheKeeper, token: str) -> Response:
    """Set the password and begin a session, or the form again with what is wrong."""
    return await _slowly(request, _accept, request, keeper, token, await _fields(request))


@router.get("/sign-out")
def sign_out_page(request: Request) -> Response:
    """Asks first, because a link of another page must not sign anybody out."""
    onward, person = next_page(request), by_session(request)
    if person is None:
        return page("Not signed in", f"<p>{link(with_next('/sign-in', onward), 'Sign in')}</p>")
    back = f"<p>{link(onward, 'Stay signed in')}</p>" if onward else ""
    who = paragraph(f"You are signed in as {person.name}.")
    return page("Sign out?", who, form(with_next("/sign-out", onward), [], "Sign out"), back)


@router.post("/sign-out")
def sign_out(request: Request, keeper: TheKeeper) -> Response:
    """End the session, here and in the browser."""
    sessions.end(keeper.database, request.cookies.get(SESSION_COOKIE, ""))
    answer = RedirectResponse(with_next("/sign-in", next_page(request)), status_code=SEE_OTHER)
    answer.delete_cookie(SESSION_COOKIE, path="/", httponly=True, samesite="lax")
    return answer


def _sign_in_form(request: Request, *, name: str = "", error: str | None = None, status: int = 200) -> Response:
    fields = [
        Field("name", "Name", autocomplete="username", kept=name),
        Field("password", "Password", "password", "current-password"),
    ]
    action = with_next("/sign-in", next_page(request))
    note = paragraph("No account, or the password is lost? Ask an admin for an invitation link.", dim=True)
    return page("Sign in", form(action, fields, "Sign in", error=error), note, status=status)


def _invited(
    request: Request, keeper: Keeper, token: str, *, name: str = "", error: str | None = None, status: int = 200
) -> Response:
    try:
        account = invitations.invited(keeper.database, token, now_us=keeper.clock_us())
    except NotFound as none:
        return page("This link does not work", paragraph(f"{none.message[0].upper()}{none.message[1:]}."), status=404)
    hint = f"{SHORTEST} characters or more; a few words are easy to remember."
    fields = [
        Field("name", "Your name", autocomplete="username", kept=account.name or name),
        Field("password", "Choose a password", "password", "new-password", hint=hint),
        Field("again", "The same again", "password", "new-password"),
    ]
    action = with_next(f"/invitation/{token}", next_page(request))
    welcome = paragraph(f"You are invited as {account.role}.")
    return page(
        "Welcome", welcome, form(action, fields, "Begin", error=error), paragraph(CONSENT, dim=True), status=status
    )


def _accept(request: Request, keeper: Keeper, token: str, given: dict[str, str]) -> Response:
    name, password = given.get("name", "")[: 2 * LONGEST_NAME], given.get("password", "")
    if password != given.get("again"):
        return _invited(request, keeper, token, name=name, error="The two passwords differ.", status=400)
    try:
        account = invitations.accept(keeper.database, token, name=name, password=password, now_us=keeper.clock_us())
    except (BadRequest, NotFound, UsageError) as error:
        return _invited(request, keeper, token, name=name, error=str(error), status=400)
    return _begin(request, keeper, account)


def _begin(request: Request, keeper: Keeper, account: Account) -> Response:
    """A session in place of the one that this browser may have had; from now on the browser is a known device."""
    sessions.end(keeper.database, request.cookies.get(SESSION_COOKIE, ""))
    token = sessions.begin(keeper.database, account.account_id, now_us=keeper.clock_us())
    answer = RedirectResponse(with_next("/sign-in", next_page(request)), status_code=SEE_OTHER)
    set_session(request, answer, token)
    device = known_device.remember(keeper.database, account.account_id, now_us=keeper.clock_us())
    if device is not None:
        set_device(request, answer, device)
    return answer


async def _slowly(request: Request, work: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
    """In one of the few threads for passwords: however many strangers try, other answers don't wait for them."""
    limiter: CapacityLimiter = request.app.state.password_threads
    return await to_thread.run_sync(partial(work, *given, **named), limiter=limiter)


async def _fields(request: Request) -> dict[str, str]:
    """What a form posted, the first value of each field; raises `BadRequest`."""
    body = (await request.body()).decode("utf-8", "replace")
    try:
        found = parse_qs(body, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise BadRequest(f"form: {error}") from error
    return {name: values[0] for name, values in found.items()}
