"""Every test of `make release` belongs to a part, which runs in every run or in turn, within the time that is left."""

from __future__ import annotations

import re
import subprocess
import sys
import time

import pytest

from scripts.test_run.parts import EVERY_RUN, GROUPS, PARTS, TURN, Part, in_order, present_turn
from tests.fixtures.paths import ROOT

MARK = re.compile(r"""pytest\.mark\.release\(["'](\w+)["']\)""")


def test_each_part_has_tests_and_each_test_has_a_part() -> None:
    texts = [path.read_text() for path in (ROOT / "tests").rglob("*.py")]
    marked = {name for text in texts for name in MARK.findall(text)} - {"part"}
    assert marked == {part.name for part in PARTS if not part.program}


def test_programs_of_parts_exist() -> None:
    assert [part.program for part in PARTS if part.program and not (ROOT / part.program[0]).is_file()] == []


def test_what_does_not_fit_into_the_time_is_named_and_is_no_failure() -> None:
    late = [word for part in PARTS if part.group != EVERY_RUN for word in ("--only", part.name)]
    command = [sys.executable, "-m", "scripts.test_run", "release", "--until", str(time.time() - 1), *late]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    left_out = done.stdout.split("left out for time: ")[1].splitlines()[0].split(", ")
    assert left_out == [part.name for part in in_order(present_turn()) if part.group != EVERY_RUN]
    assert "failed: none" in done.stdout


def test_three_turns_begin_with_each_part_once_after_those_of_every_run() -> None:
    always = [part for part in PARTS if part.group == EVERY_RUN]
    assert [part.name for part in always] == ["short_demo", "stories", "walks"]
    first: list[Part] = []
    for turn in range(7, 7 + GROUPS):
        order = in_order(turn)
        assert sorted(part.name for part in order) == sorted(part.name for part in PARTS)
        assert order[: len(always)] == always
        group = order[len(always)].group
        first += [part for part in order if part.group == group]
    assert sorted(part.name for part in (*always, *first)) == sorted(part.name for part in PARTS)


def test_each_group_fits_beside_a_make_test_of_25_minutes() -> None:
    seconds = dict.fromkeys(range(EVERY_RUN, GROUPS), 0.0)
    for part in PARTS:
        seconds[part.group] += part.seconds
    assert seconds[EVERY_RUN] + max(seconds[group] for group in range(GROUPS)) <= (45 - 25) * 60


def test_the_turn_has_been_raised_since_the_changelog_changed() -> None:
    if git("rev-parse", "--is-inside-work-tree") is None:
        pytest.skip("this is not a checkout of git")
    raised = git("log", "-1", "--format=%H", "--", str(TURN))
    changes = git("log", "--format=%h", f"{raised}..HEAD", "--", "CHANGELOG.md") if raised else None
    assert not changes, f"{TURN.relative_to(ROOT)}: raise the number by one; CHANGELOG.md has changed since: {changes}"


def git(*arguments: str) -> str | None:
    """What git prints; ``None`` if it fails or is not there."""
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
