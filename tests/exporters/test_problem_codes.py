"""Why a run failed, as a code: of every error that ends runs, and of every way in which runs end without one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from exporters.constant_contact import errors
from exporters.constant_contact.limits import USED_UP
from exporters.ending import end_overdue, end_run
from exporters.errors import (
    AllRejected,
    EmptySegment,
    ListMissing,
    NoConnection,
    NoConsent,
    NoSnapshot,
    OtherAccount,
    StepFailed,
    TooManyContacts,
)
from exporters.problem_codes import STORAGE_AWAY, ProblemCode, problem_of
from exporters.runs import Batch, Counts, Run
from exporters.steps import give_up
from shared.errors import ExportError, NotFound
from shared.models import Export
from shared.queues import RUNS, Message
from shared.secrets import KeyVaultRefused
from shared.snapshots.errors import (
    BrokenSnapshot,
    ColumnMissing,
    HeaderUnclear,
    NoProfiles,
    SnapshotChanged,
    SnapshotsRefused,
)
from tests.exporters.world import World


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.SignInAgain("grant"), "sign_in_again"),
        (errors.AppNotAccepted("app"), "app_not_accepted"),
        (NotFound("The connection was removed."), "no_connection"),
        (NoConnection("none"), "no_connection"),
        (NoConsent("consent"), "no_consent"),
        (OtherAccount("another"), "no_connection"),
        (NoSnapshot("none"), "no_snapshot"),
        (BrokenSnapshot("Loyal", ["a file is missing"]), "broken_snapshot"),
        (SnapshotChanged("Loyal", "Loyal_1.csv"), "broken_snapshot"),
        (SnapshotsRefused("segments", 403, "AuthorizationFailure"), "snapshots_refused"),
        (NoProfiles("Loyal", "model.json"), "empty_segment"),
        (EmptySegment("empty"), "empty_segment"),
        (AllRejected(2), "all_rejected"),
        (ColumnMissing("Loyal", "Loyal_1.csv", "EMail", ["Name"]), "column_missing"),
        (HeaderUnclear("Loyal", "Loyal_1.csv", "no column of that name"), "column_missing"),
        (TooManyContacts("too many"), "too_many"),
        (ListMissing("list"), "list_missing"),
        (errors.Refused(403, "no"), "refused"),
        (errors.QuotaExceeded(USED_UP), "quota"),
        (errors.SignInAway("is away"), "constant_contact"),
        (errors.NoAnswer("nothing"), "constant_contact"),
        (KeyVaultRefused("no"), "key_vault"),
        (StepFailed("again and again"), "unknown"),
        (ExportError("anything"), "unknown"),
    ],
)
def test_every_error_has_its_code(error: Exception, code: ProblemCode) -> None:
    assert problem_of(error) == code


def uploading(world: World, *batches: Batch, read: int = 4, prepared: int = 4, **more: object) -> Run:
    run = world.start(world.add_export("Loyal"))
    for batch in batches:
        world.services.runs.add_batch(batch.model_copy(update={"run_id": run.run_id}))
    counts = Counts(read=read, prepared=prepared, not_sent=prepared, rejected=read - prepared)
    return world.services.runs.change(
        run, lambda r: r.model_copy(update={"status": "uploading", "counts": counts, **more})
    )


def a_batch(**more: object) -> Batch:
    return Batch(run_id="", number=1, contacts=4, state="completed").model_copy(update=more)


@pytest.mark.parametrize(
    ("batch", "code"),
    [
        (a_batch(), None),
        (a_batch(state="failed", error="The import ended as “failed”."), "constant_contact"),
        (a_batch(dropped=2), "constant_contact"),
        (a_batch(rejected=4), "refused"),
    ],
)
def test_a_run_says_in_a_code_what_became_of_its_batches(world: World, batch: Batch, code: ProblemCode | None) -> None:
    assert end_run(world.services, uploading(world, batch)).problem == code


def test_a_run_without_a_single_contact_has_all_of_its_profiles_rejected(world: World) -> None:
    assert end_run(world.services, uploading(world, prepared=0)).problem == "all_rejected"


@pytest.mark.parametrize(
    ("waiting", "minutes_ago", "code"),
    [
        (None, None, "time_limit"),
        (USED_UP, -20, "quota"),
        (USED_UP, 5, "quota"),
        (USED_UP, 90, "time_limit"),
        (STORAGE_AWAY, 1, "storage"),
        ("batch 1 is being sent by another worker", 1, "time_limit"),
    ],
)
def test_a_run_over_its_time_says_what_it_waited_for_in_the_end(
    world: World, waiting: str | None, minutes_ago: int | None, code: ProblemCode
) -> None:
    over = world.settings.run_time_limit_hours * 3600 + 60
    until = None
    if minutes_ago is not None:
        until = world.clock.now() + timedelta(seconds=over, minutes=-minutes_ago)
    run = uploading(world, a_batch(), waiting=waiting, waiting_until=until)
    world.clock.advance(over)
    ended = end_overdue(world.services, run)
    assert ended is not None
    assert (ended.status, ended.problem) == ("timed_out", code)


def test_a_run_keeps_the_code_of_the_error_that_stopped_it(world: World) -> None:
    run = uploading(world, a_batch(), stop="The grant is broken.", problem="sign_in_again")
    ended = end_run(world.services, run)
    assert (ended.error, ended.problem) == ("The grant is broken.", "sign_in_again")


def test_a_step_that_failed_again_and_again_has_no_code_of_its_own(world: World) -> None:
    run = world.start(world.add_export("Loyal"))
    give_up(world.services, RUNS, Message(export_id=run.export_id, run_id=run.run_id).model_dump_json())
    assert world.services.runs.get(run.export_id, run.run_id).problem == "unknown"


def export_to_a_list_that_is_not_there(world: World) -> Export:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    return world.add_export("Loyal", list_id="11111111-1111-1111-1111-111111111111")


def export_without_consent(world: World) -> Export:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    return world.add_export("Loyal", connection_id=world.add_connection(consent=False).id)


def export_of_no_such_segment(world: World) -> Export:
    return world.add_export("Lapsed")


def export_of_an_empty_segment(world: World) -> Export:
    world.write_snapshot("Loyal", [])
    return world.add_export("Loyal")


def export_of_no_such_column(world: World) -> Export:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"], header="Mail,FirstName")
    return world.add_export("Loyal")


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (export_to_a_list_that_is_not_there, "list_missing"),
        (export_without_consent, "no_consent"),
        (export_of_no_such_segment, "no_snapshot"),
        (export_of_an_empty_segment, "empty_segment"),
        (export_of_no_such_column, "column_missing"),
    ],
)
def test_a_run_that_fails_says_why_in_a_code(world: World, make: object, code: ProblemCode) -> None:
    assert callable(make)
    export = make(world)
    world.clock.advance(world.settings.snapshot_quiet_seconds)
    run = world.run_to_end(export)
    assert (run.status, run.problem) == ("failed", code)
