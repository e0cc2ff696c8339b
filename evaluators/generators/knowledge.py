"""Families of questions on capitals and facts, from hand-written pools."""

from __future__ import annotations

from collections.abc import Iterator

from evaluators.generators.family import Family
from evaluators.generators.question import Question, answers, lines, question

KIND = "knowledge"


def _capitals() -> Iterator[Question]:
    return (question(f"What is the capital of {row[0]}?", answers(row[1])) for row in lines("capitals"))


def _facts() -> Iterator[Question]:
    return (question(row[0], answers(row[1])) for row in lines("facts"))


CAPITALS = Family("capitals", KIND, _capitals, ("What is the capital of France?", "The capital of France is Paris."))
FACTS = Family("facts", KIND, _facts, ("What do bees make?", "Bees make honey."))
