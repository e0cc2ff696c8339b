"""Draws the data audit page: the list of audits of training data, or one audit with the rows that it names."""

from dashboard.client import Control
from dashboard.components import query_params
from dashboard.data_audits.detail import draw_audit
from dashboard.data_audits.list import draw_audit_list
from dashboard.view import View


def draw(control: Control) -> None:
    """Draw the audit in the URL, or the list."""
    audit_id = query_params.get("audit")
    if audit_id is None:
        return draw_audit_list(control)
    with query_params.explain_gone("This audit does not exist. Choose one from the list.", "All audits"):
        draw_audit(control, audit_id)
    return None


view = View(title="Data audit", icon=":material/dataset:", path="data-audit", place=6, draw=draw)
