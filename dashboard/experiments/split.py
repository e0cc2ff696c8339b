"""Shows the test for sample-ratio mismatch: a caption, or an error if the arms must not be compared."""

from __future__ import annotations

import streamlit as st

from dashboard.client import Row
from dashboard.components.formatting import count, plain
from dashboard.components.query_params import link
from fairtrial.domain.wording import counted

SMALL, LARGE = 0.0001, 0.99
"""P-values outside this range are shown as a bound."""


def render_srm(srm: Row) -> None:
    """Draw the result of the test; an error if the split was rejected at any time."""
    if srm["units"] < 1:
        st.caption(f"The split is checked from the first unit on.{_earlier(srm)}")
        return
    if srm["invalid"]:
        st.error(
            f"Sample-ratio mismatch: {_mismatch(srm)}. Units are lost or counted twice, so the arms can't be compared: "
            "ignore the comparison below. Find the cause, then restart the experiment with a new `salt`."
            f"{_beyond(srm)}",
            icon=":material/balance:",
        )
        return
    units, names, planned = _arms(srm)
    fixed = "" if srm["p_fixed"] is None else f"; χ² test at one fixed look: p {_p(srm['p_fixed'])}"
    st.caption(
        f"No sample-ratio mismatch so far: {units} units ({names}), planned {planned} "
        f"(p {_p(srm['p'])} over all looks so far{fixed}).{_beyond(srm)}{_earlier(srm)}"
    )


def render_srm_alarm(experiment: Row) -> None:
    """Draw an alarm with a link if the split was rejected at any time; for the page of all experiments."""
    name, srm = experiment["name"], experiment["srm"]
    if not srm["invalid"]:
        return
    st.error(
        f"Sample-ratio mismatch in the experiment **{plain(name)}**: {_mismatch(srm)}. Its variants can't be compared, "
        "and every verdict on them is INVALID. Find out why units are lost or counted twice, then restart the "
        "experiment with a new `salt`.",
        icon=":material/balance:",
    )
    link(f"The experiment {name}", "experiment", icon=":material/science:", experiment=name)


def _mismatch(srm: Row) -> str:
    units, names, planned = _arms(srm)
    seen = f"p {_p(srm['p'])}, first seen at unit {count(srm['crossed_at'])}"
    return f"{units} units ({names}), but {planned} were planned ({seen})"


def _arms(srm: Row) -> tuple[str, str, str]:
    """The units, names and planned shares of the arms."""
    units = " / ".join(count(arm["units"]) for arm in srm["arms"])
    names = " / ".join(plain(arm["variant"]) for arm in srm["arms"])
    return units, names, " / ".join(f"{100 * arm['planned']:g} %" for arm in srm["arms"])


def _earlier(srm: Row) -> str:
    if not srm["earlier"]:
        return ""
    units, verb = counted(srm["earlier"], "unit"), "is" if srm["earlier"] == 1 else "are"
    return f" {units} that came only under an earlier plan {verb} not counted, because its split may have differed."


def _beyond(srm: Row) -> str:
    return f" Only the first {count(srm['units'])} units are tested; there are more." if srm["more"] else ""


def _p(value: float) -> str:
    if value > LARGE:
        return f"> {LARGE:g}"
    return f"= {value:.2g}" if value >= SMALL else f"< {SMALL:.4f}"
