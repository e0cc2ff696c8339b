"""Every file of bundled seeds has a licence, ids of its source, and no text twice."""

from __future__ import annotations

import json
import re
from pathlib import Path

from evaluators.loading.probe_entries import PROBES
from evaluators.probes.probe import SEVERITIES
from evaluators.probes.rows import seeds_of
from scripts.probe_seeds.families import FAMILIES
from scripts.probe_seeds.packages import PACKAGES
from tests.fixtures.for_each import for_each
from tests.fixtures.paths import ROOT

FOLDER = ROOT / "suites" / "probes"
FILES = sorted(FOLDER.glob("*.jsonl"))
LICENSES = (FOLDER / "LICENSES.md").read_text(encoding="utf-8")


every_file = for_each("file", FILES, label=lambda file: file.stem)


@every_file
def test_every_file_belongs_to_a_family_and_is_generated_by_the_script(file: Path) -> None:
    assert file.stem in PROBES.names() and file.stem in FAMILIES


@every_file
def test_every_file_has_a_row_on_its_package_and_its_origin(file: Path) -> None:
    row = next(line for line in LICENSES.splitlines() if f"`{file.name}`" in line and line.startswith("| "))
    named = set(re.findall(r"`([\w-]+)`", row.split("|")[2]))
    assert named & set(PACKAGES)


@every_file
def test_every_file_has_seeds_with_ids_techniques_and_distinct_texts(file: Path) -> None:
    seeds = seeds_of(file.stem)
    assert len({seed["id"] for seed in seeds}) == len(seeds)
    assert len({json.dumps({**seed, "id": ""}) for seed in seeds}) >= 0.75 * len(seeds)
    for seed in seeds:
        assert seed["technique"] and seed.get("severity", "low") in SEVERITIES


def test_the_licences_name_the_packages_by_the_versions_of_the_script() -> None:
    for package, version in PACKAGES.items():
        assert f"| `{package}` | {version} | MIT" in LICENSES


def test_no_harmful_request_comes_with_an_answer_or_is_about_children() -> None:
    for seed in seeds_of("harmful_requests"):
        assert "\n" not in seed["harmful"] and seed["harmful"].endswith("?")
        assert not re.search(r"\b(minors?|child|children|baby)\b", seed["harmful"], re.IGNORECASE)
