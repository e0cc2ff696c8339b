"""Members are found in a folder, or in its subfolders, and an unknown name gets the nearest one."""

from __future__ import annotations

import pytest

from evaluators.loading.probe_entries import PROBES
from evaluators.loading.scorers import SCORERS
from fairtrial.domain.errors import UsageError


def test_members_are_the_modules_of_a_folder() -> None:
    assert {"exact", "json-schema"} <= set(SCORERS.names())


def test_nested_members_are_the_modules_of_the_subfolders() -> None:
    assert {"typos", "added_text", "exact_reply"} <= set(PROBES.names())
    assert "probe" not in PROBES.names() and PROBES.get("typos").name == "typos"


def test_an_unknown_name_gets_the_nearest_one() -> None:
    with pytest.raises(UsageError, match="did you mean 'typos'"):
        PROBES.get("typo")
