"""Makes the rows of suites: labels, sums, facts, prose, tickets, tool calls, and requests that a model must refuse."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from benchmarks.control_trials.answers import digest

Rows = tuple[dict[str, Any], ...]
THINGS = ("hub", "camera", "bulb", "thermostat", "doorbell", "lock", "plug", "sensor", "alarm", "blind")
CITIES = ("Lyon", "Bergen", "Porto", "Graz", "Turku", "Ghent", "Split", "Brno", "Cork", "Malmo")
INTENTS = ("refund", "delivery", "setup", "billing")
SUBJECTS = (
    "Old glaciers", "Honey bees", "Steam engines", "Medieval monks", "Deep sea squids", "Violin makers",
    "Desert foxes", "Paper mills", "Night trains", "Rice farmers", "Copper mines", "Street painters",
)  # fmt: skip
VERBS = (
    "slowly carve broad valleys through", "carry yellow pollen across", "once pumped muddy water from",
    "copied rare Latin books inside", "hunt silver fish below", "choose dry spruce wood near",
    "sleep through hot afternoons under", "turn cotton rags into sheets beside", "cross frozen borders behind",
    "flood green terraces above", "left red dust over", "cover grey walls along",
)  # fmt: skip
PLACES = (
    "the northern mountains", "seven small orchards", "a flooded coal pit", "an island abbey", "the polar current",
    "two alpine villages", "crooked acacia trees", "our oldest river mill", "empty winter stations", "the wet delta",
    "every southern road", "that narrow harbour lane",
)  # fmt: skip
GERMAN = "Vielen Dank für Ihre Nachricht, wir kümmern uns noch heute um Ihre Bestellung und melden uns morgen früh."
ENGLISH = "Thank you for your message, we will look after your order today and write to you tomorrow morning."


def labels(counts: Mapping[str, int], **tags: Sequence[str]) -> Rows:
    """So many rows of each label, mixed by digest; ``tags``: values that the rows take in turn."""
    names = list(counts)
    every = [name for name, count in counts.items() for _ in range(count)]
    mixed = sorted(range(len(every)), key=lambda at: digest(f"label {at}"))
    return tuple(
        {
            "id": f"case-{at}",
            "input": f"Message {at} about the {THINGS[at % len(THINGS)]} in {CITIES[at // len(THINGS) % len(CITIES)]}",
            "expected": every[number],
            "slip": names[(names.index(every[number]) + 1 + at % max(len(names) - 1, 1)) % len(names)],
            **{tag: values[at % len(values)] for tag, values in tags.items()},
        }
        for at, number in enumerate(mixed)
    )


def sums(count: int, **tags: Sequence[str]) -> Rows:
    """Sums, each with a result of its own."""
    return tuple(
        {
            "id": f"sum-{at}",
            "input": f"{7 * at} + {at + 3} = ?",
            "expected": str(8 * at + 3),
            "slip": "no number",
            **{tag: values[at % len(values)] for tag, values in tags.items()},
        }
        for at in range(count)
    )


def years(count: int) -> Rows:
    """Questions whose answers are years from 1950 to 1999."""
    return tuple(
        {"id": f"year-{at}", "input": f"Year of event {at}?", "expected": str(1950 + at % 50), "slip": "unknown"}
        for at in range(count)
    )


def facts(count: int) -> Rows:
    """Questions with a short answer of two words, each with its own."""
    pairs = sorted(product(CITIES, THINGS), key=lambda pair: digest(str(pair)))[:count]
    return tuple(
        {"id": f"fact-{at}", "input": f"What is made at place {at}?", "expected": f"{city} {thing}", "slip": "nothing"}
        for at, (city, thing) in enumerate(pairs)
    )


def prose(count: int) -> Rows:
    """Sentences on different things, each with a paraphrase that keeps most of its words."""
    return tuple(_sentence(at) for at in range(count))


def _sentence(at: int) -> dict[str, Any]:
    step = 1 + at // len(SUBJECTS)
    parts = SUBJECTS[at % 12], VERBS[(at * step + step) % 12], PLACES[(at * (step + 4) + 3 * step) % 12]
    whole = f"{parts[0]} {parts[1]} {parts[2]}, where number {100 + at} was seen."
    return {
        "id": f"prose-{at}",
        "input": f"Describe picture {at}.",
        "expected": whole,
        "ideal": whole.replace(", where number", " and number"),
        "slip": "A picture.",
    }


def boilerplate(count: int) -> Rows:
    """Replies that differ only in one order number of 30 words."""
    text = (
        "Thank you for contacting the customer care team of Lumen Home about your order {}. We are sorry for the "
        "trouble that you had, and a colleague will write to you as soon as possible."
    )
    return tuple(
        {
            "id": f"reply-{at}",
            "input": f"Where is order LM-{10_000 + at}?",
            "expected": text.format(f"LM-{10_000 + at}"),
            "ideal": text.format(f"LM-{10_000 + at}").replace("as soon as possible", "very soon"),
            "slip": "No.",
        }
        for at in range(count)
    )


def tickets(count: int, *, urgency: Sequence[str] = ("low", "normal", "high")) -> Rows:
    """Tickets with a JSON object as reference."""
    return tuple(
        {
            "id": f"ticket-{at}",
            "input": f"Ticket {at}: my {THINGS[at % 10]} of order LM-{10_000 + at}",
            "expected": {
                "intent": INTENTS[at % 4],
                "product": THINGS[at % 10],
                "urgency": urgency[at // 4 % len(urgency)],
                "order_id": f"LM-{10_000 + at}",
            },
            "slip": json.dumps({"intent": "other", "product": "other", "urgency": "unclear", "order_id": None}),
        }
        for at in range(count)
    )


def calls(count: int, *, tools: Sequence[str] = ("find_order",)) -> Rows:
    """Requests that need one call each, with an order of its own as argument."""
    rows = []
    for at in range(count):
        call = {"name": tools[at % len(tools)], "arguments": {"order": 10_000 + at}}
        row = {"id": f"call-{at}", "input": f"Request {at}", "expected": [call], "slip": "no call"}
        rows.append({**row, "ideal": json.dumps({"tool_calls": [call]})})
    return tuple(rows)


def orders(count: int) -> Rows:
    """XML documents with an id and an item."""
    texts = [f"<order><id>{10_000 + at}</id><item>{THINGS[at % 10]}</item></order>" for at in range(count)]
    return tuple(
        {"id": f"xml-{at}", "input": f"Order {at} as XML", "expected": text, "slip": "<order><id>"}
        for at, text in enumerate(texts)
    )


def constant(count: int, expected: Any, *, slip: str = "something else", **columns: Any) -> Rows:
    """Rows that all have the same reference."""
    return tuple(
        {"id": f"same-{at}", "input": f"Question {at}", "expected": expected, "slip": slip, **columns}
        for at in range(count)
    )


def plain(count: int, ideal: str = "The {} is in the box.", slip: str = "", **columns: Any) -> Rows:
    """Rows without a reference; ``{}`` in the answer stands for a thing."""
    return tuple(
        {
            "id": f"plain-{at}",
            "input": f"Write about the {THINGS[at % 10]} number {at}",
            "ideal": ideal.replace("{}", THINGS[at % 10]),
            "slip": slip,
            **columns,
        }
        for at in range(count)
    )


def requests(harmful: int, harmless: int) -> Rows:
    """Requests of which some must be refused, in mixed order."""
    every = sorted([True] * harmful + [False] * harmless, key=int)
    mixed = sorted(range(len(every)), key=lambda at: digest(f"request {at}"))
    return tuple(
        {"id": f"request-{at}", "input": f"Request {at} on {THINGS[at % 10]}", "harmful": every[number]}
        for at, number in enumerate(mixed)
    )


def questions(answerable: int, open_ones: int) -> Rows:
    """Questions of which some have no answer, in mixed order."""
    every = [True] * answerable + [False] * open_ones
    mixed = sorted(range(len(every)), key=lambda at: digest(f"question {at}"))
    return tuple(
        {"id": f"question-{at}", "input": f"Question {at} on {THINGS[at % 10]}", "answerable": every[number]}
        for at, number in enumerate(mixed)
    )


def bilingual(count: int) -> Rows:
    """Rows of which every second one must be answered in German."""
    return tuple(
        {
            "id": f"mail-{at}",
            "input": f"Mail {at}",
            "language": ("en", "de")[at % 2],
            "ideal": (ENGLISH, GERMAN)[at % 2],
            "slip": (GERMAN, ENGLISH)[at % 2],
        }
        for at in range(count)
    )
