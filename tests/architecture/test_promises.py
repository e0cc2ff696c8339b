"""Numbers that decide stand in `fairtrial/domain/promises.py`, with a source, and nowhere else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from scripts.reference.promises_page import promised
from tests.fixtures.paths import ROOT, SOURCES
from tests.fixtures.source.trees import tree_of

HOME = ROOT / "fairtrial/domain/promises.py"
DECIDING = (
    "fairtrial/stats/",
    "fairtrial/experiments/",
    "fairtrial/store/experiments/",
    "evaluators/comparison/",
    "evaluators/criteria/",
    "evaluators/gate/",
    "evaluators/overfitting/",
    "evaluators/review/",
    "gateway/control/",
)
LEVEL = re.compile(r"([A-Z_]+_)?(ALPHA|POWER|POWER_Z|TAU|MARGINS?)|MIN_[A-Z_]+|[A-Z_]*EXIT_CODES?")
ALGORITHM = {
    "MIN_FREEDOM": "Student's t is not defined with less",
    "MIN_IDLE_SECONDS": "a limit of a connection",
    "MIN_INTERVAL_SECONDS": "how often files are read",
}
"""Constants with such a name that bound a computation and decide nothing, with the reason."""


def constants(path: Path) -> Iterator[tuple[str, ast.expr | None]]:
    for node in tree_of(path).body:
        if isinstance(node, ast.Assign):
            yield from ((target.id, node.value) for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id, node.value


def test_every_number_says_what_it_decides_and_names_its_source() -> None:
    rows = list(promised())
    assert len(rows) >= 55
    assert [row.name for row in rows if not (row.meaning and row.source)] == []


def test_a_number_that_decides_has_one_home() -> None:
    names = {row.name for row in promised()}
    again = []
    for path in SOURCES:
        place = str(path.relative_to(ROOT))
        for name, value in constants(path) if path != HOME else ():
            is_number = isinstance(value, ast.Constant) and isinstance(value.value, int | float)
            new = place.startswith(DECIDING) and LEVEL.fullmatch(name) and is_number and name not in ALGORITHM
            if new or (name in names and place.startswith(DECIDING)):
                again.append(f"{place}: {name} belongs in fairtrial/domain/promises.py")
    assert again == []
