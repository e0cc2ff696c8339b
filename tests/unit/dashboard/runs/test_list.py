"""A run shows the model string, the fingerprint of its weights and its age, or that they are unknown."""

from __future__ import annotations

import time

from dashboard.runs.list import caption_of, fingerprint_of, help_of, model_of
from fairtrial.domain.run import StoredRun

DAY_US = 86_400_000_000


def run(model: str | None, fingerprint: str | None) -> StoredRun:
    at_us = time.time_ns() // 1000 - 3 * DAY_US - 1
    return StoredRun(
        run_id="r", at_us=at_us, ended_us=at_us, suite="small", suite_digest="d", target="tuned", deployment_digest="d",
        fingerprint=fingerprint, seed=1, repeat=1, status="finished", counts={}, metrics={}, versions={},
        plan_hash="h", model=model,
    )  # fmt: skip


def test_a_run_shows_its_model_its_fingerprint_and_its_age() -> None:
    known = run("openai/support_v2", "0123456789abcdef+fedcba9876543210")
    assert fingerprint_of(known) == "0123456789ab + fedcba987654"
    assert caption_of(known).replace("\\", "") == "openai/support_v2 · 0123456789ab + fedcba987654 · 3 days ago"
    assert help_of(known).replace("\\", "").endswith(": 0123456789abcdef+fedcba9876543210")


def test_a_run_without_model_and_fingerprint_says_so() -> None:
    unknown = run(None, None)
    assert (model_of(unknown), fingerprint_of(unknown)) == ("model not recorded", "no fingerprint")
    assert "unknown" in help_of(unknown)
