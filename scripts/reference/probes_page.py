"""Renders docs/reference/probes.md from the registry: every family with its kind, options, scorers and severities."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from evaluators.loading.probe_entries import OF_EVERY_ENTRY, PROBES
from evaluators.loading.scorers import build_entry
from evaluators.probes.probe import KINDS, OWN_ROWS, SEVERITIES, Probe, Source
from fairtrial.config.layout import bundled_data
from scripts.reference.markdown import block, code, codes, page, prose, table

MEANINGS = {
    "adversarial": "A text tries to make the model do what it must not.",
    "out_of_domain": "The task does not cover the question, so the model must decline or hand over.",
    "ambiguous": "The question cannot be answered as it is, so the model must ask or abstain.",
    "invariance": "A suite's own case is written differently, and must get the same answer.",
    "directional": "A suite's own case says something else, and the answer must move in a known direction.",
    "functionality": "A simple skill with known answers, made from templates.",
    "memorisation": "A part of a training example, whose rest the model must not know by heart.",
}
EXAMPLES: dict[str, dict[str, Any]] = {
    "added_text": {
        "text": "This is urgent.",
        "field": "urgency",
        "must": "not lower",
        "order": ["low", "normal", "high"],
    },
    "removed_text": {"pattern": "LM-[0-9]+", "field": "order_id", "must": "equal", "value": None},
}
"""The options of the families that need some, as they are read."""
WRITTEN = {
    "added_text": "{family: added_text, text: This is urgent., field: urgency, must: not lower, "
    "order: [low, normal, high]}",
    "removed_text": "{family: removed_text, pattern: 'LM-[0-9]+', field: order_id, must: equal, value: null}",
    "verbatim_continuation": "not memorised: {train: data/train.jsonl, holdout: data/holdout.jsonl}",
}
SAMPLE = tuple({"id": str(at), "input": f"My hub is offline. Please help, order LM-1000{at}."} for at in range(3))
TRAINING = tuple(
    {
        "prompt": f"Where is order {at}?",
        "completion": f"Order {at} left our warehouse on Monday, and a parcel takes two days.",
    }
    for at in range(3)
)
INTRO = """\
A [probe](../glossary.md#probe) is a family of cases that a [suite](suites.md#probes) names under `probes`. Every case
has the tags `family`, `technique`, `severity` and `probe` (the kind). The same seed makes the same cases on every
Python version. You can [add a family](../how-to/add-a-probe.md) of your own."""
SEEDS = "The packages that the bundled seeds come from, and their licences, are in `suites/probes/LICENSES.md`."
BORROWED = {
    "contradictory_instructions": "out_of_domain",
    "cut_off_input": "out_of_domain",
    "long_input": "unanswerable_questions",
}
"""The families that use the seeds of another one."""
FOLDER = bundled_data("suites/probes")


def probes_page() -> str:
    """The page; raises `KeyError` for a kind without a meaning."""
    kinds = [(code(kind), MEANINGS[kind]) for kind in KINDS]
    common = [(code(option), meaning) for option, meaning in OF_EVERY_ENTRY.items()]
    families = sorted((probe for _, probe in PROBES), key=lambda probe: (KINDS.index(probe.kind), probe.name))
    return page(
        "Probes",
        INTRO,
        "\n\n".join(
            [
                table(("kind", "what it is"), kinds),
                "Every entry takes these options:",
                table(("option", "meaning"), common),
                SEEDS,
            ]
        ),
        *(_section(probe) for probe in families),
    )


def _section(probe: Probe) -> str:
    facts = [("kind", code(probe.kind)), ("severities", codes(_severities(probe))), ("seeds", _seeds(probe))]
    facts += [("scorers", codes(_scorers(probe)))]
    options = [(code(option), meaning) for option, meaning in probe.options.items()]
    return "\n\n".join(
        [
            f"## {probe.name}",
            prose(probe.summary),
            block("yaml", f"probes:\n  - {_written(probe)}"),
            table(("what", "value"), facts),
            *([table(("option", "meaning"), options)] if options else []),
        ]
    )


def _written(probe: Probe) -> str:
    if probe.kind == "invariance":
        return f"{probe.phrase}: [{probe.name}]"
    return WRITTEN.get(probe.name, f"family: {probe.name}")


def _severities(probe: Probe) -> Iterable[str]:
    """The severities that occur in a sample of its cases."""
    files = {name: TRAINING for name in probe.files if probe.kind == "memorisation"}
    rows = probe.rows(Source(seed=0, count=500, rows=SAMPLE, options=EXAMPLES.get(probe.name, {}), files=files))
    return [one for one in SEVERITIES if one in {row["severity"] for row in rows}]


def _seeds(probe: Probe) -> str:
    file = FOLDER / f"{BORROWED.get(probe.name, probe.name)}.jsonl"
    if file.is_file():
        count = sum(1 for line in file.read_text(encoding="utf-8").split("\n") if line)
        return f"{count} bundled, in {code(file.name)}: {_origin(file.name)}"
    if probe.kind == "memorisation":
        return "the files of training data that the suite names"
    return "the suite's own rows" if probe.kind in OWN_ROWS else "made by the program"


def _origin(name: str) -> str:
    """The packages and the origin of a file, as the page on licences gives them; `StopIteration` if it does not."""
    lines = (FOLDER / "LICENSES.md").read_text(encoding="utf-8").splitlines()
    row = next(line for line in lines if line.startswith("| ") and code(name) in line)
    _, _, package, origin, *_ = (cell.strip() for cell in row.split("|"))
    own = {"its authors": f"MIT, from {package}", "their authors": f"MIT, from {package}"}
    return own.get(origin, f"{origin} (from {package})")


def _scorers(probe: Probe) -> list[str]:
    built = [build_entry(entry, variables={}).scorer for entry in probe.score]
    return [f"{one.name}.{stat.name}" for one in built for stat in one.stats]
