"""Blind review by keyboard alone: fast, interrupted, taken back, passed over, and refused."""

from __future__ import annotations

import os
import signal
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from dashboard.client import SESSION_COOKIE
from tests.fixtures.dashboard.reviewing import Reviewing
from tests.fixtures.dashboard.site import BASELINE, CANDIDATE, PASSWORD, Site
from tests.fixtures.dashboard.visits import Visitors
from tests.fixtures.waiting import PATIENCE

pytestmark = pytest.mark.release("browser")

SOME, MANY = 6, 15
"""Pairs of a queue: enough to go on after a reload, and for each outcome three times."""

OUTCOMES = {"1": "left", "2": "tie", "3": "right", "4": "both_bad", "0": "cant_judge"}


def asked(site: Site, name: str, method: str, path: str, body: Any = None) -> httpx.Response:
    """Control's answer to this person."""
    cookies = {SESSION_COOKIE: site.session(name)}
    return httpx.request(method, f"{site.control}{path}", json=body, cookies=cookies, timeout=PATIENCE)


@pytest.mark.release("browser")
def test_pairs_are_judged_by_keyboard_with_a_reload_in_the_middle_and_nothing_is_lost(page: Page, site: Site) -> None:
    queue = site.enqueue(SOME)
    desk = Reviewing(page, site.dashboard).open(queue)
    for done in range(SOME):
        desk.wait_count(done, SOME)
        desk.press("3", "4", "2", "5", "0", "3", "4", "n").write("short, and right").press("Escape", "f")
        if done == SOME // 2:
            desk.wait_saved()
            before, question = desk.draft, desk.question
            desk.page.reload()
            desk.wait_count(done, SOME)
            assert (desk.draft, desk.question) == (before, question)
        desk.press("Enter")
    expect(desk.page.locator(".end")).to_contain_text(f"You judged {SOME} pairs")
    votes = site.votes(queue)
    assert len(votes) == SOME
    assert {vote["comment"] for vote in votes} == {"short, and right"}


@pytest.mark.release("browser")
def test_many_pairs_by_keys_pressed_faster_than_the_page_and_each_vote_is_on_the_pair_it_was_meant_for(
    page: Page, site: Site
) -> None:
    queue = site.enqueue(MANY)
    desk = Reviewing(page, site.dashboard).open(queue)
    meant: dict[str, str] = {}
    for done in range(MANY):
        key = "12340"[done % 5]
        desk.press(key, str(3 + done % 3))  # before this pair is on the screen, for all but the first
        desk.wait_count(done, MANY)
        meant[desk.question] = OUTCOMES[key]
        assert desk.draft["outcome"] == OUTCOMES[key]
        assert desk.draft["marks"]["accuracy-left"] == str(3 + done % 3)
        desk.press("5", "Enter")
    expect(desk.page.locator(".end")).to_contain_text(f"You judged {MANY} pairs")
    votes = site.votes(queue)
    assert {vote["asked"][-1]["content"]: said(vote) for vote in votes} == meant
    assert len(votes) == len(meant) == MANY


def said(vote: dict[str, Any]) -> str:
    """The outcome as the reviewer pressed it."""
    preferred = vote["preference"]
    if preferred not in ("candidate", "baseline"):
        return str(preferred)
    return "left" if preferred == vote["left_arm"] else "right"


def test_a_vote_is_never_cast_on_a_pair_that_was_not_on_the_screen(page: Page, site: Site) -> None:
    queue = site.enqueue(5)
    desk = Reviewing(page, site.dashboard).open(queue)
    desk.press("1", "Enter", "3", "Enter", "Enter").wait_count(1, 5)
    expect(desk.page.locator(".notice")).to_contain_text("not on the screen yet")
    assert desk.draft["outcome"] == "right"
    desk.press("Enter").wait_count(2, 5)


def test_a_note_begun_before_the_pair_is_shown_is_text_and_never_keys(page: Page, site: Site) -> None:
    desk = Reviewing(page, site.dashboard).open(site.enqueue(5))
    desk.press("1", "Enter", "3", "n").write("dud 4").press("Escape").wait_count(1, 5).wait_saved()
    assert desk.draft["note"] == "dud 4"
    assert (desk.draft["outcome"], desk.draft["flagged"]) == ("right", False)


