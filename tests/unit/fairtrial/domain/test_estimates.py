"""Evidence as JSON: as a verdict stores it, with the names of its kinds, and as answers of control have it, without."""

from __future__ import annotations

import msgspec
import pytest

from fairtrial.domain.estimates import Comparison, Estimate, Evidence, NotEnough, named_evidence, read_evidence

FIGURES = (Estimate(0.1, -0.1, 0.3, 0.95, 40, "m"), NotEnough("3 pairs are too few", "27 more", 3))


def comparisons() -> list[Comparison]:
    return [Comparison("qa.accuracy", "", 0.8, 0.7, figure, "cannot tell", rule="interval") for figure in FIGURES]


def read(value: object, kind: type) -> object:
    return msgspec.json.decode(msgspec.json.encode(value), type=kind, dec_hook=read_evidence)


def test_evidence_is_read_as_it_was_written_with_and_without_the_names_of_its_kinds() -> None:
    stored = (*FIGURES, *comparisons())
    assert [read(named_evidence(each), Evidence) for each in stored] == list(stored)
    assert [read(each, Comparison) for each in comparisons()] == comparisons()


def test_evidence_of_a_verdict_without_a_kind_or_with_an_unknown_one_is_refused() -> None:
    named = named_evidence(comparisons()[0])
    assert named is not None
    for wrong in (FIGURES[0], named | {"difference": named["difference"] | {"is": "guess"}}):
        with pytest.raises(msgspec.ValidationError, match="unknown kind of evidence"):
            read(wrong, Evidence)
