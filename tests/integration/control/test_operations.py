"""Every operation answers alike over HTTP and in the process of a command."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from fairtrial.api import (
    accounts,
    alarms,
    data_audits,
    events,
    experiments,
    keys,
    migrations,
    model_equality,
    model_parity,
    plans,
    reviews,
    runs,
    shadows,
    store,
    traffic,
    verdicts,
)
from fairtrial.api.cost_answers import CompareCosts
from fairtrial.api.operation import Nothing, Operation, Request, Window, operations, path_names, read_answer
from fairtrial.domain.limits.spending import Limit
from fairtrial.domain.training_data import AuditFile, CheckCount
from fairtrial.domain.verdicts import verdict_json
from fairtrial.domain.verdicts.verdict import Verdict
from fairtrial.experiments.decision.waits import Wait
from gateway.control.app import router_of
from gateway.control.context import implementation
from tests.fixtures.control.asked_models import FIRST, SAME, SERVED
from tests.fixtures.control.both_transports import Side, both_transports
from tests.fixtures.for_each import every_failure

Asked = Iterator[tuple[Operation[Any, Any], Request]]


def reads(side: Side) -> Asked:
    """Requests of every operation that changes nothing, with ids of the project."""
    operation: Operation[Any, Any]
    call, many = side.client.call, Window(limit=1000)
    run_ids = [row.run_id for row in call(runs.listing, runs.ListRuns(suite="small"))][:2]
    verdict = verdicts.NameVerdict(verdict_id=call(verdicts.listing, verdicts.ListVerdicts())[0].verdict_id)
    published = call(plans.listing, Window())
    queue_id = call(reviews.status, Nothing())[0].queue_id
    text = call(runs.suites, runs.ListSuites())[0]
    request_id = call(traffic.requests, traffic.ListRequests())[0].request_id
    names = [row.name for row in call(experiments.states, experiments.ListStates(everything=True))]
    yield accounts.listing, Window()
    yield alarms.listing, alarms.ListAlarms(closed=True)
    yield traffic.costs, CompareCosts(name="tuned-vs-base", since_us=0, what_if="base")
    yield traffic.costs, CompareCosts(name="none")
    yield data_audits.listing, data_audits.ListAudits()
    for audit_id in (call(data_audits.listing, data_audits.ListAudits())[0].audit_id, "none"):
        yield data_audits.one, data_audits.NameAudit(audit_id=audit_id)
        yield data_audits.rows, data_audits.RowsOf(audit_id=audit_id, finding=0)
    yield events.listing, events.ListEvents(action="experiment.")
    yield events.summary, events.ListEvents()
    yield events.chain, Nothing()
    yield experiments.listing, traffic.TrafficWindow(since_us=0)
    for name in (names[0], names[-1], "none"):
        figures = experiments.FiguresOf(name=name, since_us=0)
        for operation in (experiments.one, experiments.series, experiments.signals, experiments.errors):
            yield operation, figures
        yield experiments.state, experiments.NameExperiment(name=name)
        yield experiments.decisions, experiments.ListStates()
        yield experiments.decision, experiments.DecisionOf(name=name)
        yield experiments.release, experiments.ReleaseOf(name=name)
        yield experiments.transitions, experiments.TransitionsOf(name=name)
    yield experiments.states, experiments.ListStates(everything=True)
    yield experiments.decisions, experiments.ListStates()
    yield experiments.analysis_plans, Nothing()
    yield keys.listing, Window()
    yield migrations.listing, Nothing()
    yield model_equality.judged, Nothing()
    yield model_equality.known, model_equality.EqualityOf(deployment_digest="d" * 64, base_digest="b" * 64)
    yield plans.listing, Window(limit=2)
    yield plans.one, plans.NamePlan(plan_hash=published[0].plan_hash)
    yield plans.at_time, plans.PlanAt(at=str(published[0].at_time))
    yield plans.at_time, plans.PlanAt(at="yesterday")
    yield plans.difference, plans.ComparePlans(old=published[0].plan_hash, new=published[-1].plan_hash)
    yield reviews.queues, Nothing()
    yield reviews.rubric, Nothing()
    yield reviews.one, reviews.NameQueue(queue_id=queue_id)
    yield reviews.export, reviews.NameQueue(queue_id=queue_id)
    yield reviews.pairs, reviews.NameQueue(queue_id=queue_id)
    yield reviews.status, Nothing()
    for operation in (reviews.votes, reviews.evidence):
        yield operation, reviews.TwoTargets(candidate="tuned", baseline="base")
    for run_id in (run_ids[0], "none"):
        for operation in (runs.one, runs.events, runs.columns, runs.figures, runs.noise_floor, runs.slices):
            yield operation, runs.NameRun(run_id=run_id)
        yield runs.details, runs.DetailsOf(run_id=run_id, scorer="exact")
        yield runs.cases, runs.CasesOf(run_id=run_id, limit=3)
    yield shadows.listing, Nothing()
    yield runs.listing, runs.ListRuns()
    yield runs.latest, runs.LatestRuns(suite="small")
    yield runs.kept, runs.LatestRuns(suite="small", target="base")
    yield runs.resolve, runs.ResolveRun(name="small@tuned")
    yield runs.resolve, runs.ResolveRun(name="")
    yield runs.pairs, runs.PairsOf(candidate_run=run_ids[0], baseline_run=run_ids[1])
    yield runs.compare, runs.CompareRuns(candidate_run=run_ids[0], baseline_run=run_ids[1])
    yield runs.matrix, runs.CompareMany(baseline_run=run_ids[1], candidate_runs=(run_ids[0],))
    yield runs.matrix, runs.CompareMany(baseline_run=run_ids[1], candidate_runs=())
    yield runs.suites, runs.ListSuites()
    yield runs.suite_text, runs.NameSuiteText(suite_digest=text.suite_digest, text_digest=text.text_digest)
    yield store.overview, Nothing()
    yield store.services, Nothing()
    yield store.job, store.NameJob(job_id="none")
    yield traffic.requests, traffic.ListRequests(limit=3)
    yield traffic.requests, traffic.ListRequests(limit=0)
    yield traffic.requests, traffic.ListRequests(user="user-1", status=200, tag="team=a", min_cost=0.0)
    yield traffic.request, traffic.NameRequest(request_id=request_id)
    yield traffic.samples, traffic.SampleTraffic(deployment="base", routes=("support-bot",), count=5)
    yield traffic.left_out, traffic.AnsweredBy(deployment="base", routes=("support-bot",))
    yield traffic.arrivals, traffic.RoutesOf(routes=("support-bot",))
    yield traffic.feedback, traffic.ListFeedback(limit=3)
    yield traffic.attributions, many
    yield traffic.by_experiment, traffic.ExperimentTraffic(since_us=0)
    yield (
        traffic.amounts,
        traffic.AmountsBefore(
            experiment=names[0], control="base", route="support-bot", deployment="base", metric=("cost.per_unit",)
        ),
    )
    yield traffic.by_route, traffic.TrafficWindow(since_us=0)
    yield verdicts.listing, verdicts.ListVerdicts()
    yield verdicts.listing, verdicts.ListVerdicts(findings=True)
    yield verdicts.gates, many
    yield verdicts.integrity, Nothing()
    yield verdicts.first, Nothing()
    for operation in (
        verdicts.one,
        verdicts.integrity_of,
        verdicts.record,
        verdicts.evidence,
        verdicts.export,
        verdicts.recomputation,
        verdicts.around,
    ):
        yield operation, verdict
    yield verdicts.report, verdicts.ReportOf(verdict_id=verdict.verdict_id, form="markdown")


def changes(side: Side) -> Asked:
    """Requests of every operation that changes something, in an order in which they can."""
    ship = next(row for row in side.client.call(verdicts.listing, verdicts.ListVerdicts()) if row.decision == "SHIP")
    text = side.client.call(runs.suites, runs.ListSuites(suite="small"))[0]
    name = side.client.call(experiments.states, experiments.ListStates())[0].name
    yield store.ingest, Nothing()
    yield keys.create, keys.CreateKey(name="app", routes=("support-bot",))
    yield keys.create, keys.CreateKey(name="")
    yield keys.revoke, keys.RevokeKey(key_id="none")
    yield runs.keep, runs.NameRun(run_id=side.client.call(runs.latest, runs.LatestRuns(suite="small"))[0])
    yield runs.keep, runs.NameRun(run_id="none")
    yield accounts.invite, accounts.Invite(name="Zoe", role="reviewer")
    yield accounts.invite, accounts.Invite(name="zoe", role="reviewer")
    yield accounts.set_role, accounts.SetRole(who="Zoe", role="auditor")
    yield accounts.reset, accounts.NameAccount(who="Zoe")
    yield accounts.disable, accounts.NameAccount(who="Zoe")
    yield accounts.create_one_time_link, Nothing()
    yield alarms.acknowledge, alarms.AcknowledgeAlarm(alarm_id="none", why="known")
    yield alarms.test, alarms.TestAlarms()
    file = AuditFile("train.jsonl", "train", "a" * 64, 40, "openai")
    yield (
        data_audits.store,
        data_audits.StoreAudit(deployment="tuned", version="1", seconds=0.5, files=(file,), counts=()),
    )
    wrong = CheckCount("Wrong", "error", -1, 3)
    yield data_audits.store, data_audits.StoreAudit(version="", seconds=-1.0, files=(), counts=(wrong,))
    audit_id = side.client.call(data_audits.listing, data_audits.ListAudits())[0].audit_id
    for asked in (
        data_audits.FixedCopy(audit_id=audit_id),
        data_audits.FixedCopy(audit_id=audit_id, apply=("nothing",)),
    ):
        yield data_audits.fixed, asked
    for action in ("pause", "resume", "withdraw", "kill", "rearm", "promote"):
        yield experiments.change, experiments.ChangeExperiment(name=name, action=action, why="a test")  # type: ignore[arg-type]
    yield experiments.change, experiments.ChangeExperiment(name=name, action="pause", why="")
    yield model_equality.record, model_equality.RecordEquality(result=SAME)
    yield model_equality.record_ask, model_equality.RecordAsk(ask=FIRST)
    yield model_parity.record, model_parity.RecordParity(result=SERVED)
    limit = Limit(requests_per_day=5)
    yield shadows.start, shadows.StartShadow(deployments=("base", "base"))
    yield shadows.start, shadows.StartShadow(deployments=("base", "tuned"), share=20.0, limit=limit)
    yield shadows.start, shadows.StartShadow(deployments=("base", "none"))
    yield shadows.stop, shadows.StopShadow(route="none")
    yield shadows.stop, shadows.StopShadow(route="support-bot")
    yield reviews.create, reviews.CreateQueue(suite="small", candidate="tuned", baseline="base", size=5, seed=7)
    yield reviews.create, reviews.CreateQueue(suite="small", size=0, overlap=2.0)
    yield reviews.close, reviews.NameQueue(queue_id="none")
    for operation in (reviews.next_item, reviews.undo):
        yield operation, reviews.NameQueue(queue_id="none")
    for operation in (reviews.draft, reviews.submit):
        yield operation, reviews.DraftOf(item_id="none", comment="x")
    yield reviews.skip, reviews.Skip(item_id="none")
    for vote in ("approve", "reject"):
        yield verdicts.vote, verdicts.Vote(verdict_id=ship.verdict_id, vote=vote, why="read 40 answers")  # type: ignore[arg-type]
    reference = verdicts.SuiteReference(suite="small", digest=text.suite_digest)
    gate = "version: 1\nname: quick\nsuites: [small]\n"
    yield verdicts.judge, verdicts.Judge(gate=gate, suites=(reference,), candidate="tuned", baseline="base")
    yield verdicts.judge, verdicts.Judge(gate=gate, suites=(reference,), candidate="tuned", baseline="tuned")
    yield verdicts.judge_variant, verdicts.JudgeVariant(name=name)
    yield store.retain, store.Retain(days=30, dry_run=True)
    yield store.retain, store.Retain(days=0)
    yield store.erase, store.Erase(unit="nobody")
    yield store.backup, store.MakeBackup(dest="backup")
    yield store.backup, store.MakeBackup(dest=str(side.folder / "backup"))


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Side, Side]]:
    with both_transports(tmp_path_factory.mktemp("both")) as both:
        yield both


def test_every_operation_answers_alike_over_http_and_in_the_process(sides: tuple[Side, Side]) -> None:
    http, local = sides
    names: set[str] = set()
    with every_failure(len(list(operations()))) as member:
        for requests in (reads, changes):
            for (operation, over_http), (_, in_process) in zip(requests(http), requests(local), strict=True):
                names.add(operation.name)
                with member(f"{operation.name} {over_http}"):
                    assert local.outcome(operation, in_process) == http.outcome(operation, over_http)
    assert [side.client.call(accounts.me, Nothing()).role for side in sides] == ["admin", "admin"]
    names.add(accounts.me.name)
    assert local.audit_rows() == http.audit_rows()
    assert names == {operation.name for operation in operations()}


def written(answer: Any) -> Any:
    """An answer as JSON values. A verdict is not written by its fields alone."""
    if isinstance(answer, Verdict):
        return json.loads(verdict_json.encode(answer))
    if isinstance(answer, list):
        return [written(each) for each in answer]
    values = json.loads(msgspec.json.encode(answer))
    verdict = getattr(answer, "verdict", None)
    return values | {"verdict": written(verdict)} if isinstance(verdict, Verdict) else values


def test_an_answer_has_exactly_the_fields_that_its_type_declares(sides: tuple[Side, Side]) -> None:
    http, _ = sides
    assert http.http is not None
    typed = 0
    with every_failure(len(list(operations()))) as member:
        for operation, request in reads(http):
            if operation.kind not in ("value", "table") or isinstance(http.outcome(operation, request), tuple):
                continue
            if operation.response is msgspec.Raw:
                continue
            sent, read = json.loads(http.http.last), read_answer(operation, http.http.last)
            typed += 1
            with member(f"{operation.name} {request}"):
                assert written(read) == (sent["rows"] if operation.kind == "table" else sent)
    assert typed > 50


def test_a_difference_of_one_transport_is_found(sides: tuple[Side, Side], monkeypatch: pytest.MonkeyPatch) -> None:
    request = experiments.DecisionOf(name="staged-vs-base", slices=False)
    http, local = sides
    assert local.outcome(experiments.decision, request) == http.outcome(experiments.decision, request)
    monkeypatch.setattr(local.owner, "waits", lambda _: (Wait("workers"),))
    assert local.outcome(experiments.decision, request) != http.outcome(experiments.decision, request)


def test_every_operation_has_one_implementation_and_a_parameter_for_each_name_in_its_path() -> None:
    for operation in operations():
        assert callable(implementation(operation)), operation.name
        assert set(path_names(operation.path)) <= set(operation.request.__struct_fields__), operation.name


def test_literal_paths_win_over_parameters() -> None:
    paths = [route.path for route in router_of(operations()).routes]  # type: ignore[attr-defined]
    for literal, parameter in (("/verdicts/integrity", "/verdicts/{verdict_id}"), ("/plans/at", "/plans/{plan_hash}")):
        assert paths.index(literal) < paths.index(parameter)