@pytest.mark.release("browser")
def test_undo_brings_the_last_pair_back_as_it_was_entered(page: Page, site: Site) -> None:
    desk = Reviewing(page, site.dashboard).open(site.enqueue(5))
    question = desk.question
    desk.press("3", "5", "1", "Enter")  # refused: a mark of 1 without a note, which is where the keys go now
    expect(desk.page.locator(".notice")).to_contain_text("needs a note")
    desk.write("plainly wrong").press("Control+Enter").wait_count(1, 5)
    assert desk.question != question
    desk.press("u").wait_count(0, 5)
    assert desk.question == question
    assert desk.draft["outcome"] == "right"
    assert desk.draft["marks"]["accuracy-right"] == "1"
    assert desk.draft["note"] == "plainly wrong"
    desk.press("Enter").wait_count(1, 5).press("u", "u").wait_count(0, 5)
    expect(desk.page.locator(".notice")).to_contain_text("no vote of yours")


@pytest.mark.release("browser")
def test_a_skipped_pair_does_not_come_again_and_counts_as_no_vote(page: Page, site: Site) -> None:
    desk = Reviewing(page, site.dashboard).open(site.enqueue(2))
    first = desk.question
    desk.press("s")
    expect(desk.page.locator(".turn.user .text")).not_to_have_text(first)
    desk.wait_saved().press("1", "Enter")
    expect(desk.page.locator(".end")).to_contain_text("You judged 1 pair of this queue and skipped 1.")


@pytest.mark.release("browser")
def test_keys_are_text_while_one_writes_and_escape_leaves(page: Page, site: Site) -> None:
    desk = Reviewing(page, site.dashboard).open(site.enqueue(3))
    desk.press("n").write("1 2 3 skip under ? D").wait_saved()
    assert desk.draft == {
        "outcome": None,
        "marks": dict.fromkeys(desk.draft["marks"]),
        "note": "1 2 3 skip under ? D",
        "flagged": False,
    }
    desk.press("Escape", "2")
    assert desk.draft["outcome"] == "tie"


@pytest.mark.release("browser")
def test_rows_anchors_diff_edit_and_the_key_sheet_by_keyboard(page: Page, site: Site) -> None:
    desk = Reviewing(page, site.dashboard).open(site.enqueue(3))
    desk.press("1", "ArrowDown", "ArrowDown")
    expect(page.locator(".scale.focused")).to_have_attribute("data-row", "tone-left")
    expect(page.locator(".anchors")).to_contain_text("as our best colleague")
    desk.press("ArrowRight", "4")
    assert desk.draft["marks"]["tone-right"] == "4"
    assert page.locator("ins, del").count() == 0
    desk.press("d")
    assert page.locator(".answer[data-side=left] del").count() > 0
    assert page.locator(".answer[data-side=right] ins").count() > 0
    desk.press("d", "e").write(" And thank you.").press("Escape", "Escape").wait_saved()
    expect(page.locator(".answer .tag")).to_have_text("edited by you")
    desk.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    desk.press("Escape")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_have_count(0)


def test_on_a_phone_each_row_of_ratings_names_its_answer(page: Page, site: Site) -> None:
    """Beside each other on a desk, the rows stand below the answers that they rate."""
    page.set_viewport_size({"width": 390, "height": 844})
    Reviewing(page, site.dashboard).open(site.enqueue(1))
    rows = page.locator(".scale")
    expect(rows.locator(".side")).to_have_text(["Answer 1", "Answer 2"] * 3)
    expect(rows.locator(".side:visible")).to_have_count(6)
    for line in page.locator(".line").all():
        tops = [line.locator(part).bounding_box() for part in (".dimension", ".scale >> nth=0", ".scale >> nth=1")]
        heights = [box["y"] for box in tops if box is not None]
        assert heights == sorted(heights) and len(heights) == 3
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.set_viewport_size({"width": 1280, "height": 900})
    expect(rows.locator(".side:visible")).to_have_count(0)


@pytest.mark.release("browser")
def test_two_reviewers_at_once_never_hold_the_same_pair(visitors: Visitors, site: Site) -> None:
    queue = site.enqueue(6)
    anna, ben = (Reviewing(visitors.page(name), site.dashboard).open(queue) for name in ("Anna", "Ben"))
    seen: list[str] = []
    for done in range(0, 6, 2):
        for desk in (anna, ben):
            expect(desk.page.locator(".review-app:not(.leaving) .turn.user .text")).to_have_count(1)
        assert anna.question != ben.question
        seen += [anna.question, ben.question]
        anna.press("1", "Enter")
        ben.press("3", "Enter")
        if done < 4:
            expect(anna.page.locator(".turn.user .text")).not_to_have_text(seen[-2])
            expect(ben.page.locator(".turn.user .text")).not_to_have_text(seen[-1])
    for desk in (anna, ben):
        expect(desk.page.locator(".end")).to_contain_text("You judged 3 pairs")
    assert len(set(seen)) == 6


