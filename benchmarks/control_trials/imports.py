"""What `fairtrial import` makes of configurations of promptfoo and of OpenAI's evals, all written for this table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from benchmarks.control_trials.answers import right
from benchmarks.control_trials.entry import Entry, Imported, content, form
from benchmarks.control_trials.rows import Rows, constant, facts, plain, prose, tickets

FACTS = facts(80)
BOX = plain(80, slip="Nothing.")
BASE = right(88)


def promptfoo(rows: Rows, *assertions: Mapping[str, Any]) -> Imported:
    """A configuration with these assertions for each row, whose columns are the variables."""
    tests = [{"vars": {name: value for name, value in row.items() if name != "id"}} for row in rows]
    config = {"prompts": ["{{input}}"], "defaultTest": {"assert": list(assertions)}, "tests": tests}
    return Imported("promptfoo", {"promptfooconfig.json": json.dumps(config)})


def openai(rows: Rows, *criteria: Mapping[str, Any]) -> Imported:
    """An eval with these graders, and a file of its items."""
    items = [{"item": {name: value for name, value in row.items() if name != "id"}} for row in rows]
    columns = {name: {"type": "string"} for name in items[0]["item"]}
    definition = {
        "object": "eval",
        "id": "eval_1",
        "name": "Mine",
        "data_source_config": {"type": "custom", "schema": {"properties": {"item": {"properties": columns}}}},
        "testing_criteria": list(criteria),
    }
    lines = "".join(json.dumps(item) + "\n" for item in items)
    return Imported("openai-evals", {"eval.json": json.dumps(definition), "items.jsonl": lines})


def grader(kind: str, **options: Any) -> dict[str, Any]:
    """A grader that reads the answer."""
    return {"type": kind, "name": "grade", "input": "{{ sample.output_text }}", **options}


def as_texts(rows: Rows) -> Rows:
    """The rows with their references as the ideal answers, as JSON."""
    return tuple({**row, "ideal": json.dumps(row["expected"]), "expected": "JSON"} for row in rows)


ENTRIES: tuple[Entry, ...] = (
    form(
        "promptfoo-llm-rubric",
        promptfoo(BOX, {"type": "llm-rubric", "value": "is helpful"}),
        right(100),
        BASE,
        "No assertion is kept, so that only errors count.",
    ),
    content(
        "promptfoo-equals",
        promptfoo(FACTS, {"type": "equals", "value": "{{expected}}"}),
        right(100),
        BASE,
        "Each test has a value of its own.",
    ),
    form(
        "promptfoo-equals-constant",
        promptfoo(constant(80, "OK", slip="No"), {"type": "equals", "value": "OK"}),
        right(100),
        BASE,
        "Every test has the same value.",
    ),
    form(
        "promptfoo-contains-constant",
        promptfoo(BOX, {"type": "contains", "value": "box"}),
        right(100),
        BASE,
        "Every test has the same value.",
    ),
    form(
        "promptfoo-not-contains",
        promptfoo(BOX, {"type": "not-contains", "value": "Nothing"}),
        right(100),
        BASE,
        "No answer has the word, and an empty one has no word.",
    ),
    form(
        "promptfoo-is-json",
        promptfoo(as_texts(tickets(80)), {"type": "is-json"}),
        right(100),
        BASE,
        "Every answer is JSON.",
    ),
    form(
        "promptfoo-latency-and-cost",
        promptfoo(BOX, {"type": "latency", "threshold": 3000}, {"type": "cost", "threshold": 0.01}),
        right(100),
        BASE,
        "No line reads the answer.",
    ),
    content(
        "promptfoo-json-and-equals",
        promptfoo(as_texts(tickets(80)), {"type": "is-json"}, {"type": "equals", "value": "{{ideal}}"}),
        right(100),
        BASE,
        "JSON is form, and the value of each test beside it is content.",
    ),
    content(
        "openai-string-check",
        openai(FACTS, grader("string_check", operation="eq", reference="{{ item.expected }}")),
        right(100),
        BASE,
        "Each item has a reference of its own.",
    ),
    content(
        "openai-text-similarity",
        openai(
            prose(80),
            grader("text_similarity", evaluation_metric="rouge_l", pass_threshold=0.7, reference="{{ item.expected }}"),
        ),
        right(100),
        BASE,
        "Sentences on other pictures share few words.",
    ),
)
