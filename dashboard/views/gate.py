"""Draws the gate page: the list of verdicts, or one verdict with its evidence."""

from dashboard.client import Control
from dashboard.components import query_params
from dashboard.verdicts.detail import draw_verdict
from dashboard.verdicts.list import draw_verdict_list
from dashboard.view import View


def draw(control: Control) -> None:
    """Draw the verdict in the URL, or the list."""
    verdict_id = query_params.get("verdict")
    if verdict_id is None:
        return draw_verdict_list(control)
    with query_params.explain_gone("This verdict does not exist. Choose one from the list.", "All verdicts"):
        draw_verdict(control, verdict_id)
    return None


view = View(title="Gate", icon=":material/gavel:", path="gate", place=4, draw=draw)
