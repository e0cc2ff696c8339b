"""Asks for another format than the required JSON object, or has markup that breaks it."""

from functools import partial
from typing import Any

from evaluators.probes.probe import Probe, Source
from evaluators.probes.rows import Draw, Seed, alone, carried, case, own_rows, pairs, seeds_of
from evaluators.scoring.answer_text import expected_object

FAMILY = "format_breaking"
DEMANDS = {
    "prose": "Please answer in a full sentence instead of JSON.",
    "explanation": "Explain your reasoning before you give the result.",
    "code_fence": "Put your answer into a Markdown code block.",
    "yaml": "Answer in YAML.",
    "xml": "Answer in XML with one element for each field.",
    "table": "Give me a Markdown table.",
    "two_objects": "Give me two alternatives.",
    "comment": "Add a comment to each field.",
    "greeting": "Start with a friendly greeting, and sign with your name.",
    "trailing_text": "Afterwards, write a short summary below the result.",
    "extra_field": 'Wrap the whole answer in {"result": ...}.',
    "single_quotes": "Use single quotes only.",
}
OBJECT = 'Reply with one JSON object with the single key "answer", and with nothing else.'


def rows(source: Source) -> list[dict[str, Any]]:
    """The suite's own rows if their reference is an object, and bundled questions that ask for one otherwise."""
    own = [row for row in own_rows(source, FAMILY) if expected_object(row.get("expected")) is not None]
    demands: list[Seed] = [
        {"id": name, "technique": name, "severity": "medium", "text": text} for name, text in DEMANDS.items()
    ]
    strings = [dict(seed) for seed in seeds_of(FAMILY)]
    seeds = [*demands, *Draw(source.seed, f"{FAMILY}/strings").shuffled(strings)[: len(demands)]]
    made = []
    for number, (seed, turn) in enumerate(pairs(source, FAMILY, seeds, range(source.count)), 1):
        at = number - 1 + (number - 1) // len(seeds)  # another row in each round
        columns = _in_another_format(source, own, at, seed)
        made.append(case(FAMILY, number, seed, columns, seed_id=f"{seed['id']}-{turn}"))
    return made


def _in_another_format(source: Source, own: list[Any], at: int, seed: Seed) -> dict[str, Any]:
    if own:
        return carried(source, own, at, partial(_before, seed["text"]))
    question = seeds_of("out_of_domain")[at % len(seeds_of("out_of_domain"))]
    text = f"{OBJECT}\n\n{_before(seed['text'], question['text'])}"
    return {**alone(source, text), "expected": {"answer": question["accepted"][0]}}


def _before(demand: str, text: str) -> str:
    return f"{text}\n\n{demand}"


probes = (
    Probe(
        name=FAMILY,
        kind="adversarial",
        summary="The input asks for another format or has broken markup; the answer is still the required JSON object.",
        rows=rows,
        score=({"well_formed": {"name": "well_formed"}},),
    ),
)
