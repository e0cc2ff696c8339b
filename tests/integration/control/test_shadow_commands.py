"""A person starts and ends a shadow by commands, and is told why one can't be started."""

from __future__ import annotations

import json
from contextlib import closing
from hashlib import sha256
from pathlib import Path

from fairtrial.config.layout import Layout, spending_file
from fairtrial.config.plan.published import read
from fairtrial.config.project import load_project
from fairtrial.domain.limits.spending import Limit, Spent
from fairtrial.domain.plan import Shadow
from fairtrial.journal.spending import SpendingFile
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.core.database import Database
from fairtrial.store.ingest.ingest import Ingester
from gateway.control.background.plan_publisher import PlanPublisher
from gateway.control.background.shadow_work import ShadowWork
from tests.fixtures.services.command import in_process
from tests.fixtures.services.project_files import write_project
from tests.fixtures.store import samples

POLITE = """\
from fairtrial.scoring import scorer


@scorer
def polite(answer: str) -> bool:
    return "please" in answer
"""
BEGINS = ("shadow", "start", "base", "tuned")


def said(folder: Path, *words: str, code: int = 0) -> str:
    done = in_process(*words, cwd=folder)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def running(folder: Path) -> tuple[Shadow, ...]:
    return read(Layout(folder / "fairtrial.duckdb").plan).shadows


def test_a_shadow_is_started_shown_and_ended(tmp_path: Path) -> None:
    write_project(tmp_path)
    refused = said(tmp_path, *BEGINS, "--limit", "1USD/day", code=2)
    assert "price of tuned is unknown" in refused and "requests/day or tokens/day" in refused
    assert "'5' is not a limit" in said(tmp_path, *BEGINS, "--limit", "5", code=2)
    assert "nobody" in said(tmp_path, "shadow", "start", "base", "nobody", code=2)
    assert "another deployment" in said(tmp_path, "shadow", "start", "base", "base", code=2)
    assert "tuned serves no route" in said(tmp_path, "shadow", "start", "tuned", "base", code=2)
    path = tmp_path / "fairtrial.yaml"
    text = path.read_text()
    (tmp_path / "polite.py").write_text(POLITE)
    for scorers, words in ((["nothing"], "nothing"), (["own: {file: polite.py}"], "polite.py is not in scorers.lock")):
        entries = "".join(f"{{{one}}}" if ":" in one else one for one in scorers)
        path.write_text(text.replace("fallback: base}", f"fallback: base, scorers: [{entries}]}}"))
        assert words in said(tmp_path, *BEGINS, code=2)
    (tmp_path / "scorers.lock").write_text(f"{sha256(POLITE.encode()).hexdigest()}  polite.py\n")
    started = said(tmp_path, *BEGINS, "--share", "20%", "--limit", "500requests/day")
    assert started.startswith("support-bot: tuned shadows base at 20 % (running)\n  0 pairs of 0 users")
    (shadow,) = running(tmp_path)
    assert (shadow.baseline, shadow.candidate, shadow.share) == ("base", "tuned", 20.0)
    assert shadow.limit == Limit(requests_per_day=500)
    assert "has one already" in said(tmp_path, *BEGINS, code=2)
    layout = Layout(tmp_path / "fairtrial.duckdb")
    SpendingFile(spending_file(layout.folder, shadow.shadow_id)).reserve(shadow.limit, Spent(40_000, 1, 9, 7, 7))
    (shown,) = json.loads(said(tmp_path, "shadow", "status", "--json"))
    assert (shown["running"], shown["spending"]["requests_today"]) == (True, 1)
    assert "(ended)" in said(tmp_path, "shadow", "stop", "support-bot")
    assert running(tmp_path) == ()
    assert "support-bot has none" in said(tmp_path, "shadow", "stop", "support-bot", code=2)


def test_an_experiment_declares_the_shadow_of_its_first_stage(tmp_path: Path) -> None:
    path = write_project(tmp_path)
    declared = "    shadow: {variant: tuned, percent: 5, limit: {usd_per_day: 1}}\n    split:"
    path.write_text(path.read_text().replace("    split:", declared))
    refused = said(tmp_path, "check", code=2)
    assert "shadow.limit: is in dollars, and the price of 'tuned' is unknown" in refused
    path.write_text(path.read_text().replace("usd_per_day: 1", "tokens_per_day: 9"))
    assert "limit: 9tokens/day" in said(tmp_path, "shadow", "status")
    layout = Layout(tmp_path / "fairtrial.duckdb")
    with closing(JournalWriter(layout.journal, writer="w0")) as journal:
        for number in range(1, 31):
            journal.append(samples.record(number, unit=f"u-{number}"))
            journal.append(samples.shadow(number, shadow_id="tuned-vs-base@1"))
    with closing(Database.open(layout)) as database:
        Ingester(database, lambda: samples.NOW).catch_up()
        publisher = PlanPublisher(database, path, lambda: load_project(path, {}), clock_us=lambda: samples.NOW)
        publisher.refresh()
        ShadowWork(database, publisher, lambda: samples.NOW).step()
    sentence = "Shadow: tuned beside base, after 30 pairs of 30 users: no difference is proven yet."
    assert sentence in said(tmp_path, "experiment", "status", "tuned-vs-base")
