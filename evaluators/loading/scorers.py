"""Builds the scorers of a suite from its `score` list, with the options that all have, and locates each error."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from evaluators.loading.template import UnknownName, fill_options
from evaluators.scoring.scorer import (
    ChecksCases,
    Compared,
    NamedText,
    OffFormat,
    Scorer,
    ScorerType,
    ScoresPairs,
    ShowsComparison,
    Stat,
    WaitsForProcess,
    WarnsAboutSuite,
    read_flag,
    read_word,
    references_of,
)
from fairtrial.domain.answers.signals import SIGNALS
from fairtrial.domain.errors import UsageError
from fairtrial.domain.limits.linear_regex import compile_regex
from fairtrial.domain.registry import Registry, near
from fairtrial.domain.run import Answer, Case, Score
from fairtrial.safe_files import FileRefused

MODIFIERS = {
    "reference": "The column with the reference, if it is not `expected`, so that several entries of one suite can "
    "compare with different columns.",
    "extract": "A regular expression (RE2). Only its first group, or all that it matches, is scored; an answer without "
    "a match is off format. The last match counts.",
    "negate": "`yes` turns right into wrong for a scorer whose main stat is a proportion. Off format stays wrong.",
    "pass": "The value of the main stat from which a case passes. It adds the main stat `pass`, a proportion.",
}
"""Their names and meanings."""
PASS = "pass"  # noqa: S105 - the name of a stat
SCORERS = Registry("evaluators.scoring.metrics", "scorer", noun="scorer", kind=ScorerType)
OF_EVERY_SCORER = ("name", "when", *MODIFIERS)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ModifiedScorer:
    """A scorer with some of the options that every scorer has.

    ``reference``: a column; ``extract``: a pattern; ``least``: the passing value.
    """

    inner: Scorer
    reference: str | None
    extract: str | None
    negate: bool
    least: float | None

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def version(self) -> str:
        reference = "" if self.reference is None else f" reference:{self.reference}"
        extract = "" if self.extract is None else f" extract:{self.extract}"
        negate = " negate:yes" if self.negate else ""
        return (
            self.inner.version + reference + extract + negate + ("" if self.least is None else f" pass:{self.least:g}")
        )

    @property
    def stats(self) -> Sequence[Stat]:
        stats = [self.inner.stats[0]] if self.negate else list(self.inner.stats)
        return stats if self.least is None else [Stat(PASS, "proportion"), *stats]

    def case_problem(self, case: Case) -> str | None:
        return self.inner.case_problem(self._referring(case)) if isinstance(self.inner, ChecksCases) else None

    def suite_warning(self, cases: Sequence[Case]) -> str | None:
        if not isinstance(self.inner, WarnsAboutSuite):
            return None
        return self.inner.suite_warning([self._referring(case) for case in cases])

    @property
    def waits(self) -> bool:
        return isinstance(self.inner, WaitsForProcess) and self.inner.waits

    def normalised(self, case: Case, answer: Answer) -> Compared:
        text = self._extracted(answer)
        extracted = replace(answer, text=text or "")
        if not isinstance(self.inner, ShowsComparison):
            return Compared(
                text or "", references_of(case.expected), f"{self.inner.name} does not show what it compares"
            )
        compared = self.inner.normalised(case, extracted)
        why = compared.why + (", and 'negate' turns right into wrong" if self.negate else "")
        return replace(compared, why=why if self.least is None else f"{why}; it passes from {self.least:g}")

    def _extracted(self, answer: Answer) -> str | None:
        return answer.text if self.extract is None else compile_regex(self.extract).last(answer.text or "")

    def score(self, case: Case, answer: Answer) -> Score:
        text = self._extracted(answer)
        missing = text is None and self.extract is not None
        try:
            score = self.inner.score(self._referring(case), replace(answer, text="" if missing else text))
        except OffFormat as error:
            raise OffFormat(str(error), self._wrong(error.score)) from error
        if missing:
            worst = {stat.name: 0.0 if stat.higher_is_better else stat.scale for stat in self.inner.stats}
            values = {name: value if value is None else worst.get(name, value) for name, value in score.values.items()}
            raise OffFormat("nothing in the answer matches 'extract'", self._wrong(replace(score, values=values)))
        return self._passed(self._negated(score))

    def _referring(self, case: Case) -> Case:
        """The case with the reference of the column."""
        return case if self.reference is None else replace(case, expected=case.fields.get(self.reference))

    def _negated(self, score: Score) -> Score:
        main = self.inner.stats[0].name
        value = score.values.get(main)
        return replace(score, values={main: None if value is None else 1 - value}) if self.negate else score

    def _wrong(self, score: Score) -> Score:
        """The score of an answer without the required form, which no modifier makes right."""
        values = {self.inner.stats[0].name: 0.0} if self.negate else score.values
        return replace(score, values=values if self.least is None else {PASS: 0.0, **values})

    def _passed(self, score: Score) -> Score:
        if self.least is None:
            return score
        main = self.inner.stats[0]
        value = score.values.get(main.name)
        sign = 1 if main.higher_is_better else -1
        passed = None if value is None else float(sign * value >= sign * self.least)
        return replace(score, values={PASS: passed, **score.values})


def modified(scorer: Scorer, options: Mapping[str, Any]) -> Scorer:
    """The scorer with these options of every scorer; raises `ValueError`."""
    if not options:
        return scorer
    main, least = scorer.stats[0], options.get("pass")
    reference, extract = read_word(options, "reference"), read_word(options, "extract")
    if isinstance(scorer, ScoresPairs):
        raise ValueError(f"{next(iter(options))}: a scorer of changed copies has no such option")
    if extract is not None:
        try:
            compile_regex(extract)
        except ValueError as error:
            raise ValueError(f"extract: {error}") from error
    negate = read_flag(options, "negate", default=False)
    if negate and (main.kind != "proportion" or not main.higher_is_better):
        raise ValueError(f"negate: the main stat {main.name!r} is not a share of right answers")
    if least is not None:
        if isinstance(least, bool) or not isinstance(least, int | float) or not 0 <= least <= main.scale:
            raise ValueError(f"pass: {least!r} is not a number from 0 to {main.scale:g}")
        if main.kind == "corpus":
            raise ValueError(f"pass: the main stat {main.name!r} has no value of each case")
    return ModifiedScorer(scorer, reference, extract, negate, least)


class WrongEntry(Exception):
    """An entry of ``score`` or ``probes`` is invalid: ``at`` is the path below it, the message is the reason."""

    def __init__(self, wrong: str, *, known: str = "", at: Sequence[str | int] = ()) -> None:
        super().__init__(wrong)
        self.wrong = wrong
        self.known = known
        self.at = tuple(at)


@dataclass(frozen=True, slots=True)
class BuiltScorer:
    """One scorer, the tags that a case needs to be scored by it, and its entry: place, key and options."""

    scorer: Scorer
    when: Mapping[str, str]
    kind: str
    place: tuple[str | int, ...]
    options: Mapping[str, Any]


def no_file(_: str) -> str:
    """The reader for scorers that are not built from a suite's file."""
    raise FileRefused("files cannot be used here")


