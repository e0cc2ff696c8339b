"""Recorded prompts become cases, each once and in proportion, and an erasure reaches them and their runs."""

from __future__ import annotations

import json
from typing import Any

from fairtrial.api.keys import CreateKey
from fairtrial.domain.accounts import INTERNAL_KEY
from fairtrial.domain.events import CaseResultEvent, ScoreEvent
from fairtrial.domain.limits.constants import RESPONSES, WEEK_US
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.access.credentials import create_key
from fairtrial.store.core.database import Database
from fairtrial.store.ingest.ingest import Ingester
from fairtrial.store.traffic.recorded_cases import left_out, sample
from tests.fixtures.store import samples
from tests.fixtures.store.erasing import erase_unit

NO_BODIES = {"request_body": None, "response_body": None}
SECRET = "the violet heron of Ostrava"


def exchange(number: int, deployment: str = "old", **more: Any) -> Any:
    body = {"model": "support-bot", "messages": [{"role": "user", "content": f"question {number} {SECRET}"}]}
    answer = {"choices": [{"message": {"content": f"answer {number}"}}]}
    fields: dict[str, Any] = {"request_body": json.dumps(body), "response_body": json.dumps(answer)}
    at_us = more.get("at_us", samples.NOW + number)
    fields["attempts"] = [samples.attempt_of(number, deployment=deployment, at_us=at_us)]
    return samples.record(number, **{**fields, "prompt_digest": f"p-{number}", "unit": f"u-{number}", **more})


def bring(database: Database, ingester: Ingester, *events: Any) -> None:
    writer = JournalWriter(database.layout.journal, writer="w")
    assert writer.append(*events)
    writer.close()
    ingester.catch_up()


def test_each_prompt_is_drawn_once_and_routes_and_weeks_in_proportion(database: Database, ingester: Ingester) -> None:
    weeks = [exchange(n, at_us=samples.NOW - n % 4 * WEEK_US, route="a" if n % 2 else "b") for n in range(80)]
    again = [exchange(100 + n, prompt_digest="p-1", at_us=samples.NOW - 9 * WEEK_US) for n in range(5)]
    tools = json.dumps({"messages": [], "tools": [{"type": "function"}]})
    others = [
        exchange(200, deployment="new"),
        exchange(201, reason="forced"),
        exchange(202, route="support-v1"),
        exchange(203, request_body=tools),
    ]
    bring(database, ingester, *weeks, *again, *others)
    routes = ("a", "b", "support-bot")
    rows = database.dicts(sample("old", routes, 40))
    counts = {key: sum((row["route"], row["week"]) == key for row in rows) for key in
              {(row["route"], row["week"]) for row in rows}}  # fmt: skip
    assert sorted(counts.values()) == [10, 10, 10, 10]
    every = database.dicts(sample("old", routes, 5000))
    assert len(every) == 80
    assert {row["request_id"]: row["requests"] for row in every}["r-1"] == 6


def test_erasing_a_unit_reaches_the_rows_of_a_suite_and_the_answers_to_them(
    database: Database, ingester: Ingester
) -> None:
    result = {"run_id": "run", "repeat": 0, "at_us": samples.NOW, "error": None, "latency_ms": 1.0, "ttft_ms": None}
    result |= {"tokens_in": 1, "tokens_out": 1, "finish_reason": "stop", "cached": False, "tags": {}}
    events: list[Any] = []
    for number in (1, 2):
        case = f"r-{number}"
        text = f"{SECRET} {number}"
        events += [
            exchange(number),
            exchange(10 + number, route="old", unit=None, prompt_digest=None),
            # by hand: a result whose every text has the secret
            CaseResultEvent(case_id=case, outcome="scored", output=text, asked=text, expected=text,
                            request_id=f"r-{10 + number}", **result),
            ScoreEvent(run_id="run", case_id=case, repeat=0, at_us=samples.NOW, metric="fuzzy.similarity", value=0.5,
                       expected=text, why=text, label=text),
        ]  # fmt: skip
    bring(database, ingester, *events)
    rows = database.layout.traffic_suites / "traffic-old.jsonl"
    lines = [json.dumps({"id": f"r-{n}", "request_id": f"r-{n}", "messages": f"{SECRET} {n}"}) for n in (1, 2)]
    rows.write_text("\n".join(lines) + "\n", encoding="utf-8")

    counts = erase_unit(database, "somebody", "u-1")
    assert (counts["results"], counts["scores"], counts["payloads"], counts["rows of suites"]) == (1, 1, 2, 1)
    assert [line for line in rows.read_text(encoding="utf-8").split("\n") if line.strip()] == [lines[1]]
    stored_rows = database.rows("SELECT case_id, output, asked, expected FROM results ORDER BY case_id = 'r-2'")
    text = f"{SECRET} 2"
    assert stored_rows[1] == ("r-2", text, text, text)
    assert stored_rows[0][0] != "r-1" and stored_rows[0][1:] == (None, None, None)
    scores = database.rows("SELECT case_id, value, why, expected, label FROM scores ORDER BY case_id = 'r-2'")
    assert scores == [(stored_rows[0][0], 0.5, "[erased]", None, None), ("r-2", 0.5, text, text, text)]
    assert f"{SECRET} 1".encode() not in b"".join(
        path.read_bytes() for path in database.layout.folder.rglob("*") if path.is_file()
    )


