"""Each operator makes one change, and what no behaviour depends on is left alone."""

from __future__ import annotations

import ast
from pathlib import Path

from scripts.mutants.draw import draw
from scripts.mutants.sites import sites_in

CHANGES = {
    "a < b": {"a <= b"},
    "a  is  not b": {"a  is b"},
    "a not in b": {"a in b"},
    "(a) <= (b)": {"(a) < (b)"},
    "a == b == c": {"a != b == c", "a == b != c"},
    "a and b or c": {"a or b or c", "a and b and c"},
    "not a": {"a"},
    "a // b": {"a * b"},
    "a ** b": {"a * b"},
    "a += b": {"a -= b"},
    "a[1]": {"a[2]"},
    "f(True)": {"f(False)"},
    "a['key']": {'a["XXkey"]'},
    "a if b else c": {"a if (not (b)) else c"},
    "a if b == c else d": {"a if b != c else d"},
    "[a for a in b if a]": {"[a for a in b if (not (a))]"},
    "def f():\n    return a": {"def f():\n    return None"},
    "while a:\n    break": {"while (not (a)):\n    break", "while a:\n    continue"},
    "é < b # <\n": {"é <= b # <\n"},
    "class A:\n    n: Annotated[int, Meta(ge=0)]": {"class A:\n    n: Annotated[int, Meta(ge=1)]"},
}

UNCHANGED = [
    '"""A docstring."""',
    "raise Error('A sentence for people.')",
    "f'{a + 1}'",
    "def f(a: Literal['x'] = b) -> dict[str, 'int']: ...",
    "Value = str | int | None",
    "isinstance(a, Path | str)",
    "a = cast('int', b)",
    "option(help='text')",
    "@dataclass(frozen=True, slots=True)\nclass A: ...",
    "if TYPE_CHECKING:\n    a = 1 + 2",
    "def f():\n    return None",
]


def mutants_of(source: str) -> set[str]:
    return {site.applied(source.encode()).decode() for site in sites_in(source.encode())}


def test_each_operator_changes_one_thing() -> None:
    assert {source: mutants_of(source) for source in CHANGES} == CHANGES


def test_text_for_readers_and_for_the_type_checker_has_no_sites() -> None:
    assert {source: mutants_of(source) for source in UNCHANGED} == {source: set() for source in UNCHANGED}


def test_a_seed_draws_the_same_mutants_and_as_many_from_each_package(tmp_path: Path) -> None:
    for package in ("shop", "till"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "sums.py").write_text("def total(a, b):\n    if a > 3 and b:\n        return a + b\n")
    first, again, other = (draw(tmp_path, ("shop", "till"), count=6, seed=seed) for seed in (1, 1, 2))
    assert first == again != other
    assert [mutant.package for mutant in first] == ["shop", "till"] * 3
    assert len({(mutant.path, mutant.source) for mutant in first}) == 6
    assert all(ast.parse(mutant.source) for mutant in first)
    assert all(mutant.mutated in mutant.source.decode() for mutant in first)


def test_a_change_of_other_lines_leaves_the_drawn_mutants(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    drawn = []
    for first in ("", "import sums\n\n\n"):
        text = first + "".join(f"def part_{at}(a):\n    return a + {at}\n" for at in range(9))
        (tmp_path / "shop" / "sums.py").write_text(text)
        drawn.append([(mutant.original, mutant.mutated) for mutant in draw(tmp_path, ("shop",), count=6, seed=1)])
    assert drawn[0] == drawn[1]


def test_a_mutant_shows_every_line_that_it_changes(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "sums.py").write_text("def total(a):\n    x = a\n    return [\n        x,\n    ]\n")
    (mutant,) = draw(tmp_path, ("shop",), count=5, seed=1)
    assert (mutant.line, mutant.original, mutant.mutated) == (3, "return [\nx,\n]", "return None")
