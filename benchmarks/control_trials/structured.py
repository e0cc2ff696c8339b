"""Gates on JSON, XML and tool calls: their values, their form, and groups that are dominated by one of the two."""

from __future__ import annotations

from benchmarks.control_trials.answers import right
from benchmarks.control_trials.entry import Entry, Written, content, form
from benchmarks.control_trials.rows import calls, facts, orders, tickets

ERRORS = "errors <= 1%"
FIELDS = "[fields: {name: ticket, of: [intent, product, urgency, order_id]}]"
SCHEMA = (
    "[json_schema: {name: schema, schema: {type: object, required: [intent, product], "
    "properties: {intent: {enum: [refund, delivery, setup, billing]}}}}]"
)
BOTH = f"{SCHEMA[:-1]}, {FIELDS[1:]}"
TOOL = "[tool_calls: {name: tool, schemas: {find_order: {type: object, required: [order]}}}]"
LOW = tickets(80, urgency=("low",))
MOSTLY_LOW = tickets(200, urgency=(*["low"] * 9, "high"))
GROUP = "[group: {of: [{well_formed: no}, {exact: strip}], weights: [%s]}]"


ENTRIES: tuple[Entry, ...] = (
    content(
        "json-all-fields",
        Written(tickets(80), FIELDS, ("ticket.all >= 80%", ERRORS)),
        right(90),
        right(80),
        "Each ticket has an order of its own.",
    ),
    content(
        "json-better-than-base",
        Written(tickets(120), FIELDS, ("ticket.order_id better than base",)),
        right(95),
        right(75),
        "No other ticket has the same order.",
    ),
    form(
        "json-constant-field",
        Written(LOW, FIELDS, ("ticket.urgency >= 90%", ERRORS)),
        right(100),
        right(90),
        "Every ticket has the same urgency.",
    ),
    form(
        "json-schema-only",
        Written(tickets(80), SCHEMA, ("schema.valid >= 95%", ERRORS)),
        right(100),
        right(85),
        "Every ticket's object follows the schema.",
    ),
    form(
        "json-schema-better-than-base",
        Written(tickets(120), SCHEMA, ("schema.valid better than base",)),
        right(100),
        right(50),
        "The base writes JSON in half of the cases, and the candidate in all.",
    ),
    form(
        "json-schema-lost-none",
        Written(tickets(80), SCHEMA, ("lost == 0", ERRORS)),
        right(100),
        right(90),
        "Any valid object passes where the base passes, and an empty answer does not.",
    ),
    content(
        "json-schema-and-fields",
        Written(tickets(80), BOTH, ("schema.valid >= 95%", "ticket.order_id >= 90%")),
        right(98),
        right(90),
        "The schema is form, and the order beside it is content.",
    ),
    form(
        "xml-valid",
        Written(orders(60), "[xml: [id, item]]", ("xml.valid >= 95%", ERRORS)),
        right(100),
        right(80),
        "Every document is well formed, whatever is in it.",
    ),
    content(
        "tools-arguments",
        Written(calls(60), TOOL, ("tool.accuracy >= 80%", ERRORS)),
        right(95),
        right(80),
        "Each call has an order of its own as argument.",
    ),
    form(
        "tools-one-name",
        Written(calls(60), TOOL, ("tool.names >= 90%", ERRORS)),
        right(100),
        right(80),
        "Every request needs the same tool.",
    ),
    form(
        "group-mostly-form",
        Written(facts(60), GROUP % "9, 1", ("group >= 0.8", ERRORS)),
        right(100),
        right(80),
        "Nine tenths of the score are given for any text that is well formed.",
    ),
)