@pytest.mark.release("browser")
def test_a_pair_that_another_reviewer_has_by_now_is_explained_and_what_was_written_stays(
    visitors: Visitors, site: Site
) -> None:
    queue = site.enqueue(2)
    desk = Reviewing(visitors.page("Anna"), site.dashboard).open(queue)
    desk.press("1", "n").write("the left one is kinder").wait_saved()
    mine = asked(site, "Anna", "POST", f"/api/reviews/queues/{queue}/next", {}).json()["item"]["item_id"]
    assert asked(site, "Anna", "POST", f"/api/reviews/items/{mine}/skip", {}).is_success  # as in another tab of hers
    desk.write("!")
    expect(desk.page.locator(".notice.lost")).to_contain_text("the left one is kinder!")
    expect(desk.page.locator("textarea.note")).to_have_value("")
    desk.press("Escape", "1", "Enter")
    expect(desk.page.locator(".end")).to_contain_text("You judged 1 pair")


@pytest.mark.release("browser")
def test_a_queue_that_is_closed_meanwhile_ends_the_session_kindly(page: Page, site: Site) -> None:
    queue = site.enqueue(2)
    desk = Reviewing(page, site.dashboard).open(queue)
    site.ask("POST", f"/api/reviews/queues/{queue}/close")
    desk.press("1")
    expect(desk.page.locator(".end")).to_contain_text("This queue has been closed")


def test_a_reviewer_is_refused_at_page_and_api_where_they_do_not_belong(page: Page, site: Site) -> None:
    queue = site.enqueue(2)
    page.goto(f"{site.dashboard}/overview")
    expect(page.get_by_test_id("stMain")).to_contain_text("release-manager")
    expect(page.get_by_test_id("stMetric")).to_have_count(0)
    expect(page.get_by_test_id("stSidebar")).to_contain_text("Anna")
    expect(page.get_by_test_id("stSidebar").get_by_role("link", name="Overview")).to_have_count(0)
    for method, path in (
        ("GET", f"/api/reviews/queues/{queue}"),
        ("GET", f"/api/reviews/queues/{queue}/export"),
        ("POST", f"/api/reviews/queues/{queue}/close"),
        ("POST", "/api/reviews/queues"),
        ("GET", f"/api/reviews/evidence?candidate={CANDIDATE}&baseline={BASELINE}"),
        ("GET", "/api/runs"),
        ("GET", "/api/verdicts"),
        ("GET", "/api/accounts"),
        ("GET", "/api/keys"),
    ):
        assert asked(site, "Anna", method, path).status_code == 403, path


@pytest.mark.release("browser")
def test_nobody_reviews_without_signing_in_and_the_page_says_where(visitors: Visitors, site: Site) -> None:
    queue, page = site.enqueue(2), visitors.page(None)
    page.goto(f"{site.dashboard}/review?queue={queue}")
    page.get_by_role("link", name="Sign in").click()
    page.get_by_label("Name").fill("Anna")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator(".review-app .answer")).to_have_count(2)
    assert page.url == f"{site.dashboard}/review?queue={queue}"


@pytest.mark.release("browser")
def test_the_queues_are_chosen_by_title_and_the_way_back_is_there(page: Page, site: Site) -> None:
    queue = site.enqueue(2, title="Letters of *May*")
    page.goto(f"{site.dashboard}/review")
    page.locator(f".st-key-open-{queue}").get_by_role("button").click()
    expect(page.locator(".review-app h2")).to_have_text("Letters of *May*")
    page.get_by_role("button", name="All queues").click()
    expect(page.get_by_role("heading", name="Review")).to_be_visible()


def test_what_is_entered_while_control_is_away_is_stored_and_sent_when_it_is_back(page: Page, site: Site) -> None:
    desk = Reviewing(page, site.dashboard).open(site.enqueue(2))
    control = site.services.children["control"]
    assert control.pid is not None
    os.kill(control.pid, signal.SIGKILL)  # it is started again by itself
    desk.press("1", "5", "Enter")
    desk.wait_count(1, 2).wait_saved()
