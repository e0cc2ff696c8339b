"""Serves the pages for one-time links, sign-in, invitations and sign-out, which set the session cookie."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ParamSpec, TypeVar
from urllib.parse import parse_qs

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Depends, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse

from fairtrial import html_pages
from fairtrial.domain.accounts import LONGEST_NAME, Account
from fairtrial.domain.errors import BadRequest, Conflict, NotFound, UsageError
from fairtrial.store.access import accounts
from fairtrial.store.access.credentials import begin_session, end_session, redeem_link
from fairtrial.store.access.passwords import SHORTEST
from gateway.control.auth.authorization import (
    AuthorizedRoute,
    OwnerDep,
    anyone,
    by_session,
    next_page,
    reject_cross_origin,
    reject_unknown_host,
    with_next,
)
from gateway.control.auth.sign_in import (
    DEVICE_COOKIE,
    SESSION_COOKIE,
    Credentials,
    remember,
    set_device,
    set_session,
    sign_in,
)
from gateway.control.context import Owner

HEADERS: Mapping[str, str] = {
    "content-security-policy": f"{html_pages.POLICY}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    # Not no-referrer, because browsers would then send forms with "Origin: null".
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}
P = ParamSpec("P")
T = TypeVar("T")
SEE_OTHER = 303
MAX_FIELDS = 10
NO_ACCOUNT = (
    "On the machine that runs fairtrial, open the link that fairtrial up printed.",
    "The link works once, within 15 minutes. To print another one: fairtrial dashboard --link",
    "To create accounts: fairtrial accounts invite --role admin",
)
CONSENT = (
    "This sets two cookies. One keeps you signed in for up to seven days. The other one recognises this browser for a "
    "year, so that strangers who guess passwords cannot lock you out."
)
router = APIRouter(
    route_class=AuthorizedRoute,
    dependencies=[Depends(anyone), Depends(reject_unknown_host), Depends(reject_cross_origin)],
    include_in_schema=False,
)
PRIVATE = {"cache-control": "no-store", "referrer-policy": "no-referrer"}
AGAIN = "To get a new link, run this command on the machine that runs fairtrial: fairtrial dashboard --link"
one_time_router = APIRouter(
    route_class=AuthorizedRoute,
    dependencies=[Depends(anyone), Depends(reject_unknown_host)],
    include_in_schema=False,
)


@dataclass(frozen=True, slots=True)
class Field:
    """A labelled input. ``value`` repeats what was typed before an error, never a password."""

    name: str
    label: str
    kind: str = "text"
    autocomplete: str = "off"
    value: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    """A form that is posted. The first empty field gets the focus; screen readers announce the error."""

    action: str
    button: str
    fields: Sequence[Field] = ()
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A link to another page, which can look like a button."""

    address: str
    text: str
    button: bool = False


def page(
    title: str,
    *paragraphs: str,
    form: Form | None = None,
    links: Sequence[Link] = (),
    note: str | None = None,
    onward: str | None = None,
    status: int = 200,
) -> Response:
    """A page with its parts in this order. ``onward`` is an address that the browser opens by itself."""
    text = html_pages.render(
        "sign_in.html", title=title, paragraphs=paragraphs, form=form, links=links, note=note, onward=onward
    )
    return Response(text, status_code=status, media_type="text/html", headers=dict(HEADERS))


@router.get("/sign-in")
def sign_in_page(request: Request, owner: OwnerDep) -> Response:
    """The sign-in form, or a link onward for a visitor who is already signed in."""
    onward, person = next_page(request), by_session(request)
    if person is not None:
        on = [Link(onward, "Continue", button=True)] if onward else []
        who = f"You are signed in as {person.name} ({person.role})."
        return page("Signed in", who, links=[*on, Link(with_next("/sign-out", onward), "Sign out")], onward=onward)
    if not accounts.any_exist(owner.database):
        return page("No accounts yet", *NO_ACCOUNT)
    return _sign_in_form(request)


@router.post("/sign-in")
async def try_to_sign_in(request: Request, owner: OwnerDep) -> Response:
    """Check name and password. Starts a session, or shows the form again with an error."""
    given = await _fields(request)
    name, password = given.get("name", "")[: 2 * LONGEST_NAME], given.get("password", "")
    address = request.client.host if request.client else ""
    credentials = Credentials(name, password, address, request.cookies.get(DEVICE_COOKIE, ""))
    outcome = await _run_in_password_thread(request, sign_in, owner, request.app.state.sign_in_throttle, credentials)
    if outcome.account is None:
        return _sign_in_form(request, name=name, error=outcome.error, status=outcome.status)
    return await run_in_threadpool(_start_session, request, owner, outcome.account)


@router.get("/invitation/{token}")
def invitation_page(request: Request, owner: OwnerDep, token: str) -> Response:
    """The form that sets a password. Opening it does not use up the invitation."""
    return _invited(request, owner, token)


