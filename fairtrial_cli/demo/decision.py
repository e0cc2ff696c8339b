"""Waits until the feedback of the demo's customers is complete, and says what control decided from it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.console import Console

from fairtrial.store.experiments.feedback_sums import LATE_US
from fairtrial_cli.output.decision import decision_lines

if TYPE_CHECKING:
    from fairtrial_cli.store_client.client import StoreClient

EXPERIMENT = "tuned-vs-base"
LOOK_SECONDS = 4.0
"""How long control's next look may take."""
HOW = "Decided by always-valid looks, with min_days 0 because this is a demo: real trials count whole weeks."


def wait_for_windows(store: StoreClient, sent_at: float, console: Console) -> None:
    """Wait until every customer's window is complete and control has looked. ``sent_at``: monotonic, the last one's."""
    plan = store.experiments.frozen().get(EXPERIMENT)
    window = plan.primary.window_seconds if plan is not None and plan.primary is not None else None
    left = sent_at + (window or 0.0) + LATE_US / 1e6 + LOOK_SECONDS - time.monotonic()
    if left > 0:
        console.print(f"  waiting {left:.0f} s for the last customers' feedback", highlight=False)
        time.sleep(left)


def live_lines(store: StoreClient) -> list[str]:
    """The decision of the primary metric with its interval, and the guardrails, as control found them."""
    return [*decision_lines(store.experiments.decision(EXPERIMENT), running=True), HOW]
