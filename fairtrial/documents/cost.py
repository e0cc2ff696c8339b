"""Describes what the variants of an experiment cost as a document, with the volume from which a fine-tune pays."""

from collections.abc import Iterator
from datetime import UTC, datetime
from math import floor, inf, log10

from fairtrial.api.cost_answers import BreakEven, CostReport, Range, Sensitivity, VariantCost
from fairtrial.document.values import Block, Chart, Document, Heading, Interval, Note, Row, Sentence, State, Table

UNKNOWN = "unknown"
TOO_FEW = "too few users for an interval"
REMEDY = (
    "Split the traffic evenly, or give each variant its own cache salt with `params`, and compare again. At equal"
    " warmth the table below shows what a request would cost."
)
CHANGES = {"prices": "prices are", "volume": "the volume is", "answers": "answers are"}
LIMIT = "The limit is how many requests a month there are. Prices change for all variants, and hosting for none."
STATES: dict[str, State] = {"yes": "good", "no": "bad", "never": "bad", "unclear": "open"}
TOKENS = {
    "input": "input",
    "cached": "of it cached",
    "cache_write": "of it written",
    "audio_in": "of it audio",
    "output": "output",
    "reasoning": "of it reasoning",
    "audio_out": "of it audio",
}


def describe_cost(report: CostReport) -> Document:
    """The whole report."""
    return Document(f"What {report.experiment} costs", tuple(_blocks(report)))


def pays_line(report: CostReport, each: BreakEven) -> str:
    """From which volume a variant pays, in one line."""
    if report.cold_cache:
        return f"{each.variant}: undecided, because caches differ at unequal traffic"
    if each.pays == "never":
        return f"{each.variant} never pays: a request of it costs {dollars(-each.saved.value)} more"
    if each.requests is None:
        return f"{each.variant} saves nothing so far: a request of it costs {dollars(-each.saved.value)} more"
    if each.fixed_usd <= 0 and each.pays == "yes":
        return f"{each.variant} pays from the first request; it saves {dollars(each.saved.value)} a request"
    if each.fixed_usd <= 0:
        return f"{each.variant} may save {dollars(each.saved.value)} a request ({_saved(each.saved)}) at any volume"
    return (
        f"{each.variant} pays from {_count(each.requests.value)} requests a month ({_ends(each.requests)});"
        f" you have {each.volume:,}"
    )


def _ends(requests: Range) -> str:
    if requests.low is None:
        return TOO_FEW
    return f"{_count(requests.low)} {'or more' if requests.high is None else f'to {_count(requests.high)}'}"


def _saved(saved: Range) -> str:
    if saved.low is None or saved.high is None:
        return TOO_FEW
    return f"{dollars(saved.low)} to {dollars(saved.high)}"


def _blocks(report: CostReport) -> Iterator[Block]:
    days = (report.until_us - report.since_us) / 86_400_000_000
    yield Sentence(f"Requests from {_day(report.since_us)} to {_day(report.until_us)} ({days:.1f} days).", "quiet")
    if not report.variants:
        yield Note("No requests of the experiment's units are in this window.")
        return
    for each in report.break_even:
        yield Sentence(f"{pays_line(report, each)}.", "open" if report.cold_cache else STATES[each.pays])
    if report.cold_cache:
        shares = ", ".join(f"{each.variant} {_percent(each.cached_share)}" for each in report.variants)
        yield Note(f"Cost is undecided: the cached shares differ at unequal traffic ({shares}). {REMEDY}")
    yield Heading("US dollars a request")
    rows = tuple(_estimates(report))
    yield Chart(("variant", "of"), rows, "US dollars")
    yield Table(("variant", "requests", "total", "estimated", "full price", "pending", "unknown"), _counts(report))
    if report.break_even and not report.cold_cache:
        yield Heading("Requests a month from which a variant pays")
        yield Chart(("variant", "if"), tuple(_sensitivity(report)), "requests a month, and how many there are")
        yield Sentence(LIMIT, "quiet")
    yield Heading("Tokens a request")
    yield Table(("variant", *_kinds(report), "cached share", "at equal warmth"), _tokens(report))
    if report.what_if is not None:
        yield Heading(f"The same traffic at the price of {report.what_if}")
        yield Table(("variant", "a request now", f"at {report.what_if}"), tuple(map(_what_if, report.variants)))
    if report.machines:
        yield Heading("Own machines")
        yield Table(("machine", "hours", "utilisation", "settled", "without a call"), _machines(report))
    yield Sentence(
        f"Intervals are of 95 %, valid at any time, by user. A training is paid off over {report.months} months.",
        "quiet",
    )


