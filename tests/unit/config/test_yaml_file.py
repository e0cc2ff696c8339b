"""YAML 1.2 as plain values with lines; what can't be read is said with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairtrial.config.yaml_file import dotted, load, load_one
from fairtrial.domain.errors import ConfigError


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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3\n", "3: the key 'a' is here twice (first on line 1)"),
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
def test_what_can_not_be_read_is_said_with_its_line(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load_one(written(tmp_path, text))
    assert f"file.yaml:{expected}" in str(raised.value)


def test_all_duplicates_are_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        load(written(tmp_path, "a: 1\na: 2\nb: {c: 1, c: 2}\n"))
    assert len(raised.value.mistakes) == 2


def test_bytes_that_are_no_text_and_files_that_are_not_there_are_mistakes(tmp_path: Path) -> None:
    (tmp_path / "file.yaml").write_bytes(b"a: 1\nb: \xff\n")
    with pytest.raises(ConfigError, match=r"file\.yaml:2: not UTF-8 text"):
        load(tmp_path / "file.yaml")
    with pytest.raises(ConfigError, match="can't be read: No such file"):
        load(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="`fairtrial init DIR` writes a new project"):
        load(tmp_path / "fairtrial.yaml")
