"""What is told of runs: one trace each, counts that equal the record, events once."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import pytest
from opentelemetry.trace import StatusCode

from exporters import accounts, notifications, sampling, start, sweeping
from exporters.cancel import cancel
from exporters.constant_contact.errors import SignInAgain
from exporters.constant_contact.limits import API
from exporters.ending import end_run
from exporters.errors import NoSnapshot
from exporters.runs import Run, Slot
from exporters.steps import give_up
from shared import telemetry
from shared.queues import RUNS
from tests.exporters.world import World, refresh
from tests.telemetry.conftest import Watched
from tests.telemetry.test_spans import trace_of

STEPS = {"export.start", "export.prepare", "export.upload", "export.follow", "export.end"}


def totals(watched: Watched, name: str, attribute: str) -> dict[str, float]:
    return added_up(watched.points(name), attribute)


def summed(watched: Watched, name: str, attribute: str) -> dict[str, float]:
    return added_up(watched.sums(name), attribute)


def added_up(points: Iterable[tuple[Mapping[str, object], float]], attribute: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for attributes, value in points:
        key = str(attributes[attribute])
        found[key] = found.get(key, 0) + value
    return found


def grown(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    return {key: value - before.get(key, 0) for key, value in after.items() if value != before.get(key, 0)}


def a_run(world: World) -> Run:
    world.write_snapshot("Loyal", ["ana@example.com,Ana", "ANA@example.com,Ana", "bo@example.com,Bo", "nobody,N"])
    world.clock.advance(600)
    return world.run_to_end(world.add_export("Loyal"))


def test_every_step_of_a_run_is_in_the_trace_that_it_was_started_in(world: World, watched: Watched) -> None:
    run = a_run(world)
    traces = {trace_of(span) for span in watched.spans if (span.attributes or {}).get("run_id") == run.run_id}
    assert len(traces) == 1
    assert {span.name for span in watched.spans if trace_of(span) in traces} >= STEPS
    assert run.trace is not None
    assert f"{traces.pop():032x}" in run.trace


def test_where_the_profiles_went_is_counted_as_the_record_says(world: World, watched: Watched) -> None:
    before = totals(watched, "exports.profiles", "outcome")
    batches = totals(watched, "exports.batches", "state")
    run = a_run(world)
    assert grown(before, totals(watched, "exports.profiles", "outcome")) == {
        "sent": run.counts.sent,
        "duplicate": run.counts.duplicates,
        "rejected_by_us": run.counts.rejected,
    }
    assert grown(batches, totals(watched, "exports.batches", "state")) == {"completed": 1}


def test_a_run_that_is_ended_twice_is_counted_once(world: World, watched: Watched) -> None:
    before = totals(watched, "exports.runs", "status")
    run = a_run(world)
    give_up(world.services, RUNS, run.message().model_dump_json())
    assert grown(before, totals(watched, "exports.runs", "status")) == {"completed_with_warnings": 1}


def test_a_run_that_somebody_else_ends_at_the_same_moment_is_counted_once(world: World, watched: Watched) -> None:
    before = totals(watched, "exports.runs", "status")
    run = world.start(world.add_export("Loyal"))

    def meanwhile(_: Run) -> bool:
        """Asked between the read and the write."""
        return end_run(world.services, run, error=NoSnapshot("somebody else's")).ended

    ended = end_run(world.services, run, only_if=meanwhile, error=NoSnapshot("mine"))
    assert ended.error == "somebody else's"
    assert grown(before, totals(watched, "exports.runs", "status")) == {"failed": 1}


def test_how_long_a_run_took_is_measured_from_its_start_to_its_end(world: World, watched: Watched) -> None:
    before = summed(watched, "exports.run_duration", "status")
    run = a_run(world)
    assert run.ended_at is not None
    took = (run.ended_at - run.created_at).total_seconds()
    assert took > 0
    measured = grown(before, summed(watched, "exports.run_duration", "status"))
    assert measured == {"completed_with_warnings": pytest.approx(took)}


def test_a_run_that_finds_nothing_new_is_counted_too(world: World, watched: Watched) -> None:
    run = a_run(world)
    before = totals(watched, "exports.runs", "status")
    export = world.services.exports.get(run.export_id)
    active = export.model_copy(update={"schedule": export.schedule.model_copy(update={"active": True})})
    world.services.exports.change(export.id, lambda _: active)
    world.clock.advance(60)
    refresh(world.services)
    assert grown(before, totals(watched, "exports.runs", "status")) == {"up_to_date": 1}


def test_requests_to_constant_contact_are_counted_as_the_run_counts_them(world: World, watched: Watched) -> None:
    before = totals(watched, "constant_contact.calls", "outcome")
    world.fault("throttled", times=1)
    run = a_run(world)
    calls = grown(before, totals(watched, "constant_contact.calls", "outcome"))
    assert calls == {"ok": run.requests - 1, "throttled": 1}


def test_a_wait_is_measured_by_its_reason(world: World, watched: Watched) -> None:
    before = totals(watched, "exports.waits", "reason")
    world.fault("throttled", times=1)
    a_run(world)
    world.fault("cut-after", times=1)
    a_run(world)
    assert grown(before, totals(watched, "exports.waits", "reason")) == {"throttled": 1, "constant_contact": 1}


def test_of_a_wait_it_is_measured_how_long_it_is(world: World, watched: Watched) -> None:
    before = summed(watched, "exports.waits", "reason")
    world.fault("throttled", times=1)
    a_run(world)
    waited = [span.attributes or {} for span in watched.spans if "wait.seconds" in (span.attributes or {})]
    seconds = sum(float(str(one["wait.seconds"])) for one in waited)
    assert seconds > 0
    assert grown(before, summed(watched, "exports.waits", "reason")) == {"throttled": pytest.approx(seconds)}


def test_a_request_to_constant_contact_says_for_which_run_it_was(world: World, watched: Watched) -> None:
    world.give_tokens(world.connection, expired=True)
    run = a_run(world)
    ids = {"run_id": run.run_id, "export_id": run.export_id}
    made = [span for span in watched.spans if span.name.startswith(("constant_contact.", "connection."))]
    assert {span.name for span in made} >= {"connection.refresh", "constant_contact.activities"}
    assert [span.name for span in made if not ids.items() <= dict(span.attributes or {}).items()] == []
    of_a_batch = [span.name for span in made if (span.attributes or {}).get("batch") == "0001"]
    assert of_a_batch == ["constant_contact.import_file"]


def test_an_error_that_ends_the_run_shows_at_the_step_by_its_class(world: World, watched: Watched) -> None:
    run = world.run_to_end(world.add_export("Loyal"))
    assert run.problem == "no_snapshot"
    (step,) = watched.named("export.prepare")
    assert (step.status.status_code, step.status.description) == (StatusCode.ERROR, "NoSnapshot")


def test_a_run_that_follows_another_is_a_trace_of_its_own(world: World, watched: Watched) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    world.clock.advance(600)
    export = world.add_export("Loyal", schedule={"active": True})
    first = world.start(export)
    world.deliver_next()
    world.write_snapshot("Loyal", ["bo@example.com,Bo"], folder="2026/11/22/0230")
    start.start_for_snapshots(world.services, "CustomerInsights_x/BlobExport/Loyal/2026/11/22/0230/Loyal_1.csv")
    world.deliver()
    second = world.last_run(export)
    assert second.run_id != first.run_id
    assert first.trace is not None
    assert second.trace is not None
    assert first.trace.split("-")[1] != second.trace.split("-")[1]
    begun = watched.named("export.start")[-1]
    ended = [span for span in watched.named("export.follow") if span.context.span_id == begun.links[0].context.span_id]
    assert [(span.attributes or {})["run_id"] for span in ended] == [first.run_id]


def test_a_cancel_and_a_sweep_belong_to_the_trace_of_the_run(world: World, watched: Watched) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    export = world.add_export("Loyal")
    lost = world.start(export)
    world.queue.waiting.clear()
    world.clock.advance(40 * 60)
    sweeping.take_up_lost_runs(world.services)
    cancel(world.services, export.id, lost.run_id, "test")
    (begun,), (taken_up,), (canceled,) = map(watched.named, ("export.start", "export.take_up", "export.cancel"))
    assert trace_of(begun) == trace_of(taken_up) == trace_of(canceled)


def test_what_the_sweep_does_after_a_run_belongs_to_the_trace_of_the_run(world: World, watched: Watched) -> None:
    run = world.start(world.add_export("Loyal"))
    end_run(world.services, run, error=NoSnapshot("there is none"))
    world.clock.advance(40 * 60)
    assert [one.run_id for one in sweeping.complete_history(world.services)] == [run.run_id]
    (begun,), (taken_up,) = map(watched.named, ("export.start", "export.take_up"))
    assert trace_of(begun) == trace_of(taken_up)
    assert dict(taken_up.attributes or {}) == {"run_id": run.run_id, "export_id": run.export_id}


def test_a_notification_belongs_to_the_trace_of_the_run(world: World, watched: Watched) -> None:
    run = world.run_to_end(world.add_export("Loyal"))
    notifications.deliver(world.services, run.message().model_dump_json())
    notifications.give_up(run.message().model_dump_json())
    begun, told, given_up = (watched.named(name)[0] for name in ("export.start", "export.notify", "export.give_up"))
    assert trace_of(begun) == trace_of(told) == trace_of(given_up)
    # There is no address to post to.
    assert told.status.description == given_up.status.description == "undelivered"


def test_a_message_of_before_without_a_trace_is_a_step_all_the_same(world: World, watched: Watched) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    world.clock.advance(600)
    export = world.add_export("Loyal")
    run = world.start(export)
    for one in world.queue.waiting:
        one.message = one.message.model_copy(update={"trace": None})
    world.deliver()
    assert world.services.runs.get(export.id, run.run_id).status == "successful"
    assert watched.named("export.prepare")


def test_that_somebody_has_to_sign_in_again_is_told_once(
    world: World, watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    telemetry.put_fields_on_log_records()
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    world.clock.advance(600)
    world.give_tokens(world.connection, expired=True)
    world.fault("invalid-grant")
    export = world.add_export("Loyal")
    world.run_to_end(export)
    world.run_to_end(export)
    told = [vars(one) for one in caplog.records if vars(one).get("event") == "connection.sign_in_again"]
    assert [(one["connection_id"], one["problem"]) for one in told] == [(world.connection.id, "refused")]
    assert told[0]["levelno"] == logging.ERROR


def test_the_sweep_measures_what_is_left_and_how_old_things_are(world: World, watched: Watched) -> None:
    world.give_tokens(world.connection, expired=True)
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    world.clock.advance(600)
    export = world.add_export("Loyal", schedule={"active": True})
    idle = world.add_export("Loyal", name="Never sent", schedule={"active": True})
    off = world.add_export("Loyal", name="Switched off", schedule={"active": False})
    world.run_to_end(off)
    run = world.run_to_end(export)
    world.clock.advance(3600)
    left = world.services.limiter.left_today(API)
    assert left < 9_900 - run.requests
    sampling.take_samples(world.services)
    assert watched.points("constant_contact.calls_left_today") == [({}, left)]
    sampling.take_samples(world.services)
    ((of, age),) = watched.points("connections.token_age")
    assert of == {"connection_id": world.connection.id}
    assert 3600 <= age < 3700
    sampling.take_samples(world.services)
    ages = {str(of["export_id"]): age for of, age in watched.points("exports.snapshot_age")}
    assert ages.keys() == {export.id}, f"{idle.id} has sent nothing, {off.id} is off"
    taken_at = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)
    assert ages[export.id] == pytest.approx((world.clock.now() - taken_at).total_seconds(), abs=60)


def test_a_connection_that_has_to_be_signed_in_to_again_is_not_measured(world: World, watched: Watched) -> None:
    world.give_tokens(world.connection, expired=True)
    a_run(world)
    sampling.take_samples(world.services)
    assert watched.points("connections.token_age")
    accounts.mark_broken(world.services, world.connection, SignInAgain("refused"))
    sampling.take_samples(world.services)
    assert watched.points("connections.token_age") == []


def test_the_age_of_what_was_sent_is_that_of_the_oldest_of_its_snapshots() -> None:
    slot = Slot(exported={"A": "x/A/2026/11/22/0130@1", "B": "x/B/2026/11/21/0130@2", "C": "no date@3"})
    taken_at = sampling.sent_last(slot)
    assert taken_at is not None
    assert taken_at.day == 21
    assert sampling.sent_last(Slot()) is None
