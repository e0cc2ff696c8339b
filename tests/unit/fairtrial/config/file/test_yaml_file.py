"""YAML 1.2 as plain values with lines; an error names the line of what can't be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairtrial.config.file.project_files import Budget
from fairtrial.config.file.yaml_file import dotted, load, load_one
from fairtrial.domain.errors import ConfigError
from tests.fixtures.for_each import for_each


def written(folder: Path, text: str) -> Path:
    path = folder / "file.yaml"
    path.write_text(text)
    return path


def test_labels_and_dates_stay_text_and_numbers_are_numbers(tmp_path: Path) -> None:
    text = "a: yes\nb: no\nc: on\nd: 2026-01-01\ne: 1_000\nf: 0o17\ng: 010\nh: 1e3\ni: ~\nj: TRUE\nk: 'true'\n1: 2\n"
    assert load_one(written(tmp_path, text)).value == {
        "a": "yes", "b": "no", "c": "on", "d": "2026-01-01", "e": 1000, "f": 15, "g": 10, "h": 1000.0, "i": None,
        "j": True, "k": "true", "1": 2,
    }  # fmt: skip


def test_every_place_has_its_line_or_that_of_what_is_around_it(tmp_path: Path) -> None:
    document = load_one(written(tmp_path, "a:\n  b:\n    - x\n    - {c: 1,\n       d: 2}\n"))
    assert document.line_of(("a", "b", 1, "d")) == 5
    assert document.line_of(("a", "b", 0)) == 3
    assert document.line_of(("a", "b", 7, "d")) == 2
    assert document.line_of(("nowhere",)) == 1
    assert dotted(("a", "b", 1, "d")) == "a.b[1].d"


def test_merged_keys_count_and_own_ones_win(tmp_path: Path) -> None:
    document = load_one(written(tmp_path, "base: &b {x: 1, y: 2}\nmine:\n  <<: *b\n  y: 3\n"))
    assert document.value["mine"] == {"x": 1, "y": 3}
    assert (document.line_of(("mine", "x")), document.line_of(("mine", "y"))) == (1, 4)


@for_each(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3\n", "3: the key 'a' is a duplicate (first on line 1)"),
        ("a: &x [*x]\n", "1: *x contains itself"),
        ("a: *x\n", "1: not YAML: found undefined alias 'x'"),
        ("a: [1\n", "1: not YAML: expected ',' or ']'"),
        ("x: 1\na:\n\t- b\n", "3: not YAML: found character '\\t' that cannot start any token"),
        ("a: .nan\n", "1: .nan is not a number that can be used here"),
        ("a: !odd 3\n", "1: the tag !odd is not known here"),
        ("? [1]\n: 2\n", "1: a key must be text"),
        ("", "1: the file is empty"),
        ("a: 1\n---\nb: 2\n", "3: a second document begins here"),
        ("- 1\n", "1: must be a mapping of names to values"),
        ("a: " + "[" * 3000, "1: is nested too deeply"),
        ("a: " + "[" * 330 + "]" * 330, "1: is nested too deeply"),
    ],
)
def test_an_unreadable_file_is_an_error_with_its_line(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load_one(written(tmp_path, text))
    assert f"file.yaml:{expected}" in str(raised.value)


def test_all_duplicates_are_stated_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        load(written(tmp_path, "a: 1\na: 2\nb: {c: 1, c: 2}\n"))
    assert len(raised.value.errors) == 2


def test_bytes_that_are_no_text_and_files_that_are_not_there_are_mistakes(tmp_path: Path) -> None:
    (tmp_path / "file.yaml").write_bytes(b"a: 1\nb: \xff\n")
    with pytest.raises(ConfigError, match=r"file\.yaml:2: not UTF-8 text"):
        load(tmp_path / "file.yaml")
    with pytest.raises(ConfigError, match="can't be read: No such file"):
        load(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="`fairtrial init DIR` writes a new project"):
        load(tmp_path / "fairtrial.yaml")


def bomb(levels: int, *, key: str = "") -> str:
    """Each list, or each mapping by its merge key, has ten of the one before."""
    first = "a0: &a0 {x: 1}\n" if key else "a0: &a0 [x]\n"
    names = [", ".join(f"*a{level}" for _ in range(10)) for level in range(levels)]
    lines = [f"a{level + 1}: &a{level + 1} " for level in range(levels)]
    inside = [f"{{<<: [{all_of}]}}" if key else f"[{all_of}]" for all_of in names]
    return first + "".join(f"{line}{value}\n" for line, value in zip(lines, inside, strict=True))


@for_each(
    ("text", "expected"),
    [
        (bomb(12), "5: its aliases repeat values until there are more than 10,000"),
        (bomb(12, key="<<"), "its aliases repeat values until there are more than 10,000"),
        ("".join(f"a{i + 1}: &a{i + 1} [*a{i}]\n" for i in range(400)).replace("*a0", "x"), "nested too deeply"),
        ("".join(f"---\na: &a [{'x, ' * 90}]\nb: [{'*a, ' * 90}]\n" for _ in range(20)), "its aliases repeat"),
        ("a: [" + "1, " * 30_000 + "]", "1: too many values (at most 10,000 in a file; rows belong in a data file)"),
        ("a: " + "x" * (1 << 20), "1: has 1,048,579 bytes (at most 262,144)"),
        ("- " * 5000 + "a", "1: is nested too deeply"),
        ("".join(" " * depth + "a:\n" for depth in range(300)), "is nested too deeply"),
        ("a: " + "9" * 400, "is too large a number (whole numbers have 64 bits)"),
        ("a: 9223372036854775808", "is too large a number"),
        ("a: " + "9" * 5000, "is not a number that can be used here"),
        ("a: 0x" + "f" * 5000, "is too large a number"),
        ("a: !!bool maybe", "1: maybe is not what its tag says (true, false or null)"),
        ("a: !!null none", "1: none is not what its tag says"),
        ("a: !!python/object:os.system x", "python/object:os.system is not known here"),
        ("a: !!binary aGk=", "binary is not known here"),
        ("a: !!set {x}", "set is not known here"),
        ("%YAML 1.1\n---\na: yes\n", "1: YAML 1.1 is not supported (remove the line)"),
        ("a: 1\n<<: 3\n", "<< must name a mapping"),
        ("a: \0", "1: not YAML: special characters are not allowed"),
    ],
)
def test_input_that_would_take_for_ever_is_an_error(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load(written(tmp_path, text))
    assert expected in str(raised.value)
    assert len(str(raised.value)) < 1000


def test_aliases_within_bounds_stay_what_they_are(tmp_path: Path) -> None:
    text = "%YAML 1.2\n---\nbase: &b {x: [1, 2]}\nmine: [*b, *b]\nb: &b 3\nagain: *b\n"
    assert load_one(written(tmp_path, text)).value == {
        "base": {"x": [1, 2]}, "mine": [{"x": [1, 2]}, {"x": [1, 2]}], "b": 3, "again": 3,
    }  # fmt: skip


def test_a_file_that_is_read_again_has_values_of_its_own_and_costs_as_many(tmp_path: Path) -> None:
    path, budget = written(tmp_path, "a: {b: [1]}\n"), Budget(values_left=20)
    first = load_one(path, budget=budget)
    left = budget.values_left
    first.value["a"]["b"].append(2)
    assert load_one(path, budget=budget).value == {"a": {"b": [1]}}
    assert left - budget.values_left == 20 - left > 0
    assert load_one(written(tmp_path, "a: {b: [3]}\n")).value == {"a": {"b": [3]}}


def test_all_yaml_files_of_a_command_have_one_bound_together(tmp_path: Path) -> None:
    path, budget = written(tmp_path, "a: [1, 2, 3]\n"), Budget(values_left=8)
    load(path, budget=budget)
    with pytest.raises(ConfigError, match="too many values"):
        load(path, budget=budget)
