"""A differing field of two plans reads as a place, a field, and its values before and after."""

from __future__ import annotations

from typing import Any

from dashboard.published_plans import line_of
from fairtrial.api.plans import FieldDifference
from tests.fixtures.for_each import for_each


@for_each(
    ("path", "old", "new", "line"),
    [
        ("experiments.a-vs-b.variants.a.weight", 50.0, 30.0, "experiment a-vs-b|split: percent of a|changed|50|30"),
        ("experiments.a-vs-b.stage", 2.5, 10.0, "experiment a-vs-b|stage: percent of units enrolled|changed|2.5|10"),
        ("experiments.a-vs-b.salt", "ab" * 32, "cd" * 32, "experiment a-vs-b|salt|changed|abababab…|cdcdcdcd…"),
        ("deployments.a.api_key", None, "${K}", "deployment a|api key|added|(absent)|${K}"),
        ("routes.bot", {"name": "bot"}, None, 'route bot|whole|removed|{"name": "bot"}|(absent)'),
        ("retain_days", 30, 7, "configuration|retain days|changed|30|7"),
    ],
)
def test_a_field_reads_as_a_line(path: str, old: Any, new: Any, line: str) -> None:
    assert "|".join(line_of(FieldDifference(path=path, old=old, new=new)).values()) == line
