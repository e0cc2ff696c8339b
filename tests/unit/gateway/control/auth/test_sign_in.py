"""Control's own pages: the cookie they set, the tries they allow, where they lead, and what they never do."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from fairtrial.domain.accounts import Role
from fairtrial.store.access import accounts, audit, credentials
from fairtrial.store.core.query import Page
from gateway.control.auth.sign_in import (
    DEVICE_COOKIE,
    MAX_OF_ALL,
    MAX_PER_ADDRESS,
    MAX_PER_NAME,
    SESSION_COOKIE,
    WINDOW_US,
    SignInAttempt,
    SignInThrottle,
)
from gateway.control.background.background_work import BackgroundWork
from tests.fixtures.control.control_app import NOW, app_over, client_of, stranger
from tests.fixtures.for_each import for_each

PASSWORD = "correct horse battery"
BACK = "http://127.0.0.1:8501/review"
ORIGIN = {"origin": "http://127.0.0.1:8081"}
PROJECT = """\
version: 1
deployments:
  base: {model: openai/base, base_url: http://127.0.0.1:9/v1}
routes:
  support-bot: {deployment: base}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A project without an experiment, because watching one costs more than most of these tests."""
    path = tmp_path / "fairtrial.yaml"
    path.write_text(PROJECT)
    return path


def invite(background: BackgroundWork, name: str | None = "Rosa", role: Role = "reviewer") -> str:
    return accounts.invite(background.database, name, role, actor="test", now_us=NOW).token


def join(background: BackgroundWork, name: str = "Rosa", role: Role = "reviewer") -> None:
    accounts.accept(background.database, invite(background, name, role), name="", password=PASSWORD, now_us=NOW)


@pytest.fixture
def with_rosa(background: BackgroundWork) -> BackgroundWork:
    join(background)
    return background


async def sign_in(http: httpx.AsyncClient, name: str, password: str, onward: str = BACK) -> httpx.Response:
    form = {"name": name, "password": password}
    return await http.post("/sign-in", params={"next": onward}, data=form, headers=ORIGIN)


async def test_an_invitation_is_accepted_once_and_signs_in(background: BackgroundWork) -> None:
    address = f"/invitation/{invite(background)}"
    form = {"password": PASSWORD, "again": PASSWORD}
    async with stranger(background) as http:
        for _ in range(2):
            assert "Choose a password" in (await http.get(address)).text
        answer = await http.post(address, params={"next": BACK}, data=form, headers=ORIGIN)
        assert answer.status_code == 303
        assert (await http.get("/api/me")).json()["name"] == "Rosa"
        onward = await http.get(answer.headers["location"])
        assert f'<meta http-equiv="refresh" content="0; url={BACK}">' in onward.text
        again = await http.post(address, data=form, headers=ORIGIN)
    assert (again.status_code, "does not work" in again.text) == (404, True)


async def test_the_cookie_is_for_http_and_this_site_alone(background: BackgroundWork) -> None:
    join(background)
    async with stranger(background) as http:
        plain = (await sign_in(http, "rosa", PASSWORD)).headers.get_list("set-cookie")[0]
    async with stranger(background, base_url="https://127.0.0.1:8081") as http:
        form, origin = {"name": "rosa", "password": PASSWORD}, {"origin": "https://127.0.0.1:8081"}
        secure = (await http.post("/sign-in", data=form, headers=origin)).headers.get_list("set-cookie")[0]
    assert plain.startswith(f"{SESSION_COOKIE}=")
    for part in ("HttpOnly", "Path=/", "SameSite=lax", f"Max-Age={7 * 86_400}"):
        assert part in plain
    assert ("Secure" in plain, "Secure" in secure) == (False, True)
    assert "domain" not in plain.lower()


async def test_signing_out_asks_first_and_then_ends_the_session(background: BackgroundWork) -> None:
    join(background)
    async with stranger(background) as http:
        await sign_in(http, "Rosa", PASSWORD)
        token = http.cookies[SESSION_COOKIE]
        page = await http.get("/sign-out", params={"next": BACK})
        assert "Sign out?" in page.text
        assert (await http.get("/api/me")).status_code == 200
        assert (await http.post("/sign-out", headers={"origin": "https://evil.example"})).status_code == 403
        assert (await http.post("/sign-out", params={"next": BACK}, headers=ORIGIN)).status_code == 303
        assert SESSION_COOKIE not in http.cookies
        assert (await http.get("/api/me")).status_code == 401
    assert credentials.account_of_session(background.database, token, now_us=NOW) is None


async def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(background: BackgroundWork) -> None:
    join(background)
    async with stranger(background) as http:
        wrong, unknown = await sign_in(http, "Rosa", "wrong"), await sign_in(http, "Nobody", PASSWORD)
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.text.replace("Rosa", "Nobody") == unknown.text
    assert SESSION_COOKIE not in wrong.headers.get("set-cookie", "")
    assert PASSWORD not in unknown.text


async def test_too_many_tries_are_refused_even_with_the_right_password_and_audited_once(
    background: BackgroundWork,
) -> None:
    join(background)
    async with stranger(background) as http:
        statuses = [(await sign_in(http, "Rosa", "wrong")).status_code for _ in range(MAX_PER_NAME + 2)]
        right = await sign_in(http, "ROSA", PASSWORD)
    assert statuses == [401] * MAX_PER_NAME + [429] * 2
    assert (right.status_code, "Try again in 10 minutes" in right.text) == (429, True)
    bursts = [row for row in background.database.dicts(audit.listing(Page())) if row["action"] == "sign_in.burst"]
    assert len(bursts) == 1


async def test_a_burst_on_a_name_that_nobody_has_is_audited_without_it(background: BackgroundWork) -> None:
    join(background)
    async with stranger(background) as http:
        for _ in range(MAX_PER_NAME):
            await sign_in(http, "my secret passphrase", "x")
    rows = background.database.dicts(audit.listing(Page()))
    assert "an unknown name" in {row["subject"] for row in rows}
    assert "passphrase" not in str(rows)


def test_attempts_are_limited_for_a_name_from_one_address_and_for_an_address_and_come_back_with_time() -> None:
    attempts, rosa = SignInThrottle(), SignInAttempt("Rosa", "203.0.113.1")
    for _ in range(MAX_PER_NAME):
        assert attempts.begin(rosa, now_us=NOW) == 0
    assert attempts.begin(SignInAttempt("ROSA", "203.0.113.1"), now_us=NOW + 1) == WINDOW_US - 1
    assert attempts.begin(SignInAttempt("Rosa", "203.0.113.2"), now_us=NOW + 1) == 0
    for number in range(MAX_PER_ADDRESS - MAX_PER_NAME):
        assert attempts.begin(SignInAttempt(f"n{number}", "203.0.113.1"), now_us=NOW + 2) == 0
    assert attempts.begin(SignInAttempt("late", "203.0.113.1"), now_us=NOW + 3) == WINDOW_US - 3
    assert attempts.begin(rosa, now_us=NOW + WINDOW_US) == 0


def test_a_host_with_a_whole_network_of_addresses_counts_as_one() -> None:
    attempts = SignInThrottle()
    for number in range(MAX_PER_ADDRESS):
        assert attempts.begin(SignInAttempt(f"n{number}", f"2001:db8:0:1::{number:x}"), now_us=NOW) == 0
    assert attempts.begin(SignInAttempt("late", "2001:db8:0:1:ffff::1"), now_us=NOW) > 0
    assert attempts.begin(SignInAttempt("late", "2001:db8:0:2::1"), now_us=NOW) == 0


def test_unknown_browsers_together_are_limited_and_a_known_device_is_not_among_them() -> None:
    attempts = SignInThrottle()
    for number in range(MAX_OF_ALL):
        assert attempts.begin(SignInAttempt(f"n{number}", f"203.0.113.{number}"), now_us=NOW) == 0
    assert attempts.begin(SignInAttempt("late", "198.51.100.1"), now_us=NOW + 1) > 0
    assert attempts.begin(SignInAttempt("late", "198.51.100.1", device="d"), now_us=NOW + 1) == 0
    assert attempts.begin(SignInAttempt("late", "198.51.100.1"), now_us=NOW + 60_000_000) == 0


def test_a_known_device_has_a_limit_of_its_own() -> None:
    attempts, device = SignInThrottle(), SignInAttempt("Rosa", "203.0.113.1", device="d")
    for _ in range(MAX_PER_NAME):
        assert attempts.begin(device, now_us=NOW) == 0
    assert attempts.begin(device, now_us=NOW) == WINDOW_US
    assert attempts.begin(SignInAttempt("Rosa", "203.0.113.1", device="other"), now_us=NOW) == 0


def test_a_clock_that_was_wrong_and_is_set_right_shuts_nobody_out() -> None:
    attempts, day_us = SignInThrottle(), 86_400_000_000
    for number in range(MAX_OF_ALL):
        attempts.begin(SignInAttempt(f"n{number}", f"203.0.113.{number // MAX_PER_NAME}"), now_us=NOW + day_us)
    assert attempts.begin(SignInAttempt("n0", "203.0.113.0"), now_us=NOW + day_us) > 0
    assert attempts.begin(SignInAttempt("n0", "203.0.113.0"), now_us=NOW) == 0


def test_a_right_password_costs_no_attempt() -> None:
    attempts, rosa = SignInThrottle(), SignInAttempt("Rosa", "203.0.113.1")
    for _ in range(5 * MAX_OF_ALL):
        assert attempts.begin(rosa, now_us=NOW) == 0
        attempts.succeeded(rosa)


async def test_strangers_who_guess_lock_out_neither_the_owner_s_address_nor_the_known_device(
    background: BackgroundWork,
) -> None:
    join(background)
    app = app_over(background, loopback=True)
    async with (
        client_of(app, address="198.51.100.7") as owner,
        client_of(app, address="203.0.113.1") as guesser,
        client_of(app, address="203.0.113.1") as behind_the_same_address,
    ):
        assert (await sign_in(owner, "Rosa", PASSWORD)).status_code == 303
        device = {DEVICE_COOKIE: owner.cookies[DEVICE_COOKIE]}
        guesses = [(await sign_in(guesser, "Rosa", "wrong")).status_code for _ in range(MAX_PER_NAME + 1)]
        assert guesses == [401] * MAX_PER_NAME + [429]
        assert (await sign_in(guesser, "Rosa", PASSWORD)).status_code == 429
        owner.cookies.clear()
        assert (await sign_in(owner, "Rosa", PASSWORD)).status_code == 303
        behind_the_same_address.cookies.update(device)
        assert (await sign_in(behind_the_same_address, "Rosa", "wrong")).status_code == 401
        assert (await sign_in(behind_the_same_address, "Rosa", PASSWORD)).status_code == 303


async def test_a_device_is_known_for_one_account_until_its_password_changes(background: BackgroundWork) -> None:
    join(background)
    join(background, "Mara")
    app = app_over(background, loopback=True)
    async with client_of(app, address="198.51.100.7") as owner, client_of(app, address="203.0.113.1") as guesser:
        await sign_in(owner, "Rosa", PASSWORD)
        known = owner.cookies[DEVICE_COOKIE]
        for name in ("Rosa", "Mara"):
            for _ in range(MAX_PER_NAME):
                assert (await sign_in(guesser, name, "wrong")).status_code == 401
        flipped = known[:-1] + ("A" if known[-1] != "A" else "B")
        for name, cookie, status in (("Mara", known, 429), ("Rosa", flipped, 429), ("Rosa", known, 303)):
            guesser.cookies.clear()
            guesser.cookies.set(DEVICE_COOKIE, cookie)
            assert (await sign_in(guesser, name, PASSWORD)).status_code == status, (name, cookie)
        link = accounts.reset(background.database, "Rosa", actor="test", now_us=NOW).token
        accounts.accept(background.database, link, name="", password=f"{PASSWORD} anew", now_us=NOW)
        for _ in range(MAX_PER_NAME):
            await sign_in(guesser, "Rosa", "wrong")
        guesser.cookies.clear()
        guesser.cookies.set(DEVICE_COOKIE, known)
        assert (await sign_in(guesser, "Rosa", f"{PASSWORD} anew")).status_code == 429


async def test_the_device_cookie_goes_to_the_sign_in_alone_and_opens_nothing(background: BackgroundWork) -> None:
    join(background)
    async with stranger(background) as http:
        answer = await sign_in(http, "Rosa", PASSWORD)
        [device] = [line for line in answer.headers.get_list("set-cookie") if line.startswith(DEVICE_COOKIE)]
        for part in ("HttpOnly", "Path=/sign-in", "SameSite=strict", f"Max-Age={365 * 86_400}"):
            assert part in device
        value = http.cookies[DEVICE_COOKIE]
        http.cookies.clear()
        assert (await http.get("/api/me", headers={"cookie": f"{DEVICE_COOKIE}={value}"})).status_code == 401


@for_each(
    "onward",
    [
        "https://evil.example/",
        "//evil.example",
        "/review",
        "javascript:alert(1)",
        "http://127.0.0.1:8501@evil.example/",
        "http://evil.example\\@127.0.0.1/",
        "http://127.0.0.1\\.evil.example/",
        "http://127.0.0.1.evil.example/",
        "http://localhost:8501/",
        "http://127.0.0.1:8501/\r\nset-cookie: x=y",
        "http://[::1",
        "data:text/html,x",
        "http://127.0.0.1/" + "a" * 3000,
    ],
)
async def test_nobody_is_led_to_another_site(with_rosa: BackgroundWork, onward: str) -> None:
    async with stranger(with_rosa) as http:
        answer = await sign_in(http, "Rosa", PASSWORD, onward)
        assert answer.headers["location"] == "/sign-in"
        shown = await http.get("/sign-in", params={"next": onward})
    assert "refresh" not in shown.text
    assert "evil" not in shown.text


@pytest.mark.parametrize("onward", [BACK, "https://127.0.0.1/x?y=1&z=2", "http://127.0.0.1:8501"])
async def test_any_port_of_the_same_host_name_is_a_way_back(background: BackgroundWork, onward: str) -> None:
    join(background)
    async with stranger(background) as http:
        answer = await sign_in(http, "Rosa", PASSWORD, onward)
        shown = (await http.get(answer.headers["location"])).text
    assert re.search(r'content="0; url=([^"]+)"', shown)[1].replace("&amp;", "&") == onward  # type: ignore[index]


async def test_names_are_text_on_every_page(background: BackgroundWork) -> None:
    hostile = "<script>alert(1)</script>\"'&"
    token = invite(background, hostile)
    async with stranger(background) as http:
        shown = [await http.get(f"/invitation/{token}"), await sign_in(http, hostile, "x")]
        form = {"password": PASSWORD, "again": PASSWORD}
        await http.post(f"/invitation/{token}", data=form, headers=ORIGIN)
        shown += [await http.get("/sign-in"), await http.get("/sign-out")]
    for page in shown:
        assert "&lt;script&gt;" in page.text
        assert "<script" not in page.text


@pytest.mark.parametrize("path", ["/sign-in", "/sign-out", "/invitation/none"])
async def test_the_pages_run_no_script_are_in_no_frame_and_in_no_cache(background: BackgroundWork, path: str) -> None:
    async with stranger(background) as http:
        headers = (await http.get(path)).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script" not in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert (headers["x-frame-options"], headers["cache-control"]) == ("DENY", "no-store")
    assert headers["referrer-policy"] == "same-origin"


async def test_two_passwords_that_differ_lose_nothing_that_was_typed(background: BackgroundWork) -> None:
    address = f"/invitation/{invite(background, None)}"
    async with stranger(background) as http:
        form = {"name": "Rosa", "password": PASSWORD, "again": "else"}
        answer = await http.post(address, data=form, headers=ORIGIN)
        assert (answer.status_code, "differ" in answer.text, 'value="Rosa"' in answer.text) == (400, True, True)
        short = await http.post(address, data=form | {"password": "x", "again": "x"}, headers=ORIGIN)
        assert "10 to 200 characters" in short.text
        assert (await http.post(address, data=form | {"again": PASSWORD}, headers=ORIGIN)).status_code == 303


async def test_before_the_first_account_the_page_says_how_to_make_one(background: BackgroundWork) -> None:
    async with stranger(background) as http:
        assert "fairtrial accounts invite" in (await http.get("/sign-in")).text


async def test_a_strange_host_name_gets_no_page(background: BackgroundWork) -> None:
    async with stranger(background) as http:
        assert (await http.get("/sign-in", headers={"host": "evil.example"})).status_code == 403


async def test_a_form_of_too_many_fields_is_a_clear_error(background: BackgroundWork) -> None:
    join(background)
    async with stranger(background) as http:
        answer = await http.post("/sign-in", data={f"f{n}": "x" for n in range(50)}, headers=ORIGIN)
    assert answer.status_code == 400
