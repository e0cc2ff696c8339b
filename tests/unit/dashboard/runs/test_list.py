"""A run shows the model string, the fingerprint of its weights and its age, or that they are unknown."""

from __future__ import annotations

import time

from dashboard.runs.list import caption_of, fingerprint_of, help_of, model_of

DAY_US = 86_400_000_000


def test_a_run_shows_its_model_its_fingerprint_and_its_age() -> None:
    run = {
        "model": "openai/support_v2",
        "fingerprint": "0123456789abcdef+fedcba9876543210",
        "at_us": time.time_ns() // 1000 - 3 * DAY_US - 1,
    }
    assert fingerprint_of(run) == "0123456789ab + fedcba987654"
    assert caption_of(run).replace("\\", "") == "openai/support_v2 · 0123456789ab + fedcba987654 · 3 days ago"
    assert help_of(run).replace("\\", "").endswith(": 0123456789abcdef+fedcba9876543210")


def test_a_run_without_model_and_fingerprint_says_so() -> None:
    run = {"model": None, "fingerprint": None}
    assert (model_of(run), fingerprint_of(run)) == ("model not recorded", "no fingerprint")
    assert "unknown" in help_of(run)
