"""The reference page names every key of a suite, every scorer and every option."""

from __future__ import annotations

from evaluators.loading.scorers import SCORERS
from evaluators.loading.suite_file import SuiteModel
from fairtrial.domain.run import CASE_OUTCOMES
from tests.fixtures.for_each import for_each
from tests.fixtures.paths import ROOT

PAGE = (ROOT / "docs" / "reference" / "suites.md").read_text(encoding="utf-8")


def test_every_key_and_every_outcome_has_its_row() -> None:
    assert [key for key in [*SuiteModel.model_fields, *CASE_OUTCOMES] if f"| `{key}` |" not in PAGE] == []


@for_each("name", SCORERS.names())
def test_every_scorer_has_its_row_with_all_options(name: str) -> None:
    [row] = [
        line for line in PAGE.splitlines() if line.startswith(f"| `{name.replace('-', '_')}` |") and "stats" not in line
    ]
    assert all(f"`{option}`" in row for option in SCORERS.get(name).options)
