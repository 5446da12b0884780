"""Every start and every cancel is told of in the audit log, once, whatever dies or is away at that moment."""

from __future__ import annotations

import pytest
from azure.core.exceptions import ServiceRequestError

from exporters import start
from exporters.cancel import cancel
from exporters.runs import Run
from shared.audit import AuditEntry
from tests.exporters.world import World, refresh


@pytest.fixture(autouse=True)
def _a_segment(world: World) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    world.clock.advance(world.settings.snapshot_quiet_seconds)


def told(world: World) -> list[AuditEntry]:
    return world.told()


def audit_is_away(patch: pytest.MonkeyPatch, world: World) -> None:
    def fails(_: AuditEntry) -> None:
        raise ServiceRequestError("away")

    patch.setattr(world.services.audit, "write", fails)


def test_who_started_a_run_is_told_with_the_run(world: World) -> None:
    run = start.start_on_demand(world.services, world.add_export("Loyal", name="News").id, "Ada", "ada-id")
    world.deliver()
    (entry,) = told(world)
    assert (entry.action, entry.by, entry.by_id, entry.subject_name) == ("started", "Ada", "ada-id", "News")
    assert (entry.at, entry.after) == (run.created_at, {"run": run.run_id})


def test_what_started_a_run_is_told_where_it_was_nobody(world: World) -> None:
    export = world.add_export("Loyal")
    refresh(world.services)
    world.deliver()
    assert [(one.action, one.by, one.by_id) for one in told(world)] == [("started", start.BY_TIMER, None)]
    assert world.last_run(export).status == "successful"


def test_a_time_with_nothing_new_starts_nothing(world: World) -> None:
    export = world.add_export("Loyal")
    for _ in range(2):
        refresh(world.services)
        world.deliver()
        world.clock.advance(60)
    assert world.last_run(export).status == "up_to_date"
    assert len(told(world)) == 1


def test_a_start_is_told_later_when_the_audit_log_is_away(world: World) -> None:
    with pytest.MonkeyPatch.context() as patch:
        audit_is_away(patch, world)
        run = world.start(world.add_export("Loyal"))
    assert told(world) == []
    world.deliver()
    assert [one.after for one in told(world)] == [{"run": run.run_id}]


def test_all_are_told_of_though_the_process_dies_while_it_starts_them(world: World) -> None:
    exports = [world.add_export("Loyal", name=str(number)) for number in range(4)]
    sent = world.services.queues.send
    with pytest.MonkeyPatch.context() as patch:

        def dies(*given: object, **more: object) -> None:
            if len(world.queue.waiting) == 2:
                raise KeyboardInterrupt
            sent(*given, **more)  # type: ignore[arg-type]

        patch.setattr(world.services.queues, "send", dies)
        with pytest.raises(KeyboardInterrupt):
            start.start_all(world.services, "Ada", "ada-id", exports)
    assert sorted(one.subject_name for one in told(world)) == ["0", "1", "2"]


def test_a_cancel_is_told_later_when_the_audit_log_is_away(world: World) -> None:
    run = world.start(world.add_export("Loyal"))
    with pytest.MonkeyPatch.context() as patch:
        audit_is_away(patch, world)
        with pytest.raises(ServiceRequestError):
            cancel(world.services, run.export_id, run.run_id, "Ada", "ada-id")
    world.deliver()
    assert actions(world, run) == {"started": "test", "canceled": "Ada"}


def actions(world: World, run: Run) -> dict[str, str]:
    return {one.action: one.by for one in told(world) if one.after == {"run": run.run_id}}
