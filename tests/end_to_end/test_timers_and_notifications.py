"""At the host: the timers that start what is due, and the post that tells of a failure and of the recovery."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from standardwebhooks.webhooks import Webhook

from exporters.notifications import SECRET_NAME
from exporters.runs import ENDED
from local.samples import write_samples
from local.snapshot_folder import upload
from local.stand import Stand
from shared.models import Schedule
from tests.exporters.receiver import Receiver, running_receiver
from tests.local.host.running import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NEVER_TODAY = "0 0 0 29 2 *"


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with running_receiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def stand(receiver: Receiver) -> Iterator[Stand]:
    settings = {"NOTIFICATION_WEB_ADDRESS": receiver.url, "REFRESH_SCHEDULE": NEVER_TODAY}
    with Stand(settings=settings) as stand:
        stand._keep_secret(SECRET_NAME, KEY)
        yield stand


def call_function(stand: Stand, name: str) -> requests.Response:
    """As an operator does."""
    url, headers = f"{stand.site_url}/admin/functions/{name}", {"x-functions-key": stand.keys.master}
    return requests.post(url, json={"input": ""}, headers=headers, timeout=30)


def run_to_end(stand: Stand, export_id: str) -> str:
    run_id = stand.app.start_run(export_id)
    eventually(lambda: stand.app.run(export_id, run_id).status in ENDED, "the end of the run", seconds=60)
    return run_id


def log_of(stand: Stand) -> str:
    return "\n".join(path.read_text("utf-8", "replace") for path in stand.folder.glob("*.log"))


def test_the_timer_of_own_schedules_looks_what_is_due(stand: Stand) -> None:
    assert call_function(stand, "start_due").status_code == 202
    eventually(lambda: "own schedules, and what was missed, started 0 runs" in log_of(stand), "the look")


def test_a_failure_and_the_recovery_are_posted_and_signed(stand: Stand, receiver: Receiver, tmp_path: Path) -> None:
    export = stand.app.add_export(
        "Newsletter",
        stand.connect("Local Company"),
        list_id=stand.account.list_id,
        segments=["LoyaltyMembers"],
        mapping={"email": "EMail", "first_name": "FirstName"},
        schedule=Schedule(active=False),
    )
    receiver.answers = [503]
    failed = run_to_end(stand, export.id)
    # The first post was refused for now, and comes again after five seconds.
    eventually(lambda: len(receiver.received) == 2, "the post of the failure")
    upload(write_samples(tmp_path, 50).folder, stand.snapshots)
    good = run_to_end(stand, export.id)
    eventually(lambda: len(receiver.received) == 3, "the post of the recovery")

    first, again, last = receiver.received
    assert first.body == again.body
    told = [Webhook(KEY).verify(post.body, post.headers) for post in (again, last)]
    assert [(one["type"], one["data"]["run_id"]) for one in told] == [
        ("export.failed", failed),
        ("export.recovered", good),
    ]
    assert told[0]["data"]["problem"] == "no_snapshot"
    assert told[0]["data"]["run_url"] == f"{stand.site_url}/exports/{export.id}/runs/{failed}"


def test_the_log_of_the_host_has_the_events_and_not_the_address(stand: Stand, receiver: Receiver) -> None:
    log = log_of(stand)
    assert "export.failed: export " in log
    assert "export.recovered: export " in log
    assert receiver.url not in log
