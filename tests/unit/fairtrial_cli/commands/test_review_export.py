"""Training rows from a closed review: what each format takes, why the other pairs are left out, and the files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from evaluators.review.training_rows import training_rows
from fairtrial.api.operation import Nothing
from fairtrial.api.store import ingest
from fairtrial.config.layout import Layout
from fairtrial.domain.errors import UsageError
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.core.database import Database
from fairtrial.store.maintenance.retention import drop_old_texts
from fairtrial.store.reviews.votes import export_pairs
from fairtrial_cli.main import fairtrial
from fairtrial_cli.store_client.client import open_store
from tests.fixtures.evaluators.review_answers import NOW, judged
from tests.fixtures.services.projects import ENVIRON, project
from tests.fixtures.store import samples

CANDIDATE, BASELINE, TIE = ({"preference": name} for name in ("candidate", "baseline", "tie"))
VOTES: dict[int, list[dict[str, Any]]] = {
    0: [CANDIDATE | {"ratings": {"tone": 4}}],
    1: [BASELINE, BASELINE, {"preference": "cant_judge"}],
    2: [TIE],
    3: [{"preference": "both_bad"}],
    4: [CANDIDATE, BASELINE],
    5: [CANDIDATE | {"flagged": True}],
    6: [{"preference": "cant_judge"}],
    7: [],
    8: [],
    9: [CANDIDATE | {"edited_candidate": "Ask ada@example.org."}, CANDIDATE],
    10: [CANDIDATE | {"ratings": {"accuracy": 2}}],
    11: [TIE | {"edited_candidate": "one"}, TIE | {"edited_baseline": "two"}],
}
COMMON = {"disagreement", "flagged", "can't judge", "skipped by all", "not judged"}


@pytest.fixture
def reviewed(tmp_path: Path) -> tuple[Path, str]:
    """A project's folder and its closed queue."""
    layout = project(tmp_path).layout.make()
    database = Database.open(layout)
    queue_id = judged(database, VOTES, skipped=7)
    database.close()
    return tmp_path, queue_id


def export(reviewed: tuple[Path, str], *options: str) -> Result:
    folder, queue_id = reviewed
    config = ("--config", str(folder / "fairtrial.yaml"))
    return CliRunner(env=ENVIRON).invoke(fairtrial, ["review", "export", queue_id, *config, *options])


def rows_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_each_format_takes_agreed_pairs_and_counts_the_reason_of_every_other_one(reviewed: tuple[Path, str]) -> None:
    out, left = reviewed[0] / "rows.jsonl", reviewed[0] / "left.jsonl"
    expected = {
        "dpo": (4, COMMON | {"tie", "both bad"}),
        "kto": (10, COMMON | {"tie"}),
        "sft": (3, COMMON | {"tie", "both bad", "preferred, but rated 2 or less", "corrected in different ways"}),
    }
    for form, (count, reasons) in expected.items():
        done = export(reviewed, "--format", form, "-o", str(out), "--list", str(left), "--json")
        assert done.exit_code == 0, done.output
        report = json.loads(done.stdout)
        assert (len(rows_of(out.read_text())), set(report["reasons"])) == (count, reasons), form
        assert report["pairs"] == 12 and sum(report["reasons"].values()) == len(report["left_out"])
        assert rows_of(left.read_text()) == report["left_out"]
        assert {pair["case_id"] for pair in report["left_out"]} >= {"case-4", "case-5", "case-6", "case-7", "case-8"}


def test_the_rows_are_as_trl_reads_them_with_their_provenance(reviewed: tuple[Path, str]) -> None:
    messages = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "question 1"}]
    kind, crimson = ([{"role": "assistant", "content": f"{word} answer 1"}] for word in ("azure", "crimson"))
    done = export(reviewed, "--format", "dpo")
    pair = next(row for row in rows_of(done.stdout) if row["prompt"] == messages)
    provenance = pair.pop("provenance")
    assert pair == {"prompt": messages, "chosen": kind, "rejected": crimson}
    assert (provenance["votes"], provenance["agreement"]) == (3, 2 / 3)
    assert (provenance["chosen_by"], len(provenance["reviewers"]), provenance["unit"]) == ("base", 3, None)
    assert "a-0" not in done.stdout
    assert "4 of 12 pairs are used" in done.stderr and "disagreement" in done.stderr

    labels = [(row["completion"], row["label"]) for row in rows_of(export(reviewed, "--format", "kto").stdout)]
    assert (kind, True) in labels and (crimson, False) in labels
    assert [label for answer, label in labels if answer[0]["content"].endswith(" 3")] == [False, False]

    done = export(reviewed, "--format", "sft")
    corrected = [row for row in rows_of(done.stdout) if row["provenance"]["corrected"]]
    assert [row["messages"][-1] for row in corrected] == [{"role": "assistant", "content": "Ask [email]."}]
    assert "masked: 1 × email" in done.stderr


