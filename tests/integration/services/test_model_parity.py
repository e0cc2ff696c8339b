"""Real llama.cpp servers are asked what transformers and PEFT recorded, and each planted fault is named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures.services.command import fairtrial
from tests.fixtures.services.planted_exports import CAUSES, RECORDED, planted, requantise
from tests.fixtures.services.served_models import engine, models

pytest.importorskip("xllamacpp")
pytestmark = [pytest.mark.models, pytest.mark.release("models"), pytest.mark.timeout(1800)]

PROJECT = """\
version: 1
deployments:
  base: {{model: openai/smollm2, base_url: "{base}"}}
  tuned: {{model: openai/support-v2, base_url: "{tuned}", parent: base}}
  sample-base: {{model: openai/sample-base, base_url: "{base}"}}
  sample: {{model: openai/sample-tuned, base_url: "{tuned}", parent: sample-base}}
  alone: {{model: openai/support-v2, base_url: "{tuned}"}}
"""
GATE = 'version: 1\ngate: served\nform_only: a test\nrequire: ["parity.served hold"]\n'
ROWS = 14


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    from gateway.models.catalogue import base_file

    with engine(base_file()) as url:
        yield url


@pytest.fixture(scope="module")
def requantised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from gateway.models.catalogue import base_file

    target = tmp_path_factory.mktemp("requantised") / "q4_0.gguf"
    requantise(base_file(), target)
    return target


def project(folder: Path, tuned: str, base: str) -> None:
    (folder / "fairtrial.yaml").write_text(PROJECT.format(tuned=tuned, base=base))
    (folder / "gate.yaml").write_text(GATE)
    (folder / "parity.jsonl").write_text("".join(RECORDED.read_text().splitlines(keepends=True)[:ROWS]))


@pytest.mark.parametrize("name", CAUSES)
def test_a_planted_fault_is_named_and_holds_the_gate(
    name: str, tmp_path: Path, base_url: str, requantised: Path
) -> None:
    with planted(name, requantised) as url:
        project(tmp_path, url, base_url)
        before = fairtrial("gate", "gate.yaml", "--candidate", "tuned", "--baseline", "base", cwd=tmp_path)
        done = fairtrial("parity", "parity.jsonl", "--on", "tuned", "--json", cwd=tmp_path, timeout=900)
    result = json.loads(done.stdout)
    assert (result["answer"], result["cause"]) == ("different" if CAUSES[name] else "same", CAUSES[name]), done.stdout
    assert done.returncode == (3 if CAUSES[name] else 0)
    assert (result["rows"], result["unanswered"]) == (ROWS, 0)
    assert before.returncode == 3
    assert "fairtrial parity FILE --on tuned" in " ".join(before.stdout.split())
    files = ("--json", "v.json", "--markdown", "v.md")
    gate = fairtrial("gate", "gate.yaml", "--candidate", "tuned", "--baseline", "base", *files, cwd=tmp_path)
    verdict = json.loads((tmp_path / "v.json").read_text())
    assert (gate.returncode, verdict["decision"]) == ((3, "HOLD") if CAUSES[name] else (0, "SHIP")), gate.stdout
    words = "does not serve what was trained" if CAUSES[name] else "tuned serves what was trained"
    assert words in (tmp_path / "v.md").read_text()
    assert fairtrial("verdict", "recompute", verdict["verdict_id"], cwd=tmp_path).returncode == 0


def test_a_server_that_is_dead_or_declares_no_base_gets_a_clear_error(tmp_path: Path, base_url: str) -> None:
    project(tmp_path, "http://127.0.0.1:9/v1", base_url)
    dead = fairtrial("parity", "parity.jsonl", "--on", "tuned", cwd=tmp_path, timeout=300)
    assert dead.returncode == 2
    assert "tuned does not answer" in dead.stderr
    alone = fairtrial("parity", "parity.jsonl", "--on", "alone", cwd=tmp_path)
    assert alone.returncode == 2
    assert "deployments.alone.parent" in alone.stderr


def test_a_file_of_another_vocabulary_and_a_server_without_log_probabilities_are_told(
    tmp_path: Path, base_url: str
) -> None:
    project(tmp_path, base_url, base_url)
    rows = [json.loads(line) for line in (tmp_path / "parity.jsonl").read_text().splitlines()]
    others = [row | {"token_ids": [at + 1 for at in row["token_ids"]]} for row in rows]
    (tmp_path / "other.jsonl").write_text("".join(json.dumps(row) + "\n" for row in others))
    refused = fairtrial("parity", "other.jsonl", "--on", "tuned", cwd=tmp_path)
    assert refused.returncode == 2
    assert f"splits {ROWS} of {ROWS} recorded prompts into other token ids" in refused.stderr
    with models("--sample") as (url, _):
        project(tmp_path, url, url)
        silent = fairtrial("parity", "parity.jsonl", "--on", "sample", cwd=tmp_path)
    assert silent.returncode == 3
    assert "whether sample serves what was trained is not known" in silent.stdout
    assert "no log probabilities" in silent.stdout