def _estimates(report: CostReport) -> Iterator[Row]:
    for each in report.variants:
        for label, level, n in (
            ("request", each.per_request, each.counts.priced),
            ("resolved", each.per_resolved, each.resolved),
        ):
            if level is None:
                continue
            if level.low is None or level.high is None:
                yield Row((each.variant, f"{label}: {dollars(level.value)} so far"))
            else:
                yield Row((each.variant, label), interval=Interval(level.value, level.low, level.high, n, unit="$"))


def _sensitivity(report: CostReport) -> Iterator[Row]:
    priced = {each.variant: each.counts.priced for each in report.variants}
    for each in report.break_even:
        yield _pays_row(each.variant, "as it is", each, priced[each.variant])
        for changed in each.sensitivity:
            words = f"{CHANGES[changed.change]} {'doubled' if changed.factor > 1 else 'halved'}"
            yield _pays_row(each.variant, words, changed, priced[each.variant])


def _pays_row(variant: str, words: str, each: BreakEven | Sensitivity, n: int) -> Row:
    """The volume with its interval; without one if a request saves nothing."""
    found, state = each.requests, STATES[each.pays]
    if found is None:
        return Row((variant, f"{words}: saves nothing"), state)
    if found.low is None:
        return Row((variant, f"{words}: {_count(found.value)} so far"), state)
    high = inf if found.high is None else found.high
    return Row((variant, words), state, Interval(found.value, found.low, high, n, each.volume))


def _counts(report: CostReport) -> tuple[Row, ...]:
    return tuple(
        Row(
            (
                each.variant,
                f"{each.counts.requests:,}",
                f"${each.total_usd:,.2f}",
                *(
                    _percent(count / each.counts.requests)
                    for count in (
                        each.counts.estimated,
                        each.counts.full_price,
                        each.counts.pending,
                        each.counts.unknown,
                    )
                ),
            ),
            "open" if each.counts.unknown else "",
        )
        for each in report.variants
    )


def _kinds(report: CostReport) -> dict[str, str]:
    """The titles of the kinds of tokens that any variant has."""
    used = {
        kind: title for kind, title in TOKENS.items() if any(each.counts.tokens.get(kind) for each in report.variants)
    }
    return {title if kind != "audio_out" else f"{title} (output)": kind for kind, title in used.items()}


def _tokens(report: CostReport) -> tuple[Row, ...]:
    kinds = _kinds(report).values()
    return tuple(
        Row(
            (
                each.variant,
                *(f"{each.counts.tokens.get(kind, 0) / each.counts.requests:,.0f}" for kind in kinds),
                _percent(each.cached_share),
                UNKNOWN if each.equal_warmth is None else dollars(each.equal_warmth),
            )
        )
        for each in report.variants
    )


def _what_if(each: VariantCost) -> Row:
    return Row(
        (each.variant, _dollars_of(each.per_request), UNKNOWN if each.what_if is None else dollars(each.what_if))
    )


def _machines(report: CostReport) -> tuple[Row, ...]:
    return tuple(
        Row(
            (
                each.machine,
                f"{each.hours:,}",
                _percent(each.utilisation),
                f"${each.settled_usd:,.2f}",
                f"${each.idle_usd:,.2f}",
            )
        )
        for each in report.machines
    )


def dollars(value: float) -> str:
    """An amount with four significant digits and without an exponent, such as ``$0.00001234``."""
    digits = max(0, 3 - floor(log10(abs(value)))) if value else 0
    amount = f"{abs(value):.{digits}f}"
    return f"{'-' if value < 0 else ''}${amount.rstrip('0').rstrip('.') if digits else amount}"


def _dollars_of(level: Range | None) -> str:
    return UNKNOWN if level is None else dollars(level.value)


def _count(requests: float | None) -> str:
    return UNKNOWN if requests is None else f"{requests:,.0f}"


def _percent(share: float | None) -> str:
    return UNKNOWN if share is None else f"{share:.1%}".replace("%", " %")


def _day(us: int) -> str:
    return f"{datetime.fromtimestamp(us / 1e6, UTC):%Y-%m-%d}"
