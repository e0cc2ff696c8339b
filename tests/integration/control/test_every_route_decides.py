"""Every route of both planes has decided who may use it, and keeps to it; a new one that has not fails here."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from fairtrial.domain.accounts import RIGHTS, Right
from gateway.control.app import create_app
from gateway.control.auth.authorization import AuthorizedRoute, access_rules_of, anyone
from gateway.control.background.background_work import BackgroundWork
from gateway.proxy.app import ALWAYS_SERVED, MODEL_PATHS
from gateway.proxy.routes.fastapi_app import VOTE, WIDGET, api_app
from scripts.reference.data_plane import ROUTES
from tests.fixtures.gateway.gateway_fixture import Rig, key, plan_for, running
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import PATIENCE

OPEN_CONTROL = {
    ("GET", "/livez"): "whoever watches the process has no account",
    ("GET", "/readyz"): "so has a balancer",
    ("GET", "/metrics"): "counts with names of ours alone, for a collector",
    ("GET", "/sign-in"): "it is how one gets in",
    ("POST", "/sign-in"): "it is how one gets in",
    ("GET", "/sign-out"): "it only asks",
    ("POST", "/sign-out"): "it only ends what the caller has",
    ("GET", "/one-time/{token}"): "the token is the secret",
    ("GET", "/invitation/{token}"): "the token is the secret",
    ("POST", "/invitation/{token}"): "the token is the secret",
}
"""What the control plane answers to anyone, by method: another method on the path is another decision."""

OPEN_DATA = {
    "/livez": "whoever watches the process has no key",
    "/readyz": "so has a balancer; it tells a hash of the plan",
    "/metrics": "counts with names of ours alone, for a collector",
    WIDGET: "a script that is the same for everyone",
    VOTE: "the token of an answer is the secret",
}
"""Every path of the data plane that asks for nobody, and why."""

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD")
STRANGE = (
    "/", "/v1", "/v1/", "/v1/files", "/v1/batches/b1", "/v1/fine_tuning/jobs", "/v1/chat", "/v1/chat/completions/",
    "/v1/chat/completions/c1", "/v1//chat/completions", "/V1/chat/completions", "/v1/%63hat/completions",
    "/v1/models/../files", "/v1/responses/r1", "/v1/responses/r1/cancel", "/v1/responses/r1/input_items",
    "/v1/audio/speech", "/v1/images/generations", "/openapi.json", "/docs", "/redoc", "/admin", "/livez/x", "/metrics/",
)  # fmt: skip
"""Paths that the list of routes does not name, or not so: they lead nowhere, or ask for a key as well."""

SECRETS: dict[Right | None, str] = {None: "ft-nothing", **{right: f"ft-{right}" for right in RIGHTS}}


@pytest.fixture(name="upstream", scope="module")
def upstream_fixture() -> Iterator[FakeUpstream]:
    with FakeUpstream() as fake:
        yield fake


@pytest.fixture(name="rig", scope="module")
def rig_fixture(upstream: FakeUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A gateway with a key for each right and one without any, and a way for everything else."""
    with running(tmp_path_factory.mktemp("walk"), others="base") as rig:
        keys = [key("ft-nothing"), *(key(SECRETS[right], right) for right in RIGHTS)]
        rig.publish(plan_for(upstream.url), *keys, key("ft-late", *RIGHTS, expires_us=1))
        yield rig


def ask(rig: Rig, method: str, path: str, secret: str | None) -> httpx.Response:
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {secret}"} if secret else {})
    body = b"" if method in ("GET", "HEAD", "OPTIONS") else b'{"model": "base-direct", "messages": [], "input": "x"}'
    return httpx.request(method, rig.root + path, headers=headers, content=body, timeout=PATIENCE, verify=False)


def one_of(path: str) -> str:
    return path.replace("{", "").replace("}", "")


class Nowhere:
    """A gateway that is asked for nothing."""


