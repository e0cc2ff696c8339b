"""Draws the entries of the audit trail, each as a sentence with the reason, a link and the raw entry."""

from collections.abc import Callable, Mapping, Sequence

import streamlit as st
from msgspec import DecodeError, to_builtins
from msgspec.json import decode

from dashboard.components.formatting import plain, second_of
from dashboard.components.query_params import link
from dashboard.published_plans import LATER
from fairtrial.api.events import EventDetails, EventRow
from fairtrial.api.plans import Publication
from fairtrial.domain.limits.canonical_json import json_object

SHORT = 12
"""The shown digits of an id or a hash."""

GROUPS: Mapping[str, str] = {
    "account.": "accounts and roles",
    "alarm.": "alarms",
    "analysis.": "analysis plans",
    "data.": "audits of training data",
    "experiment.": "experiments",
    "key.": "API keys",
    "link.": "one-time links",
    "look.": "looks at live traffic",
    "model.": "comparisons of models",
    "plan.": "published configurations",
    "review.": "blind reviews",
    "run.": "runs that are kept",
    "shadow.": "shadows",
    "sign_in.": "sign-ins",
    "store.": "backups, retention and erasure",
    "verdict.": "verdicts and releases",
}
"""The beginnings of actions, for the filter."""

EXPERIMENT: Mapping[str, str] = {
    "start": "started the experiment",
    "approve": "approved the next stage of the experiment",
    "stage": "raised the stage of the experiment",
    "amend": "amended the plan of the experiment",
    "pause": "paused the experiment",
    "resume": "continued the experiment",
    "kill": "stopped the experiment",
    "kill_file": "wrote a kill file of the experiment, which did not run",
    "rearm": "started the experiment again",
    "end": "ended the experiment",
    "promote": "promoted a variant of the experiment",
    "rollback": "rolled back the experiment",
    "withdraw": "withdrew what earlier attempts of the experiment had proven",
    "archive": "archived the experiment",
}

SENTENCES: Mapping[str, Callable[[str, EventDetails], str]] = {
    "account.invite": lambda name, _: f"invited {name}",
    "account.accept": lambda _, __: "accepted the invitation",
    "account.reset": lambda name, _: f"made a new sign-in link for {name}",
    "account.disable": lambda name, _: f"disabled the account {name}",
    "account.role": lambda name, more: f"changed the role of {name} from {more.before} to {more.after}",
    "alarm.acknowledge": lambda name, _: f"acknowledged an alarm about {name}",
    "alarm.close": lambda name, _: f"closed an alarm about {name}",
    "alarm.open": lambda name, _: f"raised an alarm about {name}",
    "alarm.text": lambda name, _: f"updated the text of an alarm about {name}",
    "analysis.amend": lambda name, _: f"stored the amended analysis plan of {name}",
    "analysis.levels": lambda name, _: f"stored the analysis plan of {name} with measured levels",
    "analysis.start": lambda name, _: f"froze the analysis plan of {name}",
    "data.audit": lambda _, more: (
        f"audited the training data of {more.deployment or 'no deployment'}: {'clean' if more.clean else 'not clean'}"
    ),
    "data.copy": lambda _, more: f"took a fixed copy of the training data {more.file}",
    "key.create": lambda name, _: f"created the API key {name}",
    "key.revoke": lambda name, _: f"revoked the API key {name}",
    "link.create": lambda _, __: "made a one-time sign-in link",
    "link.use": lambda _, __: "signed in by a one-time link",
    "look.store": lambda name, more: f"stored look {more.stored.row if more.stored else '?'} of {name}",
    "model.asked": lambda name, _: f"asked whether {name} answers as its base",
    "model.changed": lambda name, _: f"found that another model answers as {name}",
    "model.compared": lambda name, _: f"compared what {name} serves with a file of its training",
    "shadow.start": lambda route, _: f"started a shadow of {route}",
    "shadow.stop": lambda route, _: f"ended the shadow of {route}",
    "plan.publish": lambda name, _: f"published the configuration {name}",
    "plan.record": lambda name, _: f"recorded the configuration {name} again in the history",
    "plan.refuse": lambda _, __: "refused a changed configuration; the last valid one stays in force",
    "review.enqueue": lambda name, more: f"created the review queue {name} with {more.items} pairs",
    "review.close": lambda name, _: f"closed the review queue {name}",
    "sign_in.burst": lambda name, _: f"stopped further attempts to sign in as {name}",
    "store.backup": lambda name, _: f"made the backup {name}",
    "store.restore": lambda name, _: f"restored the store from the backup {name}",
    "store.new": lambda _, more: f"began an empty store in place of a lost one ({more.why or '?'})",
    "store.older": lambda _, __: "found that the store is new or an older copy",
    "store.adopt": lambda name, _: f"adopted the published states of experiments, for the configuration {name}",
    "store.erase": lambda name, _: f"erased the unit with the hash {name}",
    "store.retain": lambda name, _: f"deleted texts that were older than {name}",
    "run.keep": lambda name, _: f"kept the run {name[:SHORT]} as a baseline",
    "verdict.save": lambda name, more: f"judged {more.candidate or '?'} by the gate {name}: {more.decision}",
    "verdict.approve": lambda name, more: f"approved the verdict on {more.candidate or name}",
    "verdict.reject": lambda name, more: f"rejected the verdict on {more.candidate or name}",
}


