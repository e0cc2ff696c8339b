"""The cause of a difference is named from answers, prompts and numbers of tokens."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from evaluators.model_equality.border_probes import ProbeAnswer
from evaluators.model_equality.parity_causes import ServedRow, find_cause
from evaluators.model_equality.parity_file import ParityRow, Recorded
from evaluators.model_equality.server_prompts import ServerPrompt
from fairtrial.domain.verdicts.model_parity import Parity

IDS = (1, 7, 9)
WORDS = ("yes", "no", "never", "often")


def recorded(draw: random.Random) -> Recorded:
    tops = tuple({word: -draw.uniform(0.2, 4) for word in WORDS} for _ in range(2))
    return Recorded(text="", tokens=tuple(max(top, key=lambda word: top[word]) for top in tops), tops=tops, ended=True)


def answered(record: Recorded, noise: float, draw: random.Random, **more: Any) -> ProbeAnswer:
    tops = tuple({word: value + draw.choice((-noise, noise)) for word, value in top.items()} for top in record.tops)
    tokens = tuple(max(top, key=lambda word: top[word]) for top in tops)
    values = {"tokens": tokens, "positions": tops, "tokens_in": len(IDS), **more}
    return ProbeAnswer(text=values.pop("text", "".join(tokens)), **values)


def served(
    change: Callable[[ServedRow, random.Random], ServedRow] = lambda row, _: row, n: int = 16
) -> list[ServedRow]:
    rows, draw = [], random.Random(5)
    for _ in range(n):
        on, off = recorded(draw), recorded(draw)
        row = ParityRow(messages=({},), prompt="p", token_ids=IDS, on=on, off=off)
        own = answered(on, 0.02, draw)
        rows.append(change(ServedRow(row, own, own, answered(off, 0.02, draw), ServerPrompt()), draw))
    return rows


def with_own(row: ServedRow, answer: ProbeAnswer) -> ServedRow:
    return ServedRow(row.row, answer, answer, row.base, row.prompt)


def reading(row: ServedRow, tokens_in: int, ids: tuple[int, ...] | None = None) -> ServedRow:
    chat = ProbeAnswer(row.chat.text, tokens=row.chat.tokens, positions=row.chat.positions, tokens_in=tokens_in)
    return ServedRow(row.row, chat, row.own, row.base, ServerPrompt(IDS, ids, None))


def going_on(row: ServedRow) -> ServedRow:
    own = row.own
    tokens, tops = (*row.row.on.tokens, "and", "so"), (*own.positions, {"and": -0.1}, {"so": -0.1})
    return with_own(row, ProbeAnswer("", tokens=tokens, positions=tops, tokens_in=len(IDS)))


def sampled(row: ServedRow, draw: random.Random) -> ServedRow:
    tokens = tuple(draw.choice(WORDS) for _ in row.own.tokens)
    return with_own(row, ProbeAnswer("", tokens=tokens, positions=row.own.positions, tokens_in=len(IDS)))


def far(row: ServedRow, draw: random.Random, nats: float) -> ServedRow:
    return with_own(row, answered(row.row.on, nats, draw))


PLANTED: list[tuple[Callable[[ServedRow, random.Random], ServedRow], tuple[str, str]]] = [
    (lambda row, _: row, ("same", "")),
    (lambda row, draw: with_own(row, answered(row.row.off, 0.02, draw)), ("different", "not applied")),
    (lambda row, draw: far(row, draw, 0.3), ("different", "merge or quantisation")),
    (lambda row, draw: far(row, draw, 5.0), ("different", "other weights")),
    (lambda row, _: reading(row, 4, (1, *IDS)), ("different", "special token")),
    (lambda row, _: reading(row, 2, IDS[1:]), ("different", "special token")),
    (lambda row, _: reading(row, 4, (1, 7, 8, 9)), ("different", "chat template")),
    (lambda row, _: reading(row, 12, IDS), ("different", "parameters")),
    (lambda row, _: reading(row, 4), ("different", "special token")),
    (lambda row, _: reading(row, 12), ("different", "chat template")),
    (lambda row, _: going_on(row), ("different", "end token")),
    (sampled, ("different", "parameters")),
]


@pytest.mark.parametrize(("change", "named"), PLANTED)
def test_a_planted_cause_is_named(change: Callable[..., ServedRow], named: tuple[str, str]) -> None:
    found = find_cause(served(change), completed=True)
    assert (found.answer, found.cause) == named, found


def test_another_base_or_few_rows_leave_it_undecided() -> None:
    def other_base(row: ServedRow, draw: random.Random) -> ServedRow:
        return ServedRow(row.row, row.chat, row.own, answered(recorded(draw), 0, draw), row.prompt)

    assert "is it that base?" in find_cause(served(other_base), completed=True).why
    mixed = served(lambda row, draw: far(row, draw, draw.choice((0.02, 0.3))), n=12)
    assert find_cause(mixed, completed=True).answer == "not known"


def test_without_log_probabilities_only_a_missing_adapter_shows() -> None:
    def by_text(kind: str) -> Parity:
        texts = {"on": "trained", "off": "base"}

        def change(row: ServedRow, _: random.Random) -> ServedRow:
            on, off = (Recorded(text=text, tokens=("t",), tops=({"t": 0.0},)) for text in texts.values())
            known = ParityRow(messages=({},), prompt="p", token_ids=IDS, on=on, off=off)
            answer = ProbeAnswer(texts[kind], tokens_in=len(IDS))
            return ServedRow(known, answer, answer, answer, ServerPrompt())

        return find_cause(served(change), completed=False)

    assert (by_text("off").answer, by_text("off").cause) == ("different", "not applied")
    assert by_text("on").answer == "not known"
    assert "no log probabilities; 100% of the answers begin as trained" in by_text("on").why