def build_entry(
    entry: Any, *, variables: Mapping[str, Any], read: Callable[[str], str] = no_file, place: tuple[str | int, ...] = ()
) -> BuiltScorer:
    """Build the scorer of one entry (``name`` or ``{name: options}``); raises `WrongEntry`.

    ``read`` returns the text of the file that the option ``file`` names, or raises `FileRefused`.
    """
    kind, raw = _halves(entry)
    member = member_of(SCORERS, kind.replace("_", "-"), kind)
    try:
        options = fill_options(_as_options(raw, member, kind), variables)
    except UnknownName as error:
        known = "known: " + (", ".join(variables) or "none")
        raise WrongEntry(f"${error} is not one of 'vars'", known=known, at=(kind,)) from error
    except ValueError as error:
        raise WrongEntry(str(error), at=(kind,)) from error
    name = options.pop("name", kind.replace("-", "_"))
    when = options.pop("when", {})
    modifiers = {option: options.pop(option) for option in MODIFIERS if option in options}
    _check_common(kind, name, when)
    _check_options(kind, options, member)
    written = {**options, **modifiers}
    try:
        if isinstance(options.get("file"), str):
            options["file"] = _named(options["file"], read)
        if member.members is not None and member.members in options:
            options[member.members] = _members(options[member.members], kind, member.members, variables)
        scorer = modified(member.build(options, name), modifiers)
        return BuiltScorer(scorer, {tag: str(value) for tag, value in when.items()}, kind, place, written)
    except ValueError as error:
        option, _, rest = str(error).partition(": ")
        inside = option in {**options, **modifiers} and isinstance(raw, Mapping)
        raise WrongEntry(rest if inside else str(error), at=(kind, option) if inside else (kind,)) from error


