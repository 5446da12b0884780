"""Which refusals are looked into contact by contact, and when that is given up."""

from __future__ import annotations

import pytest

from exporters.constant_contact.errors import Refused
from exporters.halving import halve_or_reject, is_about_contacts
from exporters.runs import Batch
from tests.exporters.world import World


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_refusal_of_the_content_may_be_the_fault_of_some_contacts(status: int) -> None:
    assert is_about_contacts(Refused(status, "no"))


@pytest.mark.parametrize("status", [301, 401, 403, 404, 409, 414, 415, 423])
def test_any_other_refusal_concerns_the_whole_run(status: int) -> None:
    assert not is_about_contacts(Refused(status, "no"))


def test_a_contact_whose_place_is_not_known_is_no_rejected_row(world: World) -> None:
    run = world.start(world.add_export("Loyal"))
    world.files(run).write_batch(1, b"email\r\n", b"")
    world.services.runs.add_batch(Batch(run_id=run.run_id, number=1, contacts=1, state="sending"))
    (stored,) = world.services.runs.batches(run.run_id)
    with pytest.raises(LookupError, match="is not known"):
        halve_or_reject(world.services, run, stored, Refused(400, "no"))
    assert list(world.files(run).rejected_rows()) == []
