"""Runs one suite on several targets: sends what is not cached, scores answers as they arrive, and can be resumed."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any

from evaluators.clusters import with_clusters
from evaluators.engine.answer_cache import AnswerCache, AnswerKey, open_cache
from evaluators.engine.client import ChatClient, TargetRefused
from evaluators.engine.controls import with_controls
from evaluators.engine.scoring import Scoring, metrics_of, score_copy, versions_of
from evaluators.engine.target import Target
from evaluators.probes.probe import ORIGINAL
from evaluators.suite import Suite
from fairtrial.domain.run import Answer, Case, CaseResult, Run

Place = tuple[int, Case, int]
"""One request of a suite: its index in the run, the case and the repeat."""

DEFAULT_CONCURRENCY = 8
TRIES_TO_LEARN = 3
"""How many requests may fail before the run continues without a fingerprint of the weights."""

CaseRepeat = tuple[str, int]
"""A case's id and the repeat; a copy is compared with the same repeat of its original."""


@dataclass(frozen=True, slots=True)
class CaseProgress:
    """The progress of a run: ``done`` of ``total`` answers, ``cached`` of them from disk, and ``errors`` failed."""

    suite: str
    target: str
    done: int
    total: int
    cached: int
    errors: int


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How to run: the number of concurrent requests, whether to ignore the cache, and callbacks."""

    concurrency: int = DEFAULT_CONCURRENCY
    fresh: bool = False
    on_progress: Callable[[CaseProgress], None] = lambda _: None
    on_result: Callable[[CaseResult], None] = lambda _: None


@dataclass(slots=True)
class _Running:
    """The state of one run; ``places`` are the remaining requests, and ``results`` arrive in any order."""

    suite: Suite
    target: Target
    options: EngineOptions
    client: ChatClient
    cache: AnswerCache
    scoring: Scoring
    copies: "ChangedCopies"
    places: Iterator[Place]
    results: dict[int, CaseResult] = field(default_factory=dict)
    fingerprint: str | None = None
    cached: int = 0
    errors: int = 0

    @property
    def total(self) -> int:
        return len(self.suite.cases) * self.suite.repeat

    def in_order(self) -> tuple[CaseResult, ...]:
        """All results in the order of the suite."""
        return tuple(self.results[index] for index in range(self.total))

    def key(self, case: Case, repeat: int) -> AnswerKey:
        return AnswerKey.of(case, self.suite.params, self.target.first_repeat + repeat)


async def run_suite(
    suite: Suite,
    targets: Sequence[Target],
    *,
    cache: Path,
    clock: Callable[[], int],
    new_id: Callable[[], str],
    options: EngineOptions | None = None,
) -> list[Run]:
    """Run every case and repeat on every target, interleaved; the results are in the suite's order.

    ``cache`` is the folder of answers; ``clock`` gives microseconds since 1970. If the runs are cancelled or killed,
    all received answers are cached, and the next runs continue from there. Raises `TargetRefused` if a target refuses
    all requests; any other failure of a target is an error of its case.
    """
    options = options or EngineOptions()
    started_us, scoring = clock(), Scoring(suite)
    async with AsyncExitStack() as stack:
        runs = [
            _Running(
                suite,
                target,
                options,
                await stack.enter_async_context(ChatClient(target, concurrency=options.concurrency)),
                stack.enter_context(closing(open_cache(suite, target, cache, started_us, fresh=options.fresh))),
                scoring,
                ChangedCopies(suite),
                _places(suite),
            )
            for target in targets
        ]
        await _together(_learn(running) for running in runs)
        pace = Pace(len(runs), options.concurrency)
        await _together(
            _worker(running, pace, at)
            for at, running in enumerate(runs)
            for _ in range(min(options.concurrency, running.total))
        )
        for running in runs:
            running.cache.end()
    ended_us = clock()
    controlled = [await asyncio.to_thread(with_controls, suite, running.in_order()) for running in runs]
    return [
        _run(running, results, new_id(), (started_us, ended_us))
        for running, results in zip(runs, controlled, strict=True)
    ]


async def _together(parts: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Await all; the first error cancels the others and is raised."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _learn(running: _Running) -> None:
    """Ask one case alone, because its answer identifies the weights that serve now: one without a cached answer."""
    cached = running.cache.contents()
    places = list(running.places)
    new = [place for place in places if running.key(place[1], place[2]).content not in cached] if cached else places
    for place in (new or places)[:TRIES_TO_LEARN]:
        index, case, repeat = place
        places.remove(place)
        first = await _ask(running, case, running.key(case, repeat))
        running.fingerprint = first.fingerprint
        await _finish(running, index, case, repeat, first)
        if first.error is None:
            break
    running.places = iter(places)


async def _worker(running: _Running, pace: "Pace", at: int) -> None:
    for index, case, repeat in running.places:
        await pace.start(at)
        key = running.key(case, repeat)
        answer = running.cache.find(key, running.fingerprint) or await _ask(running, case, key)
        await _finish(running, index, case, repeat, answer)
    pace.end(at)


async def _ask(running: _Running, case: Case, key: AnswerKey) -> Answer:
    """One live answer, cached; a refusal of all requests ends the run only before the first result."""
    try:
        answer = await running.client.ask(case, running.suite.params)
    except TargetRefused as error:
        if not running.results:
            raise
        answer = Answer(None, error=str(error))
    running.cache.put(key, answer)
    return answer


async def _finish(running: _Running, index: int, case: Case, repeat: int, answer: Answer) -> None:
    running.cached += answer.cached
    running.errors += answer.error is not None
    for at, result in running.copies.add(index, await running.scoring.score(case, repeat, answer)):
        running.results[at] = result
        running.options.on_result(result)
    running.options.on_progress(
        CaseProgress(
            running.suite.name,
            running.target.name,
            done=len(running.results),
            total=running.total,
            cached=running.cached,
            errors=running.errors,
        )
    )


def _places(suite: Suite) -> Iterator[Place]:
    """Every request of the suite with its index in the run; the repeats of a case are adjacent."""
    for at, case in enumerate(with_clusters(suite.cases)):
        for repeat in range(suite.repeat):
            yield at * suite.repeat + repeat, case, repeat


def _run(running: _Running, results: tuple[CaseResult, ...], run_id: str, times_us: tuple[int, int]) -> Run:
    """The run of these results; ``times_us``: when it started, and when its last answer came."""
    suite, target = running.suite, running.target
    return Run(
        run_id=run_id,
        suite=suite.name,
        suite_digest=suite.digest,
        target=target.name,
        deployment_digest=target.deployment_digest,
        fingerprint=_fingerprint(results),
        seed=suite.seed,
        repeat=suite.repeat,
        started_us=times_us[0],
        ended_us=times_us[1],
        results=results,
        metrics=metrics_of(suite, results),
        versions=versions_of(suite),
        plan_hash=target.plan_hash,
        model=target.declared_model,
    )


def _fingerprint(results: tuple[CaseResult, ...]) -> str | None:
    """The fingerprint of the weights; several, joined with +, if they changed; ``None`` if the upstream sends none."""
    met = sorted({result.answer.fingerprint for result in results if result.answer.fingerprint is not None})
    return "+".join(met) or None


class Pace:
    """Lets no run start a request more than ``window`` requests ahead of the slowest run."""

    def __init__(self, runs: int, window: int) -> None:
        self._started: list[float] = [0.0] * runs
        self._window = window
        self._waiting: list[asyncio.Future[None]] = []

    async def start(self, run: int) -> None:
        """Wait until this run may start its next request, and count it."""
        while self._started[run] - min(self._started) >= self._window:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            await turn
        self._move(run, self._started[run] + 1)

    def end(self, run: int) -> None:
        """Stop counting a run that has started its last request."""
        self._move(run, inf)

    def _move(self, run: int, place: float) -> None:
        slowest = min(self._started)
        self._started[run] = place
        if min(self._started) > slowest:
            waiting, self._waiting = self._waiting, []
            for turn in waiting:
                if not turn.done():
                    turn.set_result(None)


class ChangedCopies:
    """The changed copies of one run, in any order of arrival."""

    def __init__(self, suite: Suite) -> None:
        known = {case.case_id for case in suite.cases}
        self._suite = suite
        self._originals = {original for case in suite.cases if (original := case.fields.get(ORIGINAL)) in known}
        self._done: dict[CaseRepeat, CaseResult] = {}
        self._waiting: dict[CaseRepeat, list[tuple[int, CaseResult]]] = {}

    def add(self, index: int, result: CaseResult) -> list[tuple[int, CaseResult]]:
        """Add a result with its index in the run; returns all results that are complete now."""
        original = result.case.fields.get(ORIGINAL)
        if original in self._originals:
            place = (str(original), result.repeat)
            if place not in self._done:
                self._waiting.setdefault(place, []).append((index, result))
                return []
            return [(index, score_copy(self._suite, result, self._done[place]))]
        if result.case.case_id not in self._originals:
            return [(index, result)]
        place = (result.case.case_id, result.repeat)
        self._done[place] = result
        copies = self._waiting.pop(place, [])
        return [(index, result), *((at, score_copy(self._suite, copy, result)) for at, copy in copies)]
