"""What `fairtrial migrate` refuses before it asks any model, each with one clear line."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from fairtrial.domain.errors import UsageError
from fairtrial_cli.main import fairtrial
from tests.fixtures.for_each import for_each
from tests.fixtures.services.projects import ENVIRON, changed, write

OVER = changed(("parent: base}", 'parent: base, shutdown_date: "2020-01-01"}'))


@for_each(
    ("arguments", "message"),
    [
        (["base", "tnued"], "did you mean 'tuned'?"),
        (["base", "tuned-vs-base/base"], "OLD and NEW are deployments"),
        (["base", "base"], "name each successor once"),
        (["base", "cloud", "cloud"], "name each successor once"),
        (["base", "cloud"], "give --suite FILE, --from-traffic N"),
        (["base", "tuned", "--suite", "x.yaml"], "tuned ended on 2020-01-01 (shutdown_date)"),
        (["tuned", "base"], "give --suite FILE"),
    ],
)
def test_wrong_names_are_refused_and_only_new_must_not_have_ended(
    tmp_path: Path, arguments: list[str], message: str
) -> None:
    command = ["migrate", "--config", str(write(tmp_path, OVER)), *arguments]
    done = CliRunner(env=ENVIRON).invoke(fairtrial, command)
    assert isinstance(done.exception, UsageError) and message in str(done.exception), done.exception
