"""Reads the entries of ``probes``: which families each one names, how many cases, and with which options."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evaluators.loading.probe_file import read_probe_file
from evaluators.loading.scorers import WrongEntry, member_of
from evaluators.loading.suite_file import SuiteReading
from evaluators.probes.probe import OWN_ROWS, Probe, Source
from fairtrial.domain.registry import Registry, near

PROBES = Registry(
    "evaluators.probes.families", "probes", noun="family of probes", kind=Probe, name_of=lambda probe: probe.name
)
FAMILY, FILE, BUILT_IN_SEEDS, EVERY = "family", "file", "builtin", "all"
OF_EVERY_ENTRY = {
    "n": "How many cases of each family at most; 50 by default, and all rows for changed copies.",
    "seed": "The seed of the draws; 0 by default.",
    "column": "The column with the text that is asked, if the prompt names several; `input` by default.",
}
USUAL_COUNT, MOST_CASES = 50, 10_000


@dataclass(frozen=True, slots=True)
class ProbeUse:
    """One family that a suite uses; ``at``: the index of its entry; ``named``: not only as one of all.

    ``source`` is without the suite's own rows; ``column``: as the entry names it.
    """

    at: int
    probe: Probe
    source: Source
    column: str | None
    named: bool = True


def read_probes(reading: SuiteReading) -> list[ProbeUse]:
    """The families of all entries; errors go to the reading."""
    uses: list[ProbeUse] = []
    for at, entry in enumerate(reading.model.probes):
        try:
            probe_uses = _uses(reading, at, entry)
        except WrongEntry as error:
            reading.wrong(("probes", at, *error.at), error.wrong, error.known)
            continue
        for use in probe_uses:
            if use.probe.name in {earlier.probe.name for earlier in uses}:
                reading.wrong(("probes", at), f"the family {use.probe.name!r} is used twice", "name each family once")
            else:
                uses.append(use)
    return uses


def _uses(reading: SuiteReading, at: int, entry: Any) -> list[ProbeUse]:
    if not isinstance(entry, Mapping):
        raise WrongEntry("an entry must be a mapping", known="such as: keep answer under: [typos, case]")
    phrases = _phrases()
    key = _key(entry, phrases)
    probes: list[Probe] = []
    options: dict[str, Any] = {}
    if key != FILE:
        probes, options = _chosen(key, entry[key], phrases)
    elif (own := _own_family(reading, at, entry[FILE])) is not None:
        probes = [own]
    options |= {name: value for name, value in entry.items() if name not in (key, *OF_EVERY_ENTRY)}
    if probes:
        _check_options(probes, options)
    count, seed, column = _whole(entry, "n", least=1), _whole(entry, "seed", least=0), entry.get("column")
    if column is not None and not isinstance(column, str):
        raise WrongEntry("must be the name of a column", at=("column",))
    files = {name: _file(reading, at, key, value) for name, value in options.items() if _names_file(probes, name)}
    plain = {name: value for name, value in options.items() if not _names_file(probes, name)}
    return [
        ProbeUse(
            at,
            probe,
            Source(
                seed or 0,
                count or (MOST_CASES if probe.kind in OWN_ROWS else USUAL_COUNT),
                options={name: value for name, value in plain.items() if name in probe.options},
                files={name: rows for name, rows in files.items() if rows and name in probe.files},
            ),
            column,
            named=entry[key] != EVERY,
        )
        for probe in probes
    ]


def _key(entry: Mapping[str, Any], phrases: Mapping[str, list[Probe]]) -> str:
    """The key that names the families."""
    named = [key for key in entry if key in (FAMILY, FILE) or key in phrases]
    if len(named) == 1:
        return str(named[0])
    strange = next((str(key) for key in entry if key not in (*phrases, FAMILY, FILE, *OF_EVERY_ENTRY)), "")
    wrong = f"unknown probe {strange!r}" if strange and not named else "an entry names exactly one probe"
    raise WrongEntry(wrong, known=near(strange, [FAMILY, FILE, *phrases]))


def _own_family(reading: SuiteReading, at: int, name: Any) -> Probe | None:
    if not isinstance(name, str):
        raise WrongEntry("must be the name of a file", at=(FILE,))
    own = read_probe_file(reading, name, ("probes", at, FILE))
    if own is not None and own.name in PROBES.names():
        raise WrongEntry(f"the family {own.name!r} of this file has the name of a built-in family", at=(FILE,))
    return own


def _phrases() -> dict[str, list[Probe]]:
    """Each phrase with its families."""
    probes: dict[str, list[Probe]] = {}
    for _, probe in PROBES:
        if probe.phrase:
            probes.setdefault(probe.phrase, []).append(probe)
    return probes


def _chosen(key: str, value: Any, phrases: Mapping[str, list[Probe]]) -> tuple[list[Probe], dict[str, Any]]:
    """The families, and the options inside the value."""
    if key == FAMILY:
        return [member_of(PROBES, name, key) for name in _names(value, key)], {}
    known = phrases[key]
    if all(probe.kind in OWN_ROWS for probe in known):
        if value == EVERY:
            return known, {}
        names = _names(value, key)
        for name in names:
            if name not in {probe.name for probe in known}:
                raise WrongEntry(f"{name!r} is not known", known=near(name, [probe.name for probe in known]), at=(key,))
        return [member_of(PROBES, name, key) for name in names], {}
    if isinstance(value, Mapping):
        return known, dict(value)
    if value == BUILT_IN_SEEDS:
        return known, {}
    with_file = [probe for probe in known if probe.short]
    if not isinstance(value, str) or not with_file:
        raise WrongEntry("must be a file of rows or 'builtin'", at=(key,))
    return with_file[:1], {with_file[0].short: value}


def _names(value: Any, key: str) -> list[str]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise WrongEntry("must be the name of a family or a list of names", at=(key,))
    return names


def _check_options(probes: list[Probe], options: Mapping[str, Any]) -> None:
    known = [option for probe in probes for option in probe.options]
    for option in options:
        if option not in known:
            names = " and ".join(probe.name for probe in probes)
            wrong = f"{names} {'has' if len(probes) == 1 else 'have'} no option {option!r}"
            raise WrongEntry(wrong, known=near(str(option), [*known, *OF_EVERY_ENTRY]), at=(str(option),))


def _whole(entry: Mapping[str, Any], key: str, *, least: int) -> int | None:
    value = entry.get(key)
    if value is None:
        return None
    if type(value) is not int or not least <= value <= (MOST_CASES if key == "n" else 2**63):
        raise WrongEntry(
            f"must be a whole number from {least}" + (f" to {MOST_CASES:,}" if key == "n" else ""), at=(key,)
        )
    return value


def _names_file(probes: list[Probe], option: str) -> bool:
    return any(option in probe.files for probe in probes)


def _file(reading: SuiteReading, at: int, key: str, name: Any) -> tuple[Mapping[str, Any], ...]:
    if name == BUILT_IN_SEEDS:
        return ()
    if not isinstance(name, str):
        raise WrongEntry("must be a file of rows or 'builtin'", at=(key,))
    return tuple(row.columns for row in reading.rows_of(name, ("probes", at, key)))
