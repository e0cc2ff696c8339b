"""Which form recorded answers have decides whether a scorer or people compare them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from evaluators.loading.suite_reader import load
from evaluators.migration.answer_forms import form_of
from evaluators.migration.drawn_suite import write_suite
from tests.fixtures.for_each import for_each

LETTER = "Thank you for your message, we will look at it today."


def rows(answers: list[str]) -> list[dict[str, Any]]:
    asked = [{"role": "user", "content": "?"}]
    return [{"id": str(at), "messages": asked, "expected": answer} for at, answer in enumerate(answers)]


def objects(**more: Any) -> list[str]:
    return [json.dumps({"order": number, **more}) for number in range(20)]


@for_each(
    ("answers", "scorer", "metric", "left_out"),
    [
        (["yes", "No.", "no", "unknown"] * 5, "label", "agreement", 0),
        (["normal"] * 18 + ["urgent"] * 2, "label", "agreement.macro_f1", 0),
        (["yes", "no"] * 10 + [LETTER], "label", "agreement", 1),
        ([f"LM-{number}" for number in range(20)], "exact", "agreement", 0),
        (["$5", "$6"] * 10, "exact", "agreement", 0),
        (["same"] * 20, "fuzzy", None, 0),
        ([f"{LETTER} {number}" for number in range(20)], "fuzzy", None, 0),
        (["yes", LETTER] * 10, "fuzzy", None, 0),
        (objects(to="team"), "json_equal", "agreement", 0),
        (objects(reply=LETTER), "fields", "agreement", 0),
        (objects(parts=[{"reply": LETTER}]), "fields", "agreement", 0),
        ([f"[{number}]" for number in range(20)], "json_equal", "agreement", 0),
        (['{"reply": "same"}'] * 20, "fuzzy", None, 0),
        ([json.dumps({"reply": f"{LETTER} {number}"}) for number in range(20)], "fuzzy", None, 0),
        ([json.dumps([f"{LETTER} {number}"]) for number in range(20)], "fuzzy", None, 0),
    ],
)
def test_the_form_of_most_answers_decides(
    tmp_path: Path, answers: list[str], scorer: str, metric: str | None, left_out: int
) -> None:
    form = form_of(rows(answers))
    assert (form.scorer, form.metric, len(answers) - len(form.rows)) == (scorer, metric, left_out)
    path = tmp_path / "drawn.yaml"
    write_suite(path, "Recorded.", rows(answers))
    [suite] = load(path)
    assert len(suite.cases) == len(form.rows)
    assert ("1 answer of another form left out" in suite.description) == bool(left_out)
