"""Whether units came by the planned split, as people read it: one sentence, or what forbids to compare the arms."""

from __future__ import annotations

import streamlit as st

from dashboard.client import Row
from dashboard.components.formatting import count, counted, plain
from dashboard.components.query_params import link

SMALL, LARGE = 0.0001, 0.99
"""Beyond these a p is told as a bound: neither 0 nor 1 is ever known."""


def say_split(srm: Row) -> None:
    """One sentence above the figures; an error where the split was rejected at any time."""
    if srm["units"] < 1:
        st.caption(f"Whether units come by the planned split is checked from the first one on.{_earlier(srm)}")
        return
    if srm["invalid"]:
        st.error(
            f"Sample-ratio mismatch: {_mismatch(srm)}. Units get lost or counted twice on their way into an "
            "arm, and others are compared than were randomised: do not read the comparison below. Find the cause, "
            f"then start anew under a new `salt`.{_beyond(srm)}",
            icon=":material/balance:",
        )
        return
    units, names, planned = _arms(srm)
    fixed = "" if srm["p_fixed"] is None else f"; χ² at one fixed look: p {_p(srm['p_fixed'])}"
    st.caption(
        f"Nothing speaks against the planned split so far: {units} units ({names}), planned {planned} "
        f"(p {_p(srm['p'])} over all looks so far{fixed}).{_beyond(srm)}{_earlier(srm)}"
    )


def say_alarm(experiment: Row) -> None:
    """On the page of all experiments: the alarm of a split that was rejected at any time, with a link; else nothing."""
    name, srm = experiment["name"], experiment["srm"]
    if not srm["invalid"]:
        return
    st.error(
        f"Sample-ratio mismatch in the experiment **{plain(name)}**: {_mismatch(srm)}. Its variants can't be compared, "
        "and every verdict on them is INVALID. Find what loses units or counts them twice, then start the experiment "
        "anew under a new `salt`.",
        icon=":material/balance:",
    )
    link(f"The experiment {name}", "experiment", icon=":material/science:", experiment=name)


def _mismatch(srm: Row) -> str:
    units, names, planned = _arms(srm)
    seen = f"p {_p(srm['p'])}, first seen at unit {count(srm['crossed_at'])}"
    return f"{units} units ({names}) where {planned} were planned ({seen})"


def _arms(srm: Row) -> tuple[str, str, str]:
    """Units, names and planned shares of the arms."""
    units = " / ".join(count(arm["units"]) for arm in srm["arms"])
    names = " / ".join(plain(arm["variant"]) for arm in srm["arms"])
    return units, names, " / ".join(f"{100 * arm['planned']:g} %" for arm in srm["arms"])


def _earlier(srm: Row) -> str:
    if not srm["earlier"]:
        return ""
    units = counted(srm["earlier"], "unit")
    return f" {units} came under an earlier plan only, not known to split alike, and are not counted."


def _beyond(srm: Row) -> str:
    return f" Only the first {count(srm['units'])} units are looked at; more have come since." if srm["more"] else ""


def _p(value: float) -> str:
    if value > LARGE:
        return f"> {LARGE:g}"
    return f"= {value:.2g}" if value >= SMALL else f"< {SMALL:.4f}"