def undecided(app: FastAPI) -> list[str]:
    """What an application of the data plane serves without saying who may use it."""
    told = {path for _, path, _, _ in ROUTES}
    paths = [
        str(route.path_format).replace(":path", "") if isinstance(route, APIRoute) else f"{route} can't be walked"
        for route in app.routes
    ]
    return [path for path in paths if path not in told]


def test_the_list_says_of_every_route_of_the_data_plane_who_may_use_it() -> None:
    app = api_app(Nowhere(), MODEL_PATHS)  # type: ignore[arg-type]
    assert undecided(app) == [] and set(MODEL_PATHS) <= {path for _, path, _, _ in ROUTES}
    assert {right for _, _, right, _ in ROUTES} <= {*RIGHTS, "none"}
    assert {path for _, path, right, _ in ROUTES if right == "none"} == set(OPEN_DATA)
    assert set(OPEN_DATA) == {*ALWAYS_SERVED, WIDGET, VOTE}


def test_a_route_that_says_nothing_would_be_seen() -> None:
    app = api_app(Nowhere(), MODEL_PATHS)  # type: ignore[arg-type]
    app.add_api_route("/v1/secret", lambda: None)
    app.mount("/v1/mounted", FastAPI())
    assert len(undecided(app)) == 2


def code_of(answer: httpx.Response) -> str | None:
    """The error's code; an answer to HEAD has no body that could say one."""
    return str(answer.json()["error"]["code"]) if answer.content else None


@pytest.mark.parametrize(("method", "path", "right"), [route[:3] for route in ROUTES])
def test_a_route_of_the_data_plane_allows_what_it_declares(
    rig: Rig, upstream: FakeUpstream, method: str, path: str, right: str
) -> None:
    seen = len(upstream.seen)

    def said(code: str) -> str | None:
        return None if method == "HEAD" else code

    if right == "none":
        assert ask(rig, method, one_of(path), None).status_code == (422 if path == VOTE else 200)  # it has no token
        return
    for secret in (None, "", "ft-wrong", "ft-late"):
        answer = ask(rig, method, one_of(path), secret)
        assert (answer.status_code, code_of(answer)) == (401, said("invalid_api_key")), (path, secret)
        assert answer.headers["x-request-id"]
    others = [secret for each, secret in SECRETS.items() if each != right]
    for secret in others:
        answer = ask(rig, method, one_of(path), secret)
        assert (answer.status_code, code_of(answer)) == (403, said("right_missing")), (path, secret)
    assert len(upstream.seen) == seen, f"{path}: the upstream was asked for a caller that may not"
    assert ask(rig, method, one_of(path), f"ft-{right}").status_code not in (401, 403)


@pytest.mark.parametrize("path", [*STRANGE, *(one_of(path) for _, path, _, _ in ROUTES if path not in OPEN_DATA)])
def test_nothing_else_is_served_to_a_caller_without_a_key(rig: Rig, upstream: FakeUpstream, path: str) -> None:
    seen = len(upstream.seen)
    for method in METHODS:
        answer = ask(rig, method, path, None)
        assert answer.status_code in (401, 404, 405), (method, path, answer.status_code)
        if method != "HEAD":
            assert set(answer.json()) == {"error"}, (method, path)
    assert len(upstream.seen) == seen


async def test_every_route_of_the_control_plane_refuses_whoever_has_not_signed_in(background: BackgroundWork) -> None:
    app = create_app(background, loopback=False)
    found = [(context.path, context.original_route) for context in iter_route_contexts(app.routes)]
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    is_open: set[tuple[str, str]] = set()
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8081") as http:
        for path, route in found:
            assert isinstance(route, AuthorizedRoute), f"{path}: its router needs route_class=AuthorizedRoute"
            decided = list(access_rules_of(route.dependant))
            assert decided, f"{path}: it says neither what it needs nor that it is for anyone"
            if anyone in decided:
                is_open |= {(method, path) for method in route.methods}
                continue
            for method in route.methods:
                answer = await http.request(method, one_of(path))
                assert answer.status_code == 401, (method, path, answer.status_code)
    assert is_open == set(OPEN_CONTROL)