def _members(entries: Any, kind: str, option: str, variables: Mapping[str, Any]) -> list[Scorer]:
    if not isinstance(entries, list):
        raise ValueError(f"{option}: this must be a list of scorers")
    built = []
    for at, entry in enumerate(entries):
        try:
            built.append(build_entry(entry, variables=variables).scorer)
        except WrongEntry as error:
            raise WrongEntry(error.wrong, known=error.known, at=(kind, option, at, *error.at)) from error
    return built


def _named(name: str, read: Callable[[str], str]) -> NamedText:
    try:
        return NamedText(name, read(name))
    except FileRefused as error:
        raise ValueError(f"file: {name!r} {error}" + (f" ({error.known})" if error.known else "")) from error


def _halves(entry: Any) -> tuple[str, Any]:
    if isinstance(entry, str):
        return entry, None
    if isinstance(entry, Mapping) and len(entry) == 1:
        kind, raw = next(iter(entry.items()))
        return str(kind), raw
    raise WrongEntry(
        "an entry must be a scorer's name, or one name with its options", known="such as: label: {of: [a, b]}"
    )


def member_of(registry: Registry[T], name: str, key: str) -> T:
    """A member of a registry that an entry names at its key; raises `WrongEntry`."""
    try:
        return registry.get(name)
    except UsageError as error:
        wrong, _, known = str(error).partition(" (")
        raise WrongEntry(wrong, known=known.removesuffix(")"), at=(key,)) from error


def _as_options(raw: Any, member: ScorerType, kind: str) -> dict[str, Any]:
    if raw is None:
        return {}
    if isinstance(raw, Mapping):
        return dict(raw)
    if member.short is None:
        known = "options: " + ", ".join([*member.options, *OF_EVERY_SCORER])
        raise WrongEntry("this scorer does not accept a single value", known=known, at=(kind,))
    return {member.short: raw}


def _check_common(kind: str, name: Any, when: Any) -> None:
    if not isinstance(name, str) or not name.replace("_", "a").replace("-", "a").isalnum():
        raise WrongEntry(f"{name!r} is not a name (letters, digits, _ and -)", at=(kind, "name"))
    if name == SIGNALS:
        raise WrongEntry(f"{name!r} is reserved for signals, which every run measures", at=(kind, "name"))
    if not isinstance(when, Mapping) or any(isinstance(value, dict | list) for value in when.values()):
        raise WrongEntry("'when' maps tags to values", known="such as: {family: adversarial}", at=(kind, "when"))


def _check_options(kind: str, options: Mapping[str, Any], member: ScorerType) -> None:
    for option in options:
        if option not in member.options:
            known = near(option, [*member.options, *OF_EVERY_SCORER])
            raise WrongEntry(f"{kind!r} has no option {option!r}", known=known, at=(kind, option))
