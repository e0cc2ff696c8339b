"""What the present program answers about each release's project is what was recorded."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.releases.answers import KINDS, Answers, answers, opened, routes
from tests.fixtures.releases.plain_answers import differences
from tests.fixtures.releases.record import COMMAND, recorded
from tests.fixtures.releases.unpacked import releases


@functools.cache
def present(release: str) -> tuple[Answers, list[str]]:
    """The answers of now, and the routes that gave them; computed once for all cases."""
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder), release) as project:
        return answers(project), routes(project.app)


def changes(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """What differs between two sets of answers of one kind."""
    unknown = [f"{name}: it is not recorded; run `{COMMAND}`" for name in sorted(new.keys() - old.keys())]
    gone = [f"{name}: it is recorded, and no longer answered" for name in sorted(old.keys() - new.keys())]
    both = sorted(old.keys() & new.keys())
    return unknown + gone + [line for name in both for line in differences(old[name], new[name], name)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("release", releases())
def test_what_is_answered_about_a_release_has_not_changed(release: str, kind: str) -> None:
    found = changes(recorded(release, kind), present(release)[0][kind])
    assert not found, f"if each of these is meant, run `{COMMAND}`:\n" + "\n".join(found)
