"""A variant behind which another model answers is found once the answers show it, and alternation is no change."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from fairtrial.domain.plan import Experiment, Variant
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.core.database import Database
from fairtrial.store.ingest.ingest import Ingester
from fairtrial.store.traffic.served_models import Pair
from gateway.control.operations.experiment_alarms import changed_models
from tests.fixtures.store import samples
from tests.fixtures.store.empty_store import database, ingester, layout

__all__ = ["database", "ingester", "layout"]

VARIANTS = (Variant("base", "base", 50.0), Variant("tuned", "tuned", 50.0))
TRIAL = Experiment("tuned-vs-base", "?", "user", "base", VARIANTS, salt="s", stage=100.0)
OLD, NEW, BARE = ("m", "fp1"), ("m", "fp2"), ("m", None)
NOTHING: Pair = (None, None)


def bring(database: Database, ingester: Ingester, pairs: Sequence[Pair], *, arm: str = "tuned", first: int = 0) -> None:
    writer = JournalWriter(database.layout.journal, writer="w")
    for number, (model, fingerprint) in enumerate(pairs, first):
        named = {"model_served": model, "system_fingerprint": fingerprint}
        assert writer.append(samples.exposed(number, assigned=arm, served=arm, **named))
    writer.close()
    ingester.catch_up()


@pytest.mark.parametrize(
    ("pairs", "changed"),
    [
        ([OLD] * 100 + [NEW] * 50, True),
        ([OLD] * 400 + [("other", "fp1")] * 50, True),
        ([OLD, BARE] * 50 + [NEW] * 50, True),
        ([OLD] * 100 + [BARE] * 50, True),
        ([BARE] * 100 + [OLD] * 50, True),
        ([OLD] * 100 + [NEW] * 49, False),
        ([OLD] * 99 + [NEW] * 50, False),
        ([OLD] * 100 + [NEW] * 50 + [OLD], False),
        ([OLD] * 49 + [NEW] * 49, False),
        ([OLD, NEW] * 200, False),
        ([OLD] * 100 + [NEW, ("m", "fp3")] * 100, False),
        ([OLD, *[NEW] * 300], False),
        ([BARE] * 300, False),
        ([NOTHING] * 300, False),
        ([OLD] * 100 + [NOTHING] * 50, False),
        ([], False),
    ],
)
def test_a_change_is_one_new_pair_in_all_newest_answers(
    database: Database, ingester: Ingester, *, pairs: list[Pair], changed: bool
) -> None:
    bring(database, ingester, [OLD] * 200, arm="base", first=10_000)
    bring(database, ingester, pairs)
    assert changed_models(database, TRIAL, since_us=0) == (("tuned",) if changed else ())


def test_what_answered_before_the_start_does_not_count(database: Database, ingester: Ingester) -> None:
    bring(database, ingester, [OLD] * 150 + [NEW] * 200)
    assert changed_models(database, TRIAL, since_us=0) == ("tuned",)
    assert changed_models(database, TRIAL, since_us=samples.NOW + 150) == ()


def test_fallbacks_to_another_model_are_no_change(database: Database, ingester: Ingester) -> None:
    bring(database, ingester, [OLD] * 150)
    writer = JournalWriter(database.layout.journal, writer="w")
    for number in range(1_000, 1_060):
        assert writer.append(
            samples.exposed(number, assigned="tuned", served="base", reason="fallback", model_served="base-model")
        )
    writer.close()
    ingester.catch_up()
    assert changed_models(database, TRIAL, since_us=0) == ()


def test_several_variants_can_change(database: Database, ingester: Ingester) -> None:
    for arm, first in (("base", 0), ("tuned", 1_000)):
        bring(database, ingester, [OLD] * 100 + [NEW] * 50, arm=arm, first=first)
    assert changed_models(database, TRIAL, since_us=0) == ("base", "tuned")
