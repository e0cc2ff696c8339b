"""Draws the runs page: the list, one run, or the comparison of two or more runs, depending on the URL."""

from dashboard.client import Control
from dashboard.components import query_params
from dashboard.runs.compare import draw_comparison
from dashboard.runs.detail import draw_run
from dashboard.runs.list import draw_run_list
from dashboard.runs.matrix import draw_matrix
from dashboard.view import View


def draw(control: Control) -> None:
    """Draw the run or comparison in the URL, or the list."""
    several, against = query_params.get_all("run"), query_params.get("against")
    if not several:
        return draw_run_list(control)
    with query_params.explain_gone("This run does not exist, or retention has deleted it.", "All runs"):
        if len(several) > 1 and against:
            draw_matrix(control, several, against)
        elif against:
            draw_comparison(control, several[-1], against)
        else:
            draw_run(control, several[-1])
    return None


view = View(title="Runs", icon=":material/fact_check:", path="runs", place=3, draw=draw)
