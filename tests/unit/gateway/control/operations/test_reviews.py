"""The review API: what a reviewer is told gives nothing away, and what a release manager asks for is clear."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from fairtrial.domain.accounts import Role
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.access import audit
from fairtrial.store.core.query import Page
from gateway.control.background.background_work import BackgroundWork
from tests.fixtures.control.accounts import signed_in
from tests.fixtures.control.control_app import client
from tests.fixtures.evaluators.review_answers import NEW, OLD, case, write_both
from tests.fixtures.store import samples

WISH = {"suite": "tickets", "candidate": NEW, "baseline": OLD, "size": 10, "seed": 7}
SECRETS = (
    NEW,
    OLD,
    "1234.5",
    "777.25",
    "432104321",
    "876508765",
    "0.0123",
    "0.0456",
    "fp-",
    "tickets-",
    "case-",
    "dd-",
    "digest",
)
ROLES_OF: tuple[tuple[Role, str], ...] = (("reviewer", "ann"), ("reviewer", "ben"), ("release-manager", "meg"))
UNMARKED = {"accuracy": None, "tone": None, "usefulness": None}


def run_here(background: BackgroundWork) -> None:
    """Runs of both, ingested by background work, which must be the only one that does."""
    deployments = background.publisher.published.plan.deployments
    write_both(background.database.layout, digests={name: deployments[name].digest for name in (NEW, OLD)})
    background.ingest_now()


async def made(http: httpx.AsyncClient, background: BackgroundWork, **wish: Any) -> dict[str, Any]:
    run_here(background)
    answer = await http.post("/api/reviews/queues", json=WISH | wish)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def test_nothing_that_a_reviewer_gets_names_a_model_a_run_a_time_or_a_cost(
    background: BackgroundWork,
) -> None:
    async with client(background) as http:
        queue = (await made(http, background))["queue_id"]
        answers = [await http.get("/api/reviews/queues"), await http.get("/api/reviews/rubric")]
        for _ in range(10):
            answers.append(await http.post(f"/api/reviews/queues/{queue}/next"))
            item = answers[-1].json()["item"]["item_id"]
            answers.append(await http.put(f"/api/reviews/items/{item}/draft", json={"outcome": "left"}))
            answers.append(await http.post(f"/api/reviews/items/{item}/submit", json={}))
            answers.append(await http.post(f"/api/reviews/items/{item}/submit", json={"outcome": "left"}))
            answers.append(await http.post(f"/api/reviews/queues/{queue}/undo"))
            answers.append(await http.post(f"/api/reviews/items/{item}/submit", json={"outcome": "tie"}))
            answers.append(await http.post(f"/api/reviews/items/{item}/skip", json={}))
        answers.append(await http.post(f"/api/reviews/queues/{queue}/next"))
    assert answers[-1].json()["item"] is None
    for answer in answers:
        everything = answer.text + str(sorted(answer.headers.items())) + str(answer.url)
        assert not [secret for secret in SECRETS if secret in everything], everything


async def test_an_item_has_the_question_the_reference_and_two_answers_and_both_sides_are_used(
    background: BackgroundWork,
) -> None:
    left = []
    async with client(background) as http:
        queue = (await made(http, background, size=20))["queue_id"]
        for _ in range(20):
            item = (await http.post(f"/api/reviews/queues/{queue}/next")).json()["item"]
            assert set(item) == {"item_id", "prompt", "reference", "answers", "draft", "expires_us", "masked"}
            number = item["prompt"][1]["content"].removeprefix("question ")
            assert item["prompt"][0] == {"role": "system", "content": "Be kind."}
            assert item["reference"] == f"reference {number}"
            assert set(item["answers"].values()) == {f"crimson answer {number}", f"azure answer {number}"}
            assert (item["draft"], item["masked"], item["expires_us"]) == (None, False, samples.NOW + 600_000_000)
            left.append(item["answers"]["left"].split()[0])
            await http.post(f"/api/reviews/items/{item['item_id']}/submit", json={"outcome": "tie"})
    assert {"crimson", "azure"} == set(left)


async def test_a_model_that_names_itself_is_masked_and_flagged(background: BackgroundWork) -> None:
    writer = JournalWriter(background.database.layout.journal, writer="names")
    answers = (("n-tuned", NEW, "I am Tuned, made by OpenAI."), ("n-base", OLD, "As Qwen2.5-0.5B, no."))
    for run_id, target, text in answers:
        writer.append(case(run_id, 1, text, target), samples.run(run_id, suite="names", target=target))
    writer.close()
    async with client(background) as http:
        await http.post("/api/ingest")
        wish = {"candidate_run": "n-tuned", "baseline_run": "n-base"}
        queue = (await http.post("/api/reviews/queues", json=wish)).json()["queue_id"]
        item = (await http.post(f"/api/reviews/queues/{queue}/next")).json()["item"]
    assert item["masked"] is True
    assert set(item["answers"].values()) == {"I am [hidden], made by [hidden].", "As [hidden], no."}


async def test_a_draft_comes_back_whole_and_a_late_one_is_a_conflict(background: BackgroundWork) -> None:
    draft = {
        "outcome": "both_bad",
        "ratings": {"left": UNMARKED | {"tone": 1}, "right": UNMARKED | {"accuracy": 5}},
        "comment": "<script>alert(1)</script> =1+1",
        "edited": {"left": None, "right": "better"},
        "flagged": True,
    }
    async with client(background) as http:
        queue = (await made(http, background))["queue_id"]
        item = (await http.post(f"/api/reviews/queues/{queue}/next")).json()["item"]["item_id"]
        saved = await http.put(f"/api/reviews/items/{item}/draft", json=draft)
        again = (await http.post(f"/api/reviews/queues/{queue}/next")).json()
        assert saved.json() == {"expires_us": samples.NOW + 600_000_000}
        assert again["item"]["draft"] == draft
        done = await http.post(f"/api/reviews/items/{item}/submit", json=draft)
        assert done.json() == {"progress": {"done": 1, "total": 10, "mine_done": 1}}
        late = await http.put(f"/api/reviews/items/{item}/draft", json=draft)
        back = (await http.post(f"/api/reviews/queues/{queue}/undo")).json()
    assert (late.status_code, late.json()["error"]["type"]) == (409, "conflict")
    assert back["item"]["draft"] == draft and back["progress"]["done"] == 0


async def test_a_wrong_body_is_a_400_that_says_where(background: BackgroundWork) -> None:
    async with client(background) as http:
        queue = (await made(http, background))["queue_id"]
        item = (await http.post(f"/api/reviews/queues/{queue}/next")).json()["item"]["item_id"]
        for wrong, words in (
            ({"outcome": "best"}, "outcome"),
            ({"ratings": {"left": {"tone": 6}}}, "ratings.left.tone"),
            ({"ratings": {"middle": {}}}, "ratings.middle"),
            ({"comment": "x" * 10_001}, "comment"),
        ):
            answer = await http.put(f"/api/reviews/items/{item}/draft", json=wrong)
            assert answer.status_code == 400 and words in answer.json()["error"]["message"]
        no_item = await http.put("/api/reviews/items/none/draft", json={})
        no_queue = await http.post("/api/reviews/queues/none/next")
    assert (no_item.status_code, no_queue.status_code) == (404, 404)


async def test_a_release_manager_sees_the_rule_and_closes_the_queue_which_is_in_the_audit_trail(
    background: BackgroundWork,
) -> None:
    async with client(background) as http:
        queue = await made(http, background, size=5)
        closed = (await http.post(f"/api/reviews/queues/{queue['queue_id']}/close")).json()
        again = await http.post(f"/api/reviews/queues/{queue['queue_id']}/close")
    assert (queue["candidate"], queue["baseline"], queue["items"], queue["state"]) == (NEW, OLD, 5, "open")
    assert queue["sampling"] == {"kind": "random", "size": 5, "of": 20, "seed": 7, "overlap": 0.4, "shared": 2}
    assert (closed["state"], again.status_code) == ("closed", 409)
    trail = [row["action"] for row in background.database.dicts(audit.listing(Page()))]
    assert {"review.enqueue", "review.close"} <= set(trail)


async def test_what_can_not_be_filled_says_what_to_run_or_which_word_to_leave_out(background: BackgroundWork) -> None:
    run_here(background)
    async with client(background) as http:
        for wish, words in (
            (WISH | {"suite": "none"}, "fairtrial eval SUITE.yaml --on tuned,base"),
            (WISH | {"candidate": "other"}, "no finished run of it on other"),
            (WISH | {"title": "Is Tuned better?"}, "'tuned' would reveal to reviewers"),
            (WISH | {"candidate": OLD}, "both base"),
            ({"suite": "tickets"}, "name suite, candidate and baseline"),
            ({"candidate_run": "x", "baseline_run": "tickets-base"}, "no run with the id 'x'"),
        ):
            answer = await http.post("/api/reviews/queues", json=wish)
            assert answer.status_code == 400 and words in answer.json()["error"]["message"], answer.text
        assert (await http.get("/api/reviews/queues")).json() == {"rows": []}


async def test_two_people_who_signed_in_judge_side_by_side_and_see_only_the_desk(background: BackgroundWork) -> None:
    json = {"content-type": "application/json"}
    ann, ben, meg = (signed_in(background, role, name) | json for role, name in ROLES_OF)
    run_here(background)
    async with client(background) as http:
        made = (await http.post("/api/reviews/queues", json=WISH | {"size": 2, "overlap": 0}, headers=meg)).json()
        path = f"/api/reviews/queues/{made['queue_id']}"
        first, second, third = [(await http.post(f"{path}/next", headers=who)).json() for who in (ann, ben, meg)]
        assert first["item"]["item_id"] != second["item"]["item_id"]
        assert (third["item"], third["waiting"]) == (None, 2)
        item = f"/api/reviews/items/{first['item']['item_id']}"
        for wrong in (
            await http.put(f"{item}/draft", json={"outcome": "tie"}, headers=ben),
            await http.post(f"{item}/submit", json={"outcome": "tie"}, headers=ben),
        ):
            assert (wrong.status_code, wrong.json()["error"]["type"]) == (409, "conflict")
        again = (await http.post(f"{path}/next", headers=ann)).json()
        assert (again["item"]["item_id"], again["item"]["draft"]) == (first["item"]["item_id"], None)
        for hidden in (path, f"{path}/export", "/api/reviews/status", "/api/reviews/votes?candidate=a&baseline=b"):
            assert (await http.get(hidden, headers=ann)).status_code == 403, hidden
        assert (await http.post("/api/reviews/queues", json=WISH, headers=ann)).status_code == 403
        assert (await http.post(f"{path}/close", headers=ann)).status_code == 403


async def test_what_a_gate_reads_is_shown_once_the_queue_is_done(background: BackgroundWork) -> None:
    query = {"candidate": NEW, "baseline": OLD}
    run_here(background)
    async with client(background) as http:
        queue = (await http.post("/api/reviews/queues", json=WISH | {"size": 12, "overlap": 0})).json()["queue_id"]
        left = []
        for number in range(12):
            early = (await http.get("/api/reviews/votes", params=query)).json()["rows"][0]
            assert (early["settled"], early["votes"]) == (number, [])
            item = (await http.post(f"/api/reviews/queues/{queue}/next")).json()["item"]
            left.append(item["answers"]["left"].startswith("crimson"))
            draft = {"outcome": "left", "ratings": {"left": {"tone": 5}, "right": {"tone": 4}}}
            await http.post(f"/api/reviews/items/{item['item_id']}/submit", json=draft)
        (whole,) = (await http.get("/api/reviews/votes", params=query)).json()["rows"]
        evidence = (await http.get("/api/reviews/evidence", params=query)).json()
    preferred = [vote["preference"] == "candidate" for vote in whole["votes"]]
    assert preferred == left
    assert [vote["left"] == "candidate" for vote in whole["votes"]] == left
    assert {vote["longer"] for vote in whole["votes"]} == {len("crimson") - len("azure")}
    assert [vote["ratings"]["candidate"]["tone"] for vote in whole["votes"]] == [5 if index else 4 for index in left]
    assert evidence["queues"] == [
        {"queue_id": queue, "title": "tickets: 12 pairs", "suite": "tickets", "state": "open", "items": 12}
        | {"equal": 0, "settled": 12, "read": True, "present": True}
    ]
    figures = evidence["figures"]
    assert (figures["votes"], figures["pairs"], figures["people"]) == (12, 12, 1)
    assert figures["preference"]["candidate"] == pytest.approx(sum(left) / 12)
    assert (figures["pull"]["model"]["firsts"], figures["pull"]["model"]["seconds"]) == (12, 0)
    assert "too few" in figures["pull"]["model"]["position_adjusted"]["reason"]
    agreement = figures["agreement"]["review.tone"]
    assert (agreement["quality"], agreement["pairs"], agreement["alpha"]["n"]) == ("unknown", 0, 0)
    assert figures["each"] == []


async def test_of_shared_pairs_no_result_is_shown_before_the_second_person_has_judged(
    background: BackgroundWork,
) -> None:
    query = {"candidate": NEW, "baseline": OLD}
    meg, ann, ben = (signed_in(background, "release-manager", name) for name in ("meg", "ann", "ben"))
    json = {"content-type": "application/json"}
    run_here(background)
    async with client(background) as http:
        made = await http.post("/api/reviews/queues", json=WISH | {"size": 12, "overlap": 1}, headers=meg | json)
        path = f"/api/reviews/queues/{made.json()['queue_id']}"
        for who, done in ((ann, False), (ben, True)):
            for _ in range(12):
                item = (await http.post(f"{path}/next", headers=who | json)).json()["item"]["item_id"]
                await http.post(f"/api/reviews/items/{item}/submit", json={"outcome": "left"}, headers=who | json)
            (row,) = (await http.get("/api/reviews/votes", params=query, headers=meg)).json()["rows"]
            shown = (await http.get("/api/reviews/evidence", params=query, headers=meg)).json()
            whole = (await http.get(path, headers=meg)).json()
            assert (len(row["votes"]), shown["figures"] is not None) == (24 if done else 0, done)
            assert shown["queues"][0]["read"] is done and whole["preferences"] is None


async def test_neither_skipping_nor_undoing_decides_when_votes_are_read(background: BackgroundWork) -> None:
    query = {"candidate": NEW, "baseline": OLD}
    ann, ben = (signed_in(background, "release-manager", name) for name in ("ann", "ben"))
    json = {"content-type": "application/json"}
    run_here(background)

    async def read(http: httpx.AsyncClient) -> tuple[int, int]:
        (row,) = (await http.get("/api/reviews/votes", params=query, headers=ann)).json()["rows"]
        return row["settled"], len(row["votes"])

    async with client(background) as http:
        made = await http.post("/api/reviews/queues", json=WISH | {"size": 3, "overlap": 0}, headers=ann | json)
        path, seen = f"/api/reviews/queues/{made.json()['queue_id']}", []
        for who, what in ((ann, "skip"), (ben, "submit")):
            for _ in range(3):
                item = (await http.post(f"{path}/next", headers=who | json)).json()["item"]["item_id"]
                draft = {"outcome": "tie"} if what == "submit" else {}
                await http.post(f"/api/reviews/items/{item}/{what}", json=draft, headers=who)
                seen.append(await read(http))
        assert seen == [(0, 0), (0, 0), (0, 0), (1, 0), (2, 0), (3, 3)]
        await http.post(f"{path}/undo", headers=ben | json)
        assert await read(http) == (3, 2)


async def test_answers_of_a_model_that_is_defined_differently_by_now_are_not_given_to_people(
    background: BackgroundWork,
) -> None:
    write_both(background.database.layout)
    background.ingest_now()
    async with client(background) as http:
        refused = await http.post("/api/reviews/queues", json=WISH)
        by_id = {"candidate_run": "tickets-tuned", "baseline_run": "tickets-base"}
        asked_for = await http.post("/api/reviews/queues", json=by_id)
        query = {"candidate": NEW, "baseline": OLD}
        evidence = (await http.get("/api/reviews/evidence", params=query)).json()
    assert refused.status_code == 400 and "tuned has changed since" in refused.json()["error"]["message"]
    assert asked_for.status_code == 201
    assert (evidence["queues"][0]["present"], evidence["figures"]) == (False, None)
