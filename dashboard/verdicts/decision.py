"""The head of a release record: how it reads, whether it is official, why it no longer stands, and the models."""

from __future__ import annotations

from dataclasses import fields

import streamlit as st

from dashboard.client import Row
from dashboard.components.formatting import DASH, moment, plain
from dashboard.components.tables import sentences
from dashboard.verdicts.wording import DECISIONS, UNOFFICIAL_ICON, title_of
from fairtrial.domain.estimates import Estimate
from fairtrial.domain.verdicts.verdict import Odds
from fairtrial.domain.verdicts.verdict_wording import titled
from fairtrial.domain.wording import counted

NO_MODEL, NO_FINGERPRINT = "not recorded", "none sent"
HELP = "A server that sends no fingerprint can change its weights without being noticed."


def draw_decision(record: Row) -> None:
    """Draw the decision as it reads now, and everything that limits it."""
    verdict = record["verdict"]
    st.title(plain(title_of(record)))
    st.markdown(f"**{plain(verdict['candidate'])}** against **{plain(verdict['baseline'])}**")
    _standing(record)
    for reason in record["stale"]:
        st.warning(f"**No longer stands:** {plain(reason)}", icon=":material/update_disabled:")
    for conflict in verdict.get("conflicts", ()):
        st.warning(f"**Conflict:** {plain(conflict)}", icon=":material/call_split:")
    st.markdown(plain(titled(verdict["headline"], official=record["official"])))
    judged = verdict["candidates_judged"]
    many = f" · {counted(judged, 'candidate')} judged by this gate so far" if judged else ""
    st.caption(f"Gate {plain(verdict['gate'])} · judged {moment(verdict['at_us'])}{many}")
    if verdict.get("odds"):
        st.caption(plain(f"By this gate, {_odds(verdict['odds'])}."))


def draw_models(record: Row) -> None:
    """Draw what candidate and baseline are: the model string and the fingerprint, not only a name."""
    verdict = record["verdict"]
    provenance = verdict.get("provenance")
    if provenance is None:
        return
    rows = [_model(provenance, role, verdict[role]) for role in ("candidate", "baseline")]
    sentences(rows, title="models")
    if any(NO_FINGERPRINT in row["fingerprint of the weights"] for row in rows):
        st.caption(HELP)


def _standing(record: Row) -> None:
    decision = record["verdict"]["decision"]
    with st.container(horizontal=True, vertical_alignment="center"):
        if record["official"]:
            st.badge("OFFICIAL", icon=":material/verified:", color="green" if decision == "SHIP" else "gray")
            st.markdown("Judged by the gate that the project declares for releases.")
        else:
            _, _, why = str(record["standing"]).partition(": ")
            st.badge("UNOFFICIAL", icon=UNOFFICIAL_ICON, color="gray")
            st.markdown(f"It can't release anything: {plain(why)}.")
    if decision != "SHIP":
        st.markdown(f"{decision} means: {DECISIONS[decision][2]}.")


def _model(provenance: Row, role: str, target: str) -> dict[str, str]:
    runs = [run for run in provenance["runs"] if run["target"] == target]
    models = dict.fromkeys(run["model"] or NO_MODEL for run in runs)
    weights = dict.fromkeys(run["fingerprint"] or NO_FINGERPRINT for run in runs)
    return {
        "role": role,
        "name": target,
        "model string": ", ".join(models) or DASH,
        "fingerprint of the weights": ", ".join(weights) or DASH,
    }


def _odds(row: Row) -> Odds:
    share = {field.name: row["discordance"][field.name] for field in fields(Estimate)}
    return Odds(**{**row, "discordance": Estimate(**share)})