def test_a_held_out_part_has_whole_clusters(reviewed: tuple[Path, str]) -> None:
    out = reviewed[0] / "rows.jsonl"
    done = export(reviewed, "--format", "kto", "-o", str(out), "--split-by", "cluster", "--share", "0.3")
    assert done.exit_code == 0, done.output
    train, held_out = (rows_of(path.read_text()) for path in (out, out.with_name("rows.holdout.jsonl")))
    cases = [{row["provenance"]["case_id"] for row in part} for part in (train, held_out)]
    assert len(train) + len(held_out) == 10 and cases[0] and cases[1] and not cases[0] & cases[1]


def test_units_of_recorded_traffic_are_held_out_whole_under_hashed_names(reviewed: tuple[Path, str]) -> None:
    layout, out = Layout(reviewed[0] / "fairtrial.duckdb"), reviewed[0] / "rows.jsonl"
    writer = JournalWriter(layout.journal, writer="w")
    for number in (0, 1, 9, 10):
        writer.append(samples.request(number, request_id=f"case-{number}", unit=f"u-{number % 9}"))
    writer.close()
    with open_store(layout) as store:
        store.call(ingest, Nothing())
    done = export(reviewed, "--format", "dpo", "-o", str(out), "--split-by", "unit", "--share", "0.5")
    assert done.exit_code == 0, done.output
    parts = [rows_of(path.read_text()) for path in (out, out.with_name("rows.holdout.jsonl"))]
    units = [{row["provenance"]["unit"] for row in part} for part in parts]
    cases = [{row["provenance"]["case_id"] for row in part} for part in parts]
    assert {"case-0", "case-9"} in cases and {"case-1", "case-10"} in cases
    assert len(units[0]) == len(units[1]) == 1 and not units[0] & units[1] and "u-" not in str(units)


def test_what_can_not_be_done_is_one_line_and_writes_nothing(reviewed: tuple[Path, str]) -> None:
    out = str(reviewed[0] / "rows.jsonl")
    refused = {
        ("--format", "csv", "--list", out): "need --format dpo, kto, sft",
        ("--format", "csv", "--min-votes", "2"): "need --format dpo, kto, sft",
        ("--format", "dpo", "--json"): "--json: name the file of the rows",
        ("--format", "dpo", "--split-by", "unit"): "--split-by: name the file of the rows",
        ("--format", "dpo", "-o", out, "--list", out): "two results have this name",
        ("--format", "dpo", "-o", out, "--split-by", "unit"): "no pair has one, because the suite is not from",
        ("-o", f"{reviewed[0]}/none/rows.jsonl"): "there is no folder",
    }
    wrong = [
        options
        for options, message in refused.items()
        if not isinstance(error := export(reviewed, *options).exception, UsageError) or message not in str(error)
    ]
    assert not wrong and not Path(out).exists()
    done = export(reviewed, "--format", "dpo", "-o", out, "--min-votes", "3")
    assert done.exit_code == 1 and "not enough votes" in done.stderr and not Path(out).exists()


def test_pairs_without_texts_and_repeated_pairs_are_left_out(tmp_path: Path) -> None:
    database = Database.open(project(tmp_path).layout.make())
    queue_id = judged(database, {0: [CANDIDATE], 1: [BASELINE]})
    pairs = export_pairs(database, queue_id)
    again = training_rows([*pairs, pairs[0]], "dpo")
    assert (len(again.rows), again.reasons) == (2, {"duplicate of an earlier pair": 1})
    same = [replace(pair, candidate_output="x", baseline_output="x") for pair in pairs]
    assert training_rows(same, "dpo").reasons == {"the answers are the same": 2}
    drop_old_texts(database, before_us=NOW + 10**15)
    assert training_rows(export_pairs(database, queue_id), "sft").reasons == {"texts erased or no longer kept": 2}
    database.close()
