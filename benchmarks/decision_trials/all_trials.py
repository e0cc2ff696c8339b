"""Lists the trials of decisions in the order in which they run."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.decision_trials import (
    costs,
    dominant_cluster,
    earlier,
    fading,
    four_candidates,
    heavy_users,
    kept_control,
    lost_records,
    migrations,
    missing_feedback,
    planned,
    safe_rates,
    slices,
    stops,
    weekly,
    whole_plans,
)
from benchmarks.decision_trials.trial import Trial

TRIALS: Sequence[Trial] = (
    *safe_rates.TRIALS,
    *heavy_users.TRIALS,
    *stops.TRIALS,
    *kept_control.TRIALS,
    *costs.TRIALS,
    *earlier.TRIALS,
    *dominant_cluster.TRIALS,
    *migrations.TRIALS,
    *missing_feedback.TRIALS,
    *lost_records.TRIALS,
    *fading.TRIALS,
    *planned.TRIALS,
    *weekly.TRIALS,
    *whole_plans.TRIALS,
    *four_candidates.TRIALS,
    *slices.TRIALS,
)
