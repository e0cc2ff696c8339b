"""Why an experiment ended follows from the transition into its state."""

from __future__ import annotations

from typing import Any

from fairtrial.domain.decision.transition import Transition
from fairtrial.domain.settings import Ending
from fairtrial.experiments.ending import ending_of, undoing_of, undone_variants
from fairtrial.experiments.lifecycle import KEPT, WORSE
from tests.fixtures.for_each import for_each


def made(action: str, actor: str = "account rosa", evidence: dict[str, Any] | None = None) -> Transition:
    return Transition(
        "tuned-vs-base", 1, action, "running", "ended", 1, actor, "a reason", "hash", evidence  # type: ignore[arg-type]
    )  # fmt: skip


ENDINGS: list[tuple[Transition | None, Ending | None]] = [
    (None, None),
    (made("start"), None),
    (made("pause", "control", {WORSE: ["tuned"]}), None),
    (made("resume"), None),
    (made("rearm"), None),
    (made("rollback", evidence={"promoted": "tuned"}), "rolled back by a person"),
    (made("rollback", "control", {"metric": "requests.error_rate", "promoted": "tuned"}), "rolled back by control"),
    (made("kill"), "killed"),
    (made("kill", "control", {WORSE: ["tuned"]}), "killed"),
    (made("end"), "ended by hand"),
    (made("end", evidence={WORSE: ["tuned"]}), "worse"),
    (made("end", "control", {}), "expired"),
    (made("end", "control", {"variant": "tuned"}), "promoted"),
    (made("promote", evidence={"variant": "tuned"}), "promoted"),
    (made("promote", evidence={"variant": "tuned", KEPT: {"share": 5}}), None),
]


@for_each(("entered", "ending"), ENDINGS)
def test_the_transition_says_why(entered: Transition | None, ending: Ending | None) -> None:
    assert ending_of(entered) == ending


def test_only_a_roll_back_or_kill_undoes() -> None:
    undoing = [undoing_of(entered) for entered, _ in ENDINGS if entered is not None]
    assert [one for one in undoing if one] == ["rolled back by a person", "rolled back by control", "killed", "killed"]


@for_each(
    ("evidence", "variants"),
    [
        (None, ()),
        ({"promoted": None}, ()),
        ({"promoted": "tuned", "metric": "requests.error_rate", "variant": "other"}, ("tuned",)),
        ({"metric": "requests.error_rate", "variant": "tuned"}, ("tuned",)),
        ({WORSE: ["tuned", "other"]}, ("tuned", "other")),
    ],
)
def test_a_kill_by_a_person_is_about_all_treatments(evidence: dict[str, Any] | None, variants: tuple[str, ...]) -> None:
    assert undone_variants(made("kill", evidence=evidence)) == variants
