"""`fairtrial requests` finds a request by what is known of it, and shows who answered, why, and what it cost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from fairtrial.config.project import load_project
from fairtrial.domain.money.tokens import Tokens
from fairtrial.experiments.unit import pseudonym
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.core import named_values
from fairtrial.store.core.database import Database
from fairtrial_cli.commands.requests import command
from tests.fixtures.for_each import for_each
from tests.fixtures.services.project_files import write_project
from tests.fixtures.store import samples

PRICES = "prices: [{deployment: base, input: 2, cached: 1, output: 10}]\n"
TOKENS = Tokens(input=1000, cached=400, output=100)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = write_project(tmp_path_factory.mktemp("requests"))
    path.write_text(path.read_text() + PRICES)
    layout = load_project(path, {}).layout
    database = Database.open(layout)
    anna = pseudonym(named_values.pepper(database), "anna")
    database.close()
    call = samples.attempt_of(
        1, tokens=TOKENS, cost_usd="0.0026", cost_basis="priced", usage_source="provider", provider_request_id="req_9"
    )
    failed = samples.attempt_of(2, outcome="failed", fault="upstream", status=503, error_message="no room")
    writer = JournalWriter(layout.journal, writer="w")
    assert writer.append(
        samples.exposed(1, unit=anna, attempts=[call], tags={"team": "search"}, key_id="k-1", latency_ms=840.0),
        samples.record(2, status=503, outcome="error", attempts=[failed], route="other-bot", reason="direct"),
    )
    writer.close()
    return path


def run(file: Path, *arguments: str) -> str:
    return CliRunner().invoke(command, [*arguments, "-c", str(file)], catch_exceptions=False).output


@for_each(
    ("options", "found"),
    [
        ((), {"r-1", "r-2"}),
        (("--user", "anna"), {"r-1"}),
        (("--user", "ben"), set()),
        (("--route", "other-bot"), {"r-2"}),
        (("--deployment", "base", "--status", "200"), {"r-1"}),
        (("--outcome", "error"), {"r-2"}),
        (("--variant", "base"), {"r-1"}),
        (("--key", "k-1"), {"r-1"}),
        (("--tag", "team=search"), {"r-1"}),
        (("--tag", "team=sales"), set()),
        (("--provider-id", "req_9"), {"r-1"}),
        (("--min-cost", "0.002"), {"r-1"}),
        (("--min-cost", "0.003"), set()),
        (("--since", "2027-01-15T08:00:00"), {"r-1", "r-2"}),
        (("--until", "2027-01-15"), set()),
    ],
)
def test_each_filter_finds_its_requests(file: Path, options: tuple[str, ...], found: set[str]) -> None:
    output = run(file, "list", *options)
    assert {word for word in output.split() if word.startswith("r-")} == found
    assert ("no requests match" in output) == (not found)


def test_a_request_shows_why_its_variant_answered_and_what_each_kind_cost(file: Path) -> None:
    output = " ".join(run(file, "show", "r-1").split())
    for text in (
        "Its unit is assigned to the variant.",
        "its unit is enrolled, and assigned to base by its hash 0.500000",
        "req_9",
        "$0.0026 (priced)",
        "cached 400 1 $0.0004",
        "input 600 2 $0.0012",
        "output 100 10 $0.001",
    ):
        assert text in output, output
    failed = " ".join(run(file, "show", "r-2").split())
    assert "The route has no experiment." in failed and "no room" in failed


def test_a_wrong_time_is_an_error(file: Path) -> None:
    with pytest.raises(Exception, match="'soon' is not a time"):
        run(file, "list", "--since", "soon")
    answer: Any = CliRunner().invoke(command, ["show", "none", "-c", str(file)])
    assert "request" in str(answer.exception) and "none" in str(answer.exception)
