"""The first and the newest answers of each variant name their models, and only what the arm itself answered counts."""

from __future__ import annotations

from fairtrial.domain.events import RequestEvent
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.core.database import Database
from fairtrial.store.ingest.ingest import Ingester
from fairtrial.store.traffic.answers import ServedModels, served_models
from tests.fixtures.store import samples


def served(database: Database, ingester: Ingester, *events: RequestEvent, since_us: int = 0) -> dict[str, ServedModels]:
    writer = JournalWriter(database.layout.journal, writer="w")
    assert writer.append(*events)
    writer.close()
    ingester.catch_up()
    return served_models(database, "tuned-vs-base", ["base", "tuned"], since_us=since_us)


def test_each_variant_has_its_first_answers_in_order_and_its_newest_ones_backwards(
    database: Database, ingester: Ingester
) -> None:
    shuffled = [(7 * number) % 300 for number in range(300)]
    events = [samples.exposed(number, model_served=f"m{number}", system_fingerprint="f") for number in shuffled]
    models = served(database, ingester, *events)
    assert models["base"].first == tuple((f"m{number}", "f") for number in range(100))
    assert models["base"].last == tuple((f"m{number}", "f") for number in range(299, 249, -1))
    assert models["tuned"] == ServedModels((), ())


def test_only_answers_of_the_assigned_arm_since_the_start_count(database: Database, ingester: Ingester) -> None:
    tuned = {"assigned": "tuned", "served": "tuned", "system_fingerprint": None}
    models = served(
        database,
        ingester,
        samples.exposed(1, model_served="before", **tuned),
        samples.exposed(2, model_served="own", **tuned),
        samples.exposed(3, model_served="fallback", **{**tuned, "served": "base"}, reason="fallback"),
        samples.exposed(4, model_served="failed", **tuned, arm_outcome="failed"),
        samples.exposed(5, model_served="cancelled", **tuned, arm_outcome="none"),
        samples.exposed(6, model_served="other", **tuned, experiment="another"),
        samples.exposed(7, model_served=None, **tuned),
        samples.exposed(8, model_served="control", system_fingerprint="f"),
        since_us=samples.NOW + 2,
    )
    assert models["tuned"] == ServedModels((("own", None), (None, None)), ((None, None), ("own", None)))
    assert models["base"].first == (("control", "f"),)
