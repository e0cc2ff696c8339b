"""Expands the probes of a suite to ordinary cases and entries of ``score``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from evaluators.loading.cases import CaseOfRow, CaseRecipe, make_cases
from evaluators.loading.probe_entries import ProbeUse
from evaluators.loading.rows import MOST_ROWS, FileRow
from evaluators.loading.scorers import BuiltScorer
from evaluators.loading.suite_file import SuiteReading, shortened
from evaluators.loading.template import PLACE
from evaluators.probes.probe import ORIGINAL, OWN_ROWS, Source
from evaluators.suite import FAMILY_TAG, KIND_TAG, OWN
from fairtrial.domain.run import MANY, Case

TAGS = (FAMILY_TAG, "technique", "severity", KIND_TAG)
"""The tags of every probe case."""


def with_probes(
    reading: SuiteReading, own: Sequence[CaseOfRow], recipe: CaseRecipe, uses: Sequence[ProbeUse]
) -> list[CaseOfRow]:
    """The suite's own cases, if anything measures them, and the cases of its families; errors go to the reading."""
    tags = {**recipe.tags, **{tag: tag for tag in TAGS}}
    made: list[FileRow] = []
    for use in uses:
        rows = _rows(reading, use, _source(use, own, recipe))
        made += [_row(reading, use, row) for row in rows[: use.source.count]]
        if len(made) > MOST_ROWS:
            reading.wrong(("probes", use.at), f"the probes make more than {MOST_ROWS:,} cases", "lower 'n'")
            return list(own)
    cases, wrong = make_cases(made, replace(recipe, tags=tags))
    reading.errors += shortened(wrong)
    if not _asks_own(reading, uses):
        return _clustered(cases, own)
    copied = {case.case.fields.get(ORIGINAL) for case in cases}
    return [
        *(_own(case_of_row, copied=case_of_row.case.case_id in copied) for case_of_row in own),
        *_clustered(cases, own),
    ]


def _rows(reading: SuiteReading, use: ProbeUse, source: Source) -> list[dict[str, Any]]:
    try:
        rows = use.probe.rows(source)
    except ValueError as error:
        reading.wrong(("probes", use.at), f"{use.probe.name}: {error}", "see the options of the family")
        return []
    if not rows and use.named:
        needs = "it changes rows of 'data'" if use.probe.kind in OWN_ROWS else ""
        reading.wrong(("probes", use.at), f"the family {use.probe.name!r} makes no case from these rows", needs)
    return rows


@dataclass(slots=True)
class _Shared:
    """One scorer of families, with the families that it measures."""

    use: ProbeUse
    kind: str
    options: Mapping[str, Any]
    families: list[str] = field(default_factory=list)

    @property
    def tag(self) -> str:
        """The value of the tag ``family``, which is any of the families."""
        return MANY.join(self.families)


def limited(built: BuiltScorer) -> BuiltScorer:
    """A scorer of the suite, limited to its own cases and their invariant copies, unless it names a family itself.

    A directional copy asks something else, so the reference of its original may be wrong.
    """
    if {FAMILY_TAG, KIND_TAG} & set(built.when):
        return built
    return replace(built, when={**built.when, KIND_TAG: MANY.join((OWN, "invariance"))})


def family_entries(reading: SuiteReading, uses: Sequence[ProbeUse]) -> list[tuple[int, dict[str, Any]]]:
    """The entries of ``score`` that measure the families, each with the index of its probe."""
    return [
        (
            entry.use.at,
            {entry.kind: {**entry.options, "when": {**entry.options.get("when", {}), FAMILY_TAG: entry.tag}}},
        )
        for entry in _shared(reading, uses)
    ]


def _shared(reading: SuiteReading, uses: Sequence[ProbeUse]) -> list[_Shared]:
    entries: dict[str, _Shared] = {}
    for use in uses:
        for entry in use.probe.score:
            kind, options = next(iter(entry.items()))
            name = str(options.get("name", kind))
            shared_entry = entries.setdefault(name, _Shared(use, kind, options))
            if (shared_entry.kind, shared_entry.options) != (kind, options):
                first_family = shared_entry.families[0]
                reading.wrong(
                    ("probes", use.at), f"its scorer {name!r} differs from that of {first_family!r}", "rename one"
                )
            shared_entry.families.append(use.probe.name)
    return list(entries.values())


def _source(use: ProbeUse, own: Sequence[CaseOfRow], recipe: CaseRecipe) -> Source:
    rows = tuple(_flat(row, recipe) for row in own)
    return replace(use.source, rows=rows, column=use.column or _column(recipe, rows))


def _flat(row: CaseOfRow, recipe: CaseRecipe) -> dict[str, Any]:
    """The row as families read it: its columns, id and reference, and its own messages if it has them."""
    flat = {**row.case.fields, "id": row.case.case_id}
    if row.case.expected is not None:
        flat["expected"] = row.case.expected
    chat = row.row.columns.get("messages")
    if chat and not recipe.messages:
        flat["messages"] = chat[:-1] if chat[-1]["role"] == "assistant" else chat
    return flat


def _column(recipe: CaseRecipe, rows: Sequence[Mapping[str, Any]]) -> str:
    """The only column of text that the prompt names, or ``input``."""
    named = {match[2] or match[3] for message in recipe.messages for match in PLACE.finditer(message["content"])} - {
        None
    }
    columns = {name for name in named if rows and isinstance(rows[0].get(name), str)}
    return columns.pop() if len(columns) == 1 and "input" not in columns else "input"


def _asks_own(reading: SuiteReading, uses: Sequence[ProbeUse]) -> bool:
    """Whether the run needs the suite's own cases: a scorer measures them, or compares a changed copy with them."""
    return any(map(_measures_own, reading.model.score)) or any(use.probe.kind in OWN_ROWS for use in uses)


def _measures_own(entry: Any) -> bool:
    """Whether an entry of ``score`` measures other cases than those of a family that it names."""
    options = next(iter(entry.values()), None) if isinstance(entry, Mapping) else None
    when = options.get("when") if isinstance(options, Mapping) else None
    return not isinstance(when, Mapping) or FAMILY_TAG not in when


def _row(reading: SuiteReading, use: ProbeUse, row: Mapping[str, Any]) -> FileRow:
    line = reading.document.line_of(("probes", use.at))
    return FileRow(str(reading.source.path), line, {**row, KIND_TAG: use.probe.kind})


def _own(row: CaseOfRow, *, copied: bool) -> CaseOfRow:
    case = row.case
    cluster = case.cluster or (case.case_id if copied else None)
    return replace(row, case=replace(case, tags={**case.tags, KIND_TAG: OWN}, cluster=cluster))


def _clustered(cases: Sequence[CaseOfRow], own: Sequence[CaseOfRow]) -> list[CaseOfRow]:
    """The cases in clusters: a changed copy in that of its original, the cases of one seed together."""
    clusters = {row.case.case_id: row.case.cluster or row.case.case_id for row in own}
    return [replace(case, case=replace(case.case, cluster=_cluster(case.case, clusters))) for case in cases]


def _cluster(case: Case, clusters: Mapping[str, str]) -> str | None:
    original = case.fields.get(ORIGINAL)
    if original is not None:
        return clusters.get(str(original), str(original))
    seed = case.fields.get("seed_id")
    return case.cluster if seed is None else f"seed {seed}"
