"""Lists the reference pages that are generated, by their file names below docs/reference."""

from __future__ import annotations

from pathlib import Path

from scripts.reference.cli_page import cli_page
from scripts.reference.config_page import config_page
from scripts.reference.guardrails_page import guardrails_page
from scripts.reference.http_page import http_page
from scripts.reference.metrics_page import metrics_page
from scripts.reference.personal_data_page import personal_data_page
from scripts.reference.probes_page import probes_page
from scripts.reference.promises_page import promises_page
from scripts.reference.provider_rules_page import provider_rules_page
from scripts.reference.scorers_page import scorers_page
from scripts.reference.statistics.page import statistics_page
from scripts.reference.tables_page import tables_page
from scripts.reference.training_data_page import training_data_page

FOLDER = Path(__file__).parents[2] / "docs/reference"
PAGES = {
    "cli.md": cli_page,
    "config.md": config_page,
    "guardrails.md": guardrails_page,
    "http.md": http_page,
    "metrics.md": metrics_page,
    "personal-data.md": personal_data_page,
    "probes.md": probes_page,
    "promises.md": promises_page,
    "provider-rules.md": provider_rules_page,
    "scorers.md": scorers_page,
    "statistics.md": statistics_page,
    "tables.md": tables_page,
    "training-data.md": training_data_page,
}