def test_bodies_that_no_case_can_hold_are_counted_and_so_are_pins_of_earlier_versions(
    database: Database, ingester: Ingester
) -> None:
    key = create_key(database, CreateKey(name=INTERNAL_KEY), now_us=samples.NOW)
    one = [{"role": "user", "content": "q"}]
    answer = {"choices": [{"message": {"content": "a"}}]}
    picture = [{"type": "input_text", "text": "q"}, {"type": "input_image", "image_url": "x"}]
    bodies: dict[str, list[tuple[Any, Any]]] = {
        "no_question": [
            ({"messages": [*one, {"role": "assistant", "content": "a"}]}, answer),
            ({"messages": []}, answer),
            ({"messages": ["q"]}, answer),
            ({"input": [{"role": "user", "content": picture}]}, answer),
            ({"input": [{"type": "function_call"}]}, answer),
            ({"prompt": "q"}, answer),
            ([], answer),
            ("{", answer),
        ],
        "no_text": [
            ({"messages": one}, {"choices": []}),
            ({"messages": one}, {"choices": [{"message": {"content": None}}]}),
            ({"input": "q"}, {"output": [{"type": "message", "content": [{"type": "refusal", "refusal": "No."}]}]}),
            ({"input": "q"}, {"output": [{"type": "reasoning", "summary": []}]}),
        ],
        "tools": [
            ({"messages": [*one, {"role": "tool", "content": "t"}]}, answer),
            ({"input": "q", "tools": []}, answer),
        ],
        "choices": [({"messages": one, "n": 2}, answer)],
        "continued": [({"input": "q", "conversation": "c"}, answer)],
        "too_large": [({"messages": one, "user": "u" * (1 << 18)}, answer)],
    }
    pairs = [pair for several in bodies.values() for pair in several]
    texts = [tuple(body if isinstance(body, str) else json.dumps(body) for body in pair) for pair in pairs]
    events = [
        exchange(number, request_body=sent, response_body=got, endpoint=RESPONSES)
        for number, (sent, got) in enumerate(texts)
    ]
    sound = [({"messages": one, "n": 1}, answer), ({"input": picture[:1]}, answer)]
    sound[1] = ({"input": [{"role": "user", "content": picture[:1]}]}, {"output": [{"content": [{"text": "a"}]}]})
    events += [
        exchange(100 + number, request_body=json.dumps(sent), response_body=json.dumps(got))
        for number, (sent, got) in enumerate(sound)
    ]
    bring(database, ingester, *events, exchange(200, key_id=key.key_id), exchange(201, capture="none", **NO_BODIES))
    counts = {row.left_out: row.requests for row in left_out(database, "old", ("support-bot",))}
    assert counts == {name: len(several) for name, several in bodies.items()} | {"suites": 1, "not_captured": 1}
    rows = database.dicts(sample("old", ("support-bot",), 100))
    assert [row["request_id"] for row in rows] == ["r-100", "r-101"]
