"""Each entry of the audit trail is a sentence: who did what to what, and why."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from dashboard.audit_entries import EXPERIMENT, SENTENCES, actor_of, reason_of, sentence_of, words_of
from fairtrial.api.events import EventRow
from fairtrial.experiments.lifecycle import ACTIONS
from tests.fixtures.for_each import for_each
from tests.fixtures.paths import ROOT

RECORDED = re.compile(r'action="([a-z_]+\.[a-z_]+)"|"((?:plan|key|account|link)\.[a-z]+)"')


def entry(
    action: str, *, actor: str = "account Rita", subject: str = "s1", name: str | None = None, **details: Any
) -> EventRow:
    return EventRow(
        number=1, at_time=datetime(2027, 1, 15, tzinfo=UTC), actor=actor, action=action, subject=subject,
        subject_name=name, details=json.dumps(details), hash="",
    )  # fmt: skip


@for_each(
    ("row", "sentence"),
    [
        (
            entry("experiment.kill", subject="a-vs-b", **{"from": "running", "to": "killed"}),
            "Rita stopped the experiment a-vs-b (running → killed).",
        ),
        (
            entry("experiment.stage", actor="control", subject="a-vs-b", stage=40.0),
            "Control raised the stage of the experiment a-vs-b to 40 % of the units.",
        ),
        (
            entry("account.role", name="Otto", **{"from": "reviewer", "to": "auditor"}),
            "Rita changed the role of Otto from reviewer to auditor.",
        ),
        (
            entry("plan.publish", actor="control", subject="0123456789abcdef" * 2),
            "Control published the configuration 0123456789ab.",
        ),
        (
            entry("verdict.save", actor="key ci", name="release", decision="SHIP", candidate="tuned"),
            "The key ci judged tuned by the gate release: SHIP.",
        ),
        (
            entry("store.retain", actor="local user ann", subject="30 days"),
            "The local user ann deleted texts that were older than 30 days.",
        ),
        (entry("moon.landing_site"), "Rita recorded “moon landing site” for s1."),
    ],
)  # fmt: skip
def test_an_entry_reads_as_a_sentence(row: EventRow, sentence: str) -> None:
    assert sentence_of(row) == sentence


def test_the_reason_is_the_one_that_was_given_and_that_of_a_refusal_its_message() -> None:
    assert reason_of(entry("experiment.kill", why="too slow")) == "too slow"
    assert reason_of(entry("plan.refuse", subject="fairtrial.yaml:3: wrong")) == "fairtrial.yaml:3: wrong"
    assert reason_of(entry("experiment.kill")) is None
    assert reason_of(replace(entry("experiment.kill"), details="[not an object]")) is None


def test_unknown_actors_and_groups_keep_their_words() -> None:
    assert [actor_of(actor) for actor in ("Ada", "account ", "cli")] == ["Ada", "account ", "The command line"]
    assert [words_of(group) for group in ("plan.", "new_group.")] == ["published configurations", "new group"]


def test_every_action_that_the_program_records_has_a_sentence() -> None:
    """A new action without one reads worse, so it fails here."""
    recorded = set()
    for folder in ("fairtrial/store", "gateway/control", "fairtrial_cli/store_client"):
        for path in (ROOT / folder).rglob("*.py"):
            recorded |= {direct or indirect for direct, indirect in RECORDED.findall(path.read_text())}
    assert len(recorded) > 15
    assert {action for action in recorded if action not in SENTENCES and not action.startswith("experiment.")} == set()
    assert {*ACTIONS, "stage"} <= set(EXPERIMENT)
