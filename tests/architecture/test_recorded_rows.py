"""What tests read was written by the product: rows and journal lines that are typed by hand give their reason.

The reason is a comment `# by hand: …` at most three lines above.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from fairtrial.domain.events import RequestEvent
from fairtrial.domain.limits.constants import FIRST_ERROR
from tests.fixtures.paths import ROOT
from tests.fixtures.recorded import events as recorded
from tests.fixtures.store import samples

TESTS = ROOT / "tests"
RELEASE_FOLDER = TESTS / "fixtures/releases"
HOME = TESTS / "fixtures/store/samples.py"
"""Takes from the recorded events what a test does not state, and checks the rest."""
BY_HAND = re.compile(r"# by hand: \S+ \S+")
ROW = re.compile(
    r"\bINSERT INTO\b|\.insert\(\"|\b(?:Request|Feedback|Run|Suite|CaseResult|Score)Event(?:V1)?\("
    r"|\b(?:AttemptRecord|Exposure)\(|(?<!startswith\()b'\{\"kind\""
)
STATUS = re.compile(r"\b[45]\d\d\b")
REFUSED = re.compile(r" \([45]\d\d\)$")


def without_reason(text: str) -> Iterator[int]:
    """The lines with a row, or an event, that is typed by hand; those that follow each other share a reason."""
    lines, last = text.splitlines(), -2
    for at, line in enumerate(lines):
        if not ROW.search(line):
            continue
        if last == at - 1 or any(map(BY_HAND.search, lines[max(0, at - 3) : at + 1])):
            last = at
        else:
            yield at + 1


def test_each_row_that_is_typed_by_hand_gives_its_reason() -> None:
    files = [path for path in sorted(TESTS.rglob("*.py")) if path not in (HOME, Path(__file__))]
    found = [f"{path.relative_to(ROOT)}:{line}" for path in files for line in without_reason(path.read_text())]
    assert not found, "take it from tests/fixtures, or write # by hand: and why\n" + "\n".join(found)


@pytest.mark.parametrize(
    "line",
    [
        "cursor.execute(\"INSERT INTO requests VALUES ('r', 1)\")",
        'cursor.insert("requests", request_id="r")',
        'writer.append(RequestEvent(request_id="r"))',
        'file.write(b\'{"kind":"request"}\')',
    ],
)
def test_a_new_row_without_a_reason_is_found(line: str) -> None:
    assert list(without_reason(f"first = 1\n{line}\n")) == [2]
    assert list(without_reason(f"# by hand: a forged row\n{line}\n")) == []


def test_a_recorded_error_has_its_status_in_its_name() -> None:
    for name, event in recorded.events().items():
        if isinstance(event, RequestEvent) and event.status >= FIRST_ERROR:
            assert str(event.status) in name, name
        else:
            assert not STATUS.search(name), name


def test_a_recorded_refusal_of_control_has_its_status_in_its_name() -> None:
    found = []
    for file in RELEASE_FOLDER.glob("*/answers/**/*.json"):
        answers = json.loads(file.read_text())
        for asked, answer in answers.items() if isinstance(answers, dict) else ():
            if isinstance(answer, dict) and answer.keys() == {"error"} and not REFUSED.search(asked):
                found.append(f"{file.relative_to(ROOT)}: {asked}")
    assert not found, "\n".join(found)


def test_a_sample_has_only_values_that_the_gateway_writes() -> None:
    for wrong in ({"endpoint": "/v1/chat/completions"}, {"outcome": "fine"}, {"user_outcome": "served"}):
        with pytest.raises(AssertionError, match="gateway"):
            samples.record(1, **wrong)
