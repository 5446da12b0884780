"""Which refusals are looked into contact by contact, and when that is given up."""

from __future__ import annotations

import pytest

from exporters.constant_contact.errors import Refused
from exporters.halving import halve_or_reject, is_about_contacts
from exporters.runs import Batch, Run
from shared.tables import Stored
from tests.exporters.world import World


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_refusal_of_the_content_may_be_the_fault_of_some_contacts(status: int) -> None:
    assert is_about_contacts(Refused(status, "no"))


@pytest.mark.parametrize("status", [301, 401, 403, 404, 409, 414, 415, 423])
def test_any_other_refusal_concerns_the_whole_run(status: int) -> None:
    assert not is_about_contacts(Refused(status, "no"))


def sending(world: World, contacts: int, **batches_before: list[tuple[int, int]]) -> tuple[Run, Stored[Batch]]:
    """A run and its first batch, which is being sent; of others in these states contacts and refused ones are given."""
    run = world.start(world.add_export("Loyal"))
    runs, now = world.services.runs, world.clock.now()
    claim = {"claimed_until": now, "unclear_until": now, "error": "what came before"}
    runs.add_batch(Batch(run_id=run.run_id, number=1, contacts=contacts, state="sending").model_copy(update=claim))
    others = [(state, *counts) for state, given in batches_before.items() for counts in given]
    for number, (state, of, rejected) in enumerate(others, 2):
        batch = Batch(run_id=run.run_id, number=number, contacts=of, rejected=rejected)
        runs.add_batch(batch.model_copy(update={"state": state}))
    stored = runs.batch(run.run_id, "0001")
    assert stored is not None
    return run, stored


def refused(world: World, run: Run, stored: Stored[Batch]) -> Batch:
    halve_or_reject(world.services, run, stored, Refused(400, "no"))
    found = world.services.runs.batch(run.run_id, "0001")
    assert found is not None
    return found.value


def test_a_batch_that_is_split_says_why_and_belongs_to_nobody_any_more(world: World) -> None:
    run, stored = sending(world, 8)
    update = {"state": "split", "error": str(Refused(400, "no")), "claimed_until": None, "unclear_until": None}
    assert refused(world, run, stored) == stored.value.model_copy(update=update)


def test_a_contact_that_is_refused_alone_is_a_batch_that_is_done(world: World) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    world.fault("cut-before", times=1)
    world.fault("poison-contact", match="ana@")
    run = world.run_to_end(world.add_export("Loyal"))
    (stored,) = world.services.runs.batches(run.run_id)
    batch = stored.value
    assert batch.unclear_sends == 1
    assert (batch.state, batch.rejected, batch.percent_done) == ("completed", 1, 100)
    assert (batch.error, batch.claimed_until) == (None, None)


def test_a_batch_of_which_no_more_is_tried_has_failed_and_belongs_to_nobody_any_more(world: World) -> None:
    run, stored = sending(world, 8, completed=[(1, 1)] * 10)
    why = f"{Refused(400, 'no')}; it refused each of 10 single contacts too"
    update = {"state": "failed", "error": why, "claimed_until": None, "unclear_until": None}
    assert refused(world, run, stored) == stored.value.model_copy(update=update)


@pytest.mark.parametrize(
    "others",
    [
        {"completed": [(1, 1)] * 9},
        {"completed": [(1, 1)] * 9 + [(2, 2)]},
        {"completed": [(1, 1)] * 10 + [(2, 1)]},
        {"completed": [(1, 1)] * 10, "uploaded": [(2, 0)]},
    ],
    ids=["nine alone", "nine alone and two together", "one was taken", "two may be taken"],
)
def test_a_refused_batch_is_looked_into_unless_ten_single_contacts_and_all_others_were_refused(
    world: World, others: dict[str, list[tuple[int, int]]]
) -> None:
    assert refused(world, *sending(world, 8, **others)).state == "split"


def test_a_contact_whose_place_is_not_known_is_no_rejected_row(world: World) -> None:
    run = world.start(world.add_export("Loyal"))
    world.files(run).write_batch(1, b"email\r\n", b"")
    world.services.runs.add_batch(Batch(run_id=run.run_id, number=1, contacts=1, state="sending"))
    (stored,) = world.services.runs.batches(run.run_id)
    with pytest.raises(LookupError, match="is not known"):
        halve_or_reject(world.services, run, stored, Refused(400, "no"))
    assert list(world.files(run).rejected_rows()) == []
