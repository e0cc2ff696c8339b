"""Runs one suite on one target: asks what isn't known yet, scores as answers come, can be broken off and resumed."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from evaluators.engine.answer_cache import AnswerCache, Question
from evaluators.engine.client import Asker, Hopeless
from evaluators.engine.scoring import Scoring, metrics_of
from evaluators.engine.target import Target
from evaluators.results.duplicate_prompts import joined
from evaluators.suite import Suite
from fairtrial.domain.run import Answer, Case, CaseResult, Run

DEFAULT_CONCURRENCY = 8
TRIES_TO_LEARN = 3
"""So many questions may fail before the run goes on without knowing which weights serve."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one run is: ``done`` of ``total``, of which ``cached`` came from disk and ``errors`` are errors."""

    suite: str
    target: str
    done: int
    total: int
    cached: int
    errors: int


@dataclass(frozen=True, slots=True)
class Options:
    """How to run: so many questions at a time; ``fresh`` asks all anew; results are told as they come."""

    concurrency: int = DEFAULT_CONCURRENCY
    fresh: bool = False
    on_progress: Callable[[Progress], None] = lambda _: None
    on_result: Callable[[CaseResult], None] = lambda _: None


@dataclass(slots=True)
class _Running:
    """One run on its way; ``places`` are what is left to ask, and ``results`` fill up in any order."""

    suite: Suite
    target: Target
    options: Options
    asker: Asker
    cache: AnswerCache
    scoring: Scoring
    places: Iterator[tuple[int, Case, int]]
    results: dict[int, CaseResult] = field(default_factory=dict)
    fingerprint: str | None = None
    cached: int = 0
    errors: int = 0

    @property
    def total(self) -> int:
        return len(self.suite.cases) * self.suite.repeat


async def run_suite(
    suite: Suite, target: Target, *, cache: Path, clock: Callable[[], int], run_id: str, options: Options | None = None
) -> Run:
    """The run of every case and repeat, in the suite's order.

    ``cache`` is the folder of answers, ``clock`` gives microseconds since 1970. Cancelled, or killed, it has kept
    every answer that it got, and the next run goes on from there. Raises `Hopeless` if the target refuses every
    question; any other failure of the target is an error of its case.
    """
    options = options or Options()
    started_us = clock()
    scope = hashlib.sha256(f"{suite.digest} {target.deployment_digest}".encode()).hexdigest()[:32]
    answers = AnswerCache(cache, target.deployment_digest, scope=scope, now_us=started_us, fresh=options.fresh)
    try:
        async with Asker(target, concurrency=options.concurrency) as asker:
            running = _Running(suite, target, options, asker, answers, Scoring(suite), _places(suite))
            await _learn_and_ask(running)
        answers.end()
    finally:
        answers.close()
    return _run(running, run_id, started_us, clock())


async def _learn_and_ask(running: _Running) -> None:
    """The first question goes out alone and always live: its answer names the weights that now serve."""
    for index, case, repeat in itertools.islice(running.places, TRIES_TO_LEARN):
        first = await _ask(running, case, repeat)
        running.fingerprint = first.fingerprint
        await _finish(running, index, case, repeat, first)
        if first.error is None:
            break
    async with asyncio.TaskGroup() as group:
        for _ in range(min(running.options.concurrency, running.total)):
            group.create_task(_worker(running))


async def _worker(running: _Running) -> None:
    for index, case, repeat in running.places:
        question = Question.of(case, running.suite.params, repeat)
        answer = running.cache.find(question, running.fingerprint) or await _ask(running, case, repeat)
        await _finish(running, index, case, repeat, answer)


async def _ask(running: _Running, case: Case, repeat: int) -> Answer:
    """One live answer, kept; a refusal of every question ends the run only while nothing has been answered."""
    try:
        answer = await running.asker.ask(case, running.suite.params)
    except Hopeless as error:
        if not running.results:
            raise
        answer = Answer(None, error=str(error))
    running.cache.keep(Question.of(case, running.suite.params, repeat), answer)
    return answer


async def _finish(running: _Running, index: int, case: Case, repeat: int, answer: Answer) -> None:
    result = await running.scoring.score(case, repeat, answer)
    running.results[index] = result
    running.cached += answer.cached
    running.errors += answer.error is not None
    running.options.on_result(result)
    running.options.on_progress(
        Progress(
            running.suite.name,
            running.target.name,
            done=len(running.results),
            total=running.total,
            cached=running.cached,
            errors=running.errors,
        )
    )


def _places(suite: Suite) -> Iterator[tuple[int, Case, int]]:
    """Every question of the suite with its place in the run: all repeats of a case stand together."""
    for at, case in enumerate(joined(suite.cases)):
        for repeat in range(suite.repeat):
            yield at * suite.repeat + repeat, case, repeat


def _run(running: _Running, run_id: str, started_us: int, ended_us: int) -> Run:
    suite, target = running.suite, running.target
    results = tuple(running.results[index] for index in range(running.total))
    return Run(
        run_id=run_id,
        suite=suite.name,
        suite_digest=suite.digest,
        target=target.name,
        deployment_digest=target.deployment_digest,
        fingerprint=_fingerprint(results),
        seed=suite.seed,
        repeat=suite.repeat,
        started_us=started_us,
        ended_us=ended_us,
        results=results,
        metrics=metrics_of(suite, results),
        versions={scorer.name: scorer.version for scorer in suite.scorers},
        plan_hash=target.plan_hash,
    )


def _fingerprint(results: tuple[CaseResult, ...]) -> str | None:
    """The weights that answered; several, joined, if they changed meanwhile; ``None`` if the upstream says none."""
    met = sorted({result.answer.fingerprint for result in results if result.answer.fingerprint is not None})
    return "+".join(met) or None
