"""Runs one suite on one target: sends what is not cached, scores answers as they arrive, and can be resumed."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from evaluators.engine.answer_cache import AnswerCache, AnswerKey
from evaluators.engine.changed_copies import ChangedCopies
from evaluators.engine.client import ChatClient, TargetRefused
from evaluators.engine.scoring import Scoring, metrics_of
from evaluators.engine.target import Target
from evaluators.results.duplicate_prompts import with_clusters
from evaluators.suite import Suite
from fairtrial.domain.answers.signals import SIGNALS, SIGNALS_VERSION
from fairtrial.domain.run import Answer, Case, CaseResult, Run

DEFAULT_CONCURRENCY = 8
TRIES_TO_LEARN = 3
"""How many requests may fail before the run continues without a fingerprint of the weights."""


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a run: ``done`` of ``total`` answers, ``cached`` of them from disk, and ``errors`` failed."""

    suite: str
    target: str
    done: int
    total: int
    cached: int
    errors: int


@dataclass(frozen=True, slots=True)
class Options:
    """How to run: the number of concurrent requests, whether to ignore the cache, and callbacks."""

    concurrency: int = DEFAULT_CONCURRENCY
    fresh: bool = False
    on_progress: Callable[[Progress], None] = lambda _: None
    on_result: Callable[[CaseResult], None] = lambda _: None


@dataclass(slots=True)
class _Running:
    """The state of a run; ``places`` are the remaining requests, and ``results`` arrive in any order."""

    suite: Suite
    target: Target
    options: Options
    client: ChatClient
    cache: AnswerCache
    scoring: Scoring
    copies: ChangedCopies
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
    """Run every case and repeat; the results are in the suite's order.

    ``cache`` is the folder of answers; ``clock`` gives microseconds since 1970. If the run is cancelled or killed, all
    received answers are cached, and the next run continues from there. Raises `TargetRefused` if the target refuses
    all requests; any other failure of the target is an error of its case.
    """
    options = options or Options()
    started_us = clock()
    scope = hashlib.sha256(f"{suite.digest} {target.deployment_digest}".encode()).hexdigest()[:32]
    answers = AnswerCache(cache, target.deployment_digest, scope=scope, now_us=started_us, fresh=options.fresh)
    try:
        async with ChatClient(target, concurrency=options.concurrency) as client:
            running = _Running(
                suite, target, options, client, answers, Scoring(suite), ChangedCopies(suite), _places(suite)
            )
            await _learn_and_ask(running)
        answers.end()
    finally:
        answers.close()
    return _run(running, run_id, started_us, clock())


async def _learn_and_ask(running: _Running) -> None:
    """Send the first request alone and uncached, because its answer identifies the weights that serve now."""
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
        key = AnswerKey.of(case, running.suite.params, repeat)
        answer = running.cache.find(key, running.fingerprint) or await _ask(running, case, repeat)
        await _finish(running, index, case, repeat, answer)


async def _ask(running: _Running, case: Case, repeat: int) -> Answer:
    """One live answer, cached; a refusal of all requests ends the run only before the first result."""
    try:
        answer = await running.client.ask(case, running.suite.params)
    except TargetRefused as error:
        if not running.results:
            raise
        answer = Answer(None, error=str(error))
    running.cache.put(AnswerKey.of(case, running.suite.params, repeat), answer)
    return answer


async def _finish(running: _Running, index: int, case: Case, repeat: int, answer: Answer) -> None:
    running.cached += answer.cached
    running.errors += answer.error is not None
    for at, result in running.copies.add(index, await running.scoring.score(case, repeat, answer)):
        running.results[at] = result
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
    """Every request of the suite with its index in the run; the repeats of a case are adjacent."""
    for at, case in enumerate(with_clusters(suite.cases)):
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
        versions={SIGNALS: SIGNALS_VERSION} | {scorer.name: scorer.version for scorer in suite.scorers},
        plan_hash=target.plan_hash,
        model=target.declared_model,
    )


def _fingerprint(results: tuple[CaseResult, ...]) -> str | None:
    """The fingerprint of the weights; several, joined with +, if they changed; ``None`` if the upstream sends none."""
    met = sorted({result.answer.fingerprint for result in results if result.answer.fingerprint is not None})
    return "+".join(met) or None
