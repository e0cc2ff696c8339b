"""Pairs the results of two files by their ids, or by their order where neither file has ids."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from evaluators.result_files.result import FileResult, ResultFile
from fairtrial.domain.run import Case
from fairtrial.domain.wording import counted

ADD = "add a column 'id' to both files, or name one: --map COLUMN=id"
BY_ORDER = "rows are paired by their order, because neither file has a column with ids (--map COLUMN=id names one)"
MOST_NAMED = 5
"""Ids that a sentence names."""
Results = Mapping[str, Sequence[FileResult]]


@dataclass(frozen=True, slots=True)
class PairedFiles:
    """The cases of both files, with the results of each by case: one for each repeat.

    ``notes``: sentences on cases of one file only, and on errors.
    """

    cases: tuple[Case, ...]
    old: Results
    new: Results
    notes: tuple[str, ...]


def pair_files(old: ResultFile, new: ResultFile, *, shared_only: bool) -> PairedFiles:
    """Both files by case. Raises `ConfigError` if they can't be paired, or share fewer than half of their cases.

    A case of one file only has no answer in the other one, unless ``shared_only`` leaves it out.
    """
    first, second = (_by_id(file) for file in _with_ids(old, new))
    shared = [name for name in first if name in second]
    most = max(len(first), len(second))
    if 2 * len(shared) < most:
        wrong = f"only {len(shared)} of {counted(most, 'id')} are in both files"
        new.refuse(1, wrong, f"ids there: {_names(first)}; here: {_names(second)}")
    for name in shared:
        theirs, ours = first[name][0].expected, second[name][0]
        if None not in (theirs, ours.expected) and theirs != ours.expected:
            wrong = f"the id {name!r} has another reference than in {old.path}"
            new.refuse(ours.line, wrong, "compare results of the same cases")
    asked = {name: {first[name][0].question, second[name][0].question} - {None} for name in shared}
    notes = _note([name for name in shared if len(asked[name]) > 1], f"with another question in {new.path}")
    notes += [BY_ORDER] if old.results[0].case_id is None else []
    for file, own, other in ((old, first, second), (new, second, first)):
        notes += _note([name for name in own if name not in other], f"only in {file.path}")
        failed = [name for name, repeats in own.items() if any(result.error for result in repeats)]
        notes += _note(failed, f"with an error in {file.path}")
    names = shared if shared_only else list(dict.fromkeys((*first, *second)))
    cases = tuple(_case(name, (first.get(name) or second[name])[0], second.get(name, ())) for name in names)
    return PairedFiles(cases, first, second, tuple(notes))


def _with_ids(old: ResultFile, new: ResultFile) -> Iterable[ResultFile]:
    """The files, whose results get their place as an id where neither has any."""
    named = [all(result.case_id is not None for result in file.results) for file in (old, new)]
    if all(named):
        return old, new
    if any(named):
        file, other = (new, old) if named[0] else (old, new)
        file.refuse(file.results[0].line, "the file has no column with ids", f"{other.path} has one")
    if len(old.results) != len(new.results):
        wrong = f"without ids the order counts, but there are {len(new.results)} rows here and {len(old.results)}"
        new.refuse(1, f"{wrong} in {old.path}", ADD)
    for theirs, ours in zip(old.results, new.results, strict=True):
        if ours.question is None:
            new.refuse(ours.line, "the row has neither an id nor a question", ADD)
        if ours.question != theirs.question:
            known = f"line {theirs.line} of {old.path}"
            new.refuse(ours.line, "without ids the order counts, but this row has another question", known)
    return (
        replace(file, results=tuple(replace(each, case_id=f"row {at}") for at, each in enumerate(file.results, 1)))
        for file in (old, new)
    )


def _by_id(file: ResultFile) -> dict[str, list[FileResult]]:
    results: dict[str, list[FileResult]] = {}
    for result in file.results:
        results.setdefault(str(result.case_id), []).append(result)
    return results


def _case(name: str, result: FileResult, others: Sequence[FileResult]) -> Case:
    """The case; what OLD lacks comes from NEW."""
    expected = result.expected if result.expected is not None else next((each.expected for each in others), None)
    question = result.question
    messages = () if question is None else ({"role": "user", "content": question},)
    tags = {**(others[0].tags if others else {}), **result.tags}
    return Case(name, messages, expected, tags, {"id": name, "expected": expected}, result.cluster)


def _note(names: Sequence[str], words: str) -> list[str]:
    """``3 cases only in new.jsonl: a, b, c``, or nothing."""
    return [f"{counted(len(names), 'case')} {words}: {_names(names)}"] if names else []


def _names(names: Iterable[str]) -> str:
    every = list(names)
    return ", ".join(every[:MOST_NAMED]) + (f" and {len(every) - MOST_NAMED} more" if len(every) > MOST_NAMED else "")