def sentence_of(row: EventRow) -> str:
    """Who did what to what, in one sentence without markup. An unknown action is written with its own words."""
    return f"{actor_of(row.actor)} {_deed(row)}."


def actor_of(actor: str) -> str:
    """The actor in words: a person's name, a key, or a program of this machine."""
    kind, _, name = actor.partition(" ")
    if kind == "account" and name:
        return name
    if kind == "key" and name:
        return f"The key {name}"
    if kind == "local" and name:
        return f"The {actor}"
    return {"control": "Control", "cli": "The command line", "command line": "The command line"}.get(actor, actor)


def details_of(row: EventRow) -> EventDetails:
    """The details of an entry; empty if an earlier or later version wrote something else."""
    try:
        return decode(row.details, type=EventDetails)
    except DecodeError:
        return EventDetails()


def reason_of(row: EventRow) -> str | None:
    """Why it was done: the reason that was given, or why a configuration was refused."""
    if row.action == "plan.refuse":
        return row.subject
    return details_of(row).why or None


def short(subject: str) -> str:
    """The first characters of an id; names with blanks are kept."""
    return subject if " " in subject or len(subject) <= 2 * SHORT else subject[:SHORT]


def words_of(action: str) -> str:
    """An action or a group of actions in words."""
    return GROUPS.get(action, action.replace("_", " ").replace(".", " ").strip())


def _deed(row: EventRow) -> str:
    action, details = row.action, details_of(row)
    name = row.subject_name or short(row.subject)
    group, _, verb = action.partition(".")
    if group == "experiment" and verb in EXPERIMENT:
        return _experiment(verb, row.subject, details)
    known = SENTENCES.get(action)
    return known(name, details) if known else f"recorded “{words_of(action)}” for {name}"


def _experiment(verb: str, name: str, details: EventDetails) -> str:
    at = "" if details.stage is None else f" {'to' if verb == 'stage' else 'at'} {details.stage:g} % of the units"
    before, after = details.before, details.after
    moved = f" ({before} → {after})" if before and after and before != after else ""
    variant = f" ({details.variant})" if details.variant else ""
    return f"{EXPERIMENT[verb]} {name}{variant}{at}{moved}"


def render_entries(rows: Sequence[EventRow], publications: Sequence[Publication]) -> None:
    """Draw one entry below the other. ``publications``: of plans, which say who changed an experiment."""
    for row in rows:
        with st.container(border=True):
            _entry(row, publications)


def _entry(row: EventRow, publications: Sequence[Publication]) -> None:
    reason = reason_of(row) or _cause(row, publications)
    why = f"  \nWhy: {plain(reason)}" if reason else ""
    st.markdown(f"**{plain(sentence_of(row))}**{why}")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{second_of(row.at_time)} · entry {row.number}")
        _link(row, publications)
        with st.popover("Raw entry", type="tertiary"):
            st.json({**to_builtins(row), "details": json_object(row.details) or {}}, expanded=True)


def _cause(row: EventRow, publications: Sequence[Publication]) -> str | None:
    """What made control publish a plan."""
    publication = _publication(row, publications)
    if publication is None:
        return None
    if publication.actor is None:
        return "The project file changed"
    return f"{actor_of(publication.actor)} changed the state of an experiment"


def _publication(row: EventRow, publications: Sequence[Publication]) -> Publication | None:
    """The publication that an entry records; a plan that came back has several."""
    if row.action != "plan.publish":
        return None
    same = [publication for publication in publications if publication.plan_hash == row.subject]
    return min(same, key=lambda candidate: abs((candidate.at_time - row.at_time).total_seconds()), default=None)


def _link(row: EventRow, publications: Sequence[Publication]) -> None:
    """A link to the page of what the entry concerns."""
    group, subject = row.action.partition(".")[0], row.subject
    published = _publication(row, publications)
    if published is not None:
        link("What changed", "plan-history", icon=":material/difference:", **{LATER: str(published.number)})
        return
    pages: Mapping[str, tuple[str, str, dict[str, str]]] = {
        "data": ("The audit", "data-audit", {"audit": subject}),
        "analysis": ("The experiment", "experiment", {"experiment": subject}),
        "look": ("The experiment", "experiment", {"experiment": subject}),
        "experiment": ("The experiment", "experiment", {"experiment": subject}),
        "verdict": ("The verdict", "gate", {"verdict": subject}),
    }
    if group in pages:
        label, page, query = pages[group]
        link(label, page, icon=":material/open_in_new:", **query)
