"""Members are the modules of a folder, or rows of these modules, and an unknown name gets the nearest one."""

from __future__ import annotations

import pytest

from evaluators.loading.probe_entries import PROBES
from evaluators.loading.scorers import SCORERS
from fairtrial.domain.errors import UsageError


def test_members_are_the_modules_of_a_folder() -> None:
    assert {"exact", "json-schema"} <= set(SCORERS.names())


def test_members_with_names_are_rows_of_the_modules() -> None:
    assert {"typos", "added_text", "exact_reply"} <= set(PROBES.names())
    assert "perturbations" not in PROBES.names() and PROBES.get("typos").name == "typos"


def test_an_unknown_name_gets_the_nearest_one() -> None:
    with pytest.raises(UsageError, match="did you mean 'typos'"):
        PROBES.get("typo")
