"""`fairtrial gate --self-test`: the odds of an identical model, with and without runs, and that nothing is stored."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fairtrial.config.layout import Layout
from fairtrial_cli.store_client.client import open_store
from tests.fixtures.services.gate_project import GATE, fairtrial, gate, record, write_gate_project
from tests.fixtures.store import client_reads

BOTH = ("--candidate", "tuned", "--baseline", "base")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_gate_project(tmp_path)


def self_test(project: Path, *options: str):
    return fairtrial(project, "gate", "gate.yaml", "--self-test", *options)


def test_it_has_the_odds_of_the_verdict_and_stores_none(project: Path) -> None:
    record(project, "base", 150)
    record(project, "tuned", 132)
    done = self_test(project, *BOTH, "--json", "-")
    assert done.returncode == 0, done.stderr
    with open_store(Layout(project / "store.duckdb")) as store:
        assert client_reads.list_verdicts(store) == ()
    gate(project, "--json", "g.json")
    found = json.loads(done.stdout)
    assert found["odds"] == json.loads((project / "g.json").read_text())["odds"]
    assert (found["gate"], found["rules_of_gate"], found["assumed"]) == ("release", 1, [])
    assert [(one["rule"], one["cases"], one["differing"]) for one in found["rules"]] == [
        ("exact not worse than base by 10pp", 200, 18)
    ]
    assert found["rules"][0]["worse_passes"] < 0.12


def test_the_table_names_what_holds_an_identical_model_back(project: Path) -> None:
    lines = "require: [exact better than base, lost == 0, review.preference >= 50%]\n"
    (project / "gate.yaml").write_text(GATE + lines)
    record(project, "base", 150)
    record(project, "tuned", 132)
    done = self_test(project, *BOTH)
    text = " ".join(done.stdout.split())
    assert done.returncode == 0, done.stderr
    assert text.startswith("An identical model passes all 4 rules in ")
    assert "1 rule requires the candidate to be better" in text
    assert "release: exact better than base" in text
    assert "9.0 % of the cases differ (95 % interval" in text and "standard error" in text
    assert "Taken as met (a count): release: lost == 0" in text
    assert "Taken as met (other evidence than runs): review.preference >= 50%" in text
    assert text.index("release: exact better") < text.index("small: exact not")


def test_without_runs_it_assumes_how_many_cases_differ(project: Path) -> None:
    for options in (BOTH, ()):
        done = self_test(project, *options)
        assert done.returncode == 0, done.stderr
        text = " ".join(done.stdout.split())
        assert "would SHIP in about" in text and "(if 10 % of the cases differ)" in text
        assert "shares of differing cases are assumed" in text
        assert not (project / "store.duckdb").exists()
    assert len(json.loads(self_test(project, "--json", "-").stdout)["assumed"]) == 2


def test_it_works_with_a_gate_that_compares_nothing(project: Path) -> None:
    suite = (project / "suite.yaml").read_text().replace("exact not worse than base by 10pp", "exact >= 50%")
    (project / "suite.yaml").write_text(suite)
    done = self_test(project)
    assert (done.returncode, done.stdout.startswith("No line compares")) == (0, True), done.stderr


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--candidate", "tuned"), "name both --candidate and --baseline"),
        ((*BOTH, "--junit", "g.xml"), "--junit: --self-test judges nothing"),
        ((*BOTH, "--run"), "--run: --self-test judges nothing"),
        (("--candidate", "tunde", "--baseline", "base"), "did you mean 'tuned'?"),
    ],
)
def test_options_that_do_not_fit_are_usage_errors(project: Path, options: tuple[str, ...], says: str) -> None:
    done = self_test(project, *options)
    assert done.returncode == 2
    assert says in done.stderr


def test_a_verdict_still_needs_both_targets(project: Path) -> None:
    done = fairtrial(project, "gate", "gate.yaml", "--candidate", "tuned")
    assert done.returncode == 2
    assert "Missing option '--baseline'" in done.stderr
