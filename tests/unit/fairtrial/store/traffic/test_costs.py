"""The cost of each variant, by request and by resolved request, and the volume from which the fine-tune pays."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from fairtrial.api.cost_answers import CompareCosts, CostReport
from fairtrial.documents.cost import describe_cost, pays_line
from fairtrial.domain.limits.constants import DAY_US
from fairtrial.domain.money.prices import LongPromptRates, Price, TierRates
from fairtrial.domain.money.tokens import Tokens
from fairtrial.domain.training_data import Lineage
from fairtrial.experiments.analysis.costs import Traffic, has_cold_cache, report
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Page
from fairtrial.store.ingest.ingest import Ingester
from fairtrial.store.traffic import costs
from tests.fixtures.for_each import for_each
from tests.fixtures.gateway.gateway_fixture import deployment
from tests.fixtures.store import samples
from tests.fixtures.store.empty_store import database as database, ingester as ingester, layout as layout

LONG = Tokens(input=1000, cached=500, output=300)
EXPERIMENT = "tuned-vs-base"
BASE = Price(input=Decimal(2), cached=Decimal(1), output=Decimal(10))
TUNED = replace(BASE, month=Decimal(30))
LINEAGE = Lineage(method="lora", data=("train.jsonl",), cost=120.0)
DEPLOYMENTS = {
    "base": deployment("base", "http://a/v1", price=BASE),
    "tuned": deployment("tuned", "http://b/v1", price=TUNED, lineage=LINEAGE),
}
PAGE = Page(since_us=samples.NOW, until_us=samples.NOW + 10 * DAY_US)


def sent(number: int, variant: str, usd: str | None, tokens: Tokens, **more: Any) -> list[Any]:
    """A request of the unit of its number, modulo 40, and its feedback: two thirds were resolved."""
    unit, at = f"u-{variant}-{number % 40}", {"at_us": samples.NOW + number * 1000}
    call = samples.attempt_of(
        number, deployment=variant, tokens=tokens, cost_usd=usd, usage_source="provider", **more, **at
    )
    record = samples.exposed(number, assigned=variant, served=variant, unit=unit, attempts=[call], outcome="ok", **at)
    good = number % 3 > 0
    return [record, samples.feedback(number, boolean=good, at_us=samples.NOW + number * 1000 + 500)]


def traffic(ingester: Ingester, database: Database, *, tuned: int = 400, cached: int = 500) -> None:
    events = [
        one
        for number in range(400)
        for one in sent(
            number, "base", f"0.00{4 + number % 3}", Tokens(input=1000, cached=500, output=300), cost_basis="priced"
        )
    ]
    for number in range(1000, 1000 + tuned):
        tokens = Tokens(input=1000, cached=cached, output=100)
        basis = "estimated" if number % 10 == 0 else "priced"
        events += sent(number, "tuned", f"0.00{1 + number % 3}", tokens, cost_basis=basis)
    writer = JournalWriter(database.layout.journal, writer="w")
    assert writer.append(*events, *sent(5000, "tuned", None, Tokens(input=1000, cached=cached, output=100)))
    writer.close()
    ingester.catch_up()


def read(database: Database, *, other: Price | None = None) -> CostReport:
    lengths = [] if other is None else [long.above for long in other.long_prompts]
    with database.read_transaction() as cursor:
        found = Traffic(
            PAGE.since_us,
            PAGE.until_us,
            costs.spending(cursor, EXPERIMENT, PAGE, "resolved"),
            costs.machine_sums(cursor, PAGE),
            costs.token_groups(cursor, EXPERIMENT, PAGE, lengths),
        )
    request = CompareCosts(name=EXPERIMENT, what_if=None if other is None else "other")
    return report(request, found, DEPLOYMENTS, control="base", success="resolved", now_us=samples.NOW, other=other)


def test_each_variant_has_its_cost_by_request_and_by_resolved_request(database: Database, ingester: Ingester) -> None:
    traffic(ingester, database)
    found = read(database)
    base, tuned = found.variants
    assert (base.counts.requests, base.counts.priced, base.counts.unknown) == (400, 400, 0)
    assert (tuned.counts.requests, tuned.counts.priced, tuned.counts.estimated, tuned.counts.unknown) == (
        401,
        400,
        40,
        1,
    )
    assert base.per_request is not None and tuned.per_request is not None
    assert base.per_request.value == pytest.approx(0.005, rel=0.01)
    assert tuned.per_request.value == pytest.approx(0.002, rel=0.01)
    assert base.per_request.low is not None and base.per_request.low < 0.005 < (base.per_request.high or 0)
    assert base.per_resolved is not None and base.resolved == 266
    assert base.per_resolved.value == pytest.approx(base.total_usd / 266)
    assert base.counts.tokens["output"] == 120_000 and base.cached_share == 0.5
    assert not found.cold_cache


def test_a_fine_tune_pays_from_the_volume_at_which_its_savings_are_its_training_and_hosting(
    database: Database, ingester: Ingester
) -> None:
    traffic(ingester, database)
    found = read(database)
    (tuned,) = found.break_even
    # 120 $ of training in 12 months and 30 $ of hosting are 40 $ a month, and a request saves 0.003 $
    assert tuned.fixed_usd == 40
    assert tuned.saved.value == pytest.approx(0.003, rel=0.02)
    assert tuned.requests is not None
    assert tuned.requests.value == pytest.approx(40 / 0.003, rel=0.02)
    assert (tuned.requests.low or 0) < tuned.requests.value < (tuned.requests.high or 0)
    # 801 requests in ten days are 2,403 in a month of thirty
    assert (tuned.volume, tuned.pays) == (2403, "no")
    assert pays_line(found, tuned).startswith("tuned pays from 13,")
    assert pays_line(found, tuned).endswith("; you have 2,403")
    changed = {(one.change, one.factor): one for one in tuned.sensitivity}
    half, longer = changed["prices", 0.5].requests, changed["answers", 2.0].requests
    assert half is not None and longer is not None
    # at half the price a request saves half as much; an answer of base has 300 tokens at 10 $ per million, and one of
    # tuned 100, so that answers of twice the length save 0.002 $ more
    assert (half.value, longer.value) == (pytest.approx(80 / 0.003, rel=0.02), pytest.approx(40 / 0.005, rel=0.02))
    assert changed["volume", 2.0].volume == 4806 and changed["volume", 2.0].requests == tuned.requests
    titles = [block.text for block in describe_cost(found).blocks if hasattr(block, "level")]
    assert titles == ["US dollars a request", "Requests a month from which a variant pays", "Tokens a request"]


def test_a_colder_cache_at_unequal_traffic_leaves_cost_undecided(database: Database, ingester: Ingester) -> None:
    traffic(ingester, database, tuned=40, cached=100)
    found = read(database)
    base, tuned = found.variants
    assert found.cold_cache and tuned.cached_share == pytest.approx(0.1)
    assert pays_line(found, found.break_even[0]) == "tuned: undecided, because caches differ at unequal traffic"
    # 441 requests have 204,100 of 441,000 tokens from a cache; a cached token saves 1e-6 $
    shared = 204_100 / 441_000
    assert base.equal_warmth == pytest.approx(base.total_usd / 400 + (0.5 - shared) * 1e-3)


@for_each(
    ("arms", "cold"),
    [
        ([(900, 0.8), (100, 0.6)], True),
        ([(500, 0.8), (500, 0.6)], False),
        ([(900, 0.8), (100, 0.71)], False),
        ([(900, 0.8), (100, None)], False),
    ],
)
def test_caches_are_cold_by_ten_points_at_unequal_traffic(arms: list[tuple[int, float | None]], cold: bool) -> None:
    assert has_cold_cache(arms) == cold


def test_the_same_traffic_has_a_price_elsewhere(database: Database, ingester: Ingester) -> None:
    traffic(ingester, database)
    flat = Price(input=Decimal(1), cached=Decimal("0.5"), output=Decimal(4), request=Decimal("0.001"))
    base, tuned = read(database, other=flat).variants
    # (500 * 1 + 500 * 0.5 + 300 * 4) / 1e6 + 0.001
    assert (base.what_if, tuned.what_if) == (pytest.approx(0.00295), pytest.approx(0.00215))
    long = replace(flat, long_prompts=(LongPromptRates(above=999, input=Decimal(2), output=Decimal(4)),))
    # 1000 * 2 + 300 * 4: the rates of long prompts have no price of a cache and none of a request
    assert read(database, other=long).variants[0].what_if == pytest.approx(0.0032)
    unpriced = Price(output=Decimal(1), tiers={"flex": TierRates(input=Decimal(1))})
    assert read(database, other=unpriced).variants[0].what_if is None