@router.post("/invitation/{token}")
async def accept(request: Request, owner: OwnerDep, token: str) -> Response:
    """Set the password and start a session, or show the form again with an error."""
    return await _run_in_password_thread(request, _accept, request, owner, token, await _fields(request))


@router.get("/sign-out")
def sign_out_page(request: Request) -> Response:
    """Ask for confirmation, because a link on another page must not sign anybody out."""
    onward, person = next_page(request), by_session(request)
    if person is None:
        return page("Not signed in", links=[Link(with_next("/sign-in", onward), "Sign in")])
    back = [Link(onward, "Stay signed in")] if onward else []
    who = f"You are signed in as {person.name}."
    return page("Sign out?", who, form=Form(with_next("/sign-out", onward), "Sign out"), links=back)


@router.post("/sign-out")
def sign_out(request: Request, owner: OwnerDep) -> Response:
    """End the session and delete its cookie."""
    end_session(owner.database, request.cookies.get(SESSION_COOKIE, ""))
    answer = RedirectResponse(with_next("/sign-in", next_page(request)), status_code=SEE_OTHER)
    answer.delete_cookie(SESSION_COOKIE, path="/", httponly=True, samesite="lax")
    return answer


def _sign_in_form(request: Request, *, name: str = "", error: str | None = None, status: int = 200) -> Response:
    fields = [
        Field("name", "Name", autocomplete="username", value=name),
        Field("password", "Password", "password", "current-password"),
    ]
    form = Form(with_next("/sign-in", next_page(request)), "Sign in", fields, error)
    note = "No account yet, or password lost? Ask an admin for an invitation link."
    return page("Sign in", form=form, note=note, status=status)


def _invited(
    request: Request,
    owner: Owner,
    token: str,
    *,
    name: str = "",
    error: str | None = None,
    status: int = 200,
) -> Response:
    try:
        account = accounts.find_invited(owner.database, token, now_us=owner.clock_us())
    except NotFound as none:
        return page("This link does not work", f"{none.message[0].upper()}{none.message[1:]}.", status=404)
    hint = f"At least {SHORTEST} characters. A few words are easy to remember."
    fields = [
        Field("name", "Your name", autocomplete="username", value=account.name or name),
        Field("password", "Choose a password", "password", "new-password", hint=hint),
        Field("again", "Repeat the password", "password", "new-password"),
    ]
    form = Form(with_next(f"/invitation/{token}", next_page(request)), "Create account", fields, error)
    return page("Welcome", f"You are invited as {account.role}.", form=form, note=CONSENT, status=status)


def _accept(request: Request, owner: Owner, token: str, given: dict[str, str]) -> Response:
    name, password = given.get("name", "")[: 2 * LONGEST_NAME], given.get("password", "")
    if password != given.get("again"):
        return _invited(request, owner, token, name=name, error="The two passwords differ.", status=400)
    try:
        account = accounts.accept(owner.database, token, name=name, password=password, now_us=owner.clock_us())
    except (BadRequest, NotFound, UsageError) as error:
        return _invited(request, owner, token, name=name, error=str(error), status=400)
    return _start_session(request, owner, account)


def _start_session(request: Request, owner: Owner, account: Account) -> Response:
    """Replace the browser's session with a new one, and mark the browser as a known device."""
    end_session(owner.database, request.cookies.get(SESSION_COOKIE, ""))
    token = begin_session(owner.database, account.account_id, now_us=owner.clock_us())
    answer = RedirectResponse(with_next("/sign-in", next_page(request)), status_code=SEE_OTHER)
    set_session(request, answer, token)
    device = remember(owner.database, account.account_id, now_us=owner.clock_us())
    if device is not None:
        set_device(request, answer, device)
    return answer


async def _run_in_password_thread(request: Request, work: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
    """Run in one of the few password threads, so that many sign-in attempts do not delay other requests."""
    limiter: CapacityLimiter = request.app.state.password_threads
    return await to_thread.run_sync(partial(work, *given, **named), limiter=limiter)


async def _fields(request: Request) -> dict[str, str]:
    """The first value of each posted form field; raises `BadRequest`."""
    body = (await request.body()).decode("utf-8", "replace")
    try:
        fields = parse_qs(body, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise BadRequest(f"form: {error}") from error
    return {name: values[0] for name, values in fields.items()}


@one_time_router.get("/one-time/{token}")
def open_link(request: Request, owner: OwnerDep, token: str) -> Response:
    """Redeem the link. A browser that only prefetches the page does not use it up."""
    onward = next_page(request) or "/sign-in"
    if "prefetch" in request.headers.get("sec-purpose", request.headers.get("purpose", "")):
        return Response(status_code=503, headers=PRIVATE)
    try:
        session = redeem_link(owner.database, token, now_us=owner.clock_us())
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
