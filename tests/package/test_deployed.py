"""What is deployed does its work in Azure's way: nothing but its package and requirements, tokens instead of keys."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import requests
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError
from azure.storage.blob import BlobServiceClient
from standardwebhooks.webhooks import Webhook

from exporters import start
from exporters.last_look import LastLook
from exporters.notifications import SECRET_NAME
from exporters.runs import ENDED, Run
from local.azurite import ACCOUNT_KEY
from local.event_grid import EventGrid
from local.identity import unsigned_token
from local.samples import Samples, write_samples
from local.simulator_client import Account
from local.snapshot_folder import upload
from shared.documents import new_id
from shared.loose_secrets import LooseSecret
from shared.models import Export, Schedule
from shared.queues import ACTIVITIES, BATCHES, NOTIFICATIONS, RUNS, Message, Queues
from shared.storage import Storage
from tests.exporters.receiver import Receiver, running_receiver
from tests.local.host.running import eventually
from tests.package.deployed import Deployed, Deployment, running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

SEGMENT = "LoyaltyMembers"
WEBHOOK_KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BY_HAND = Schedule(active=False)
# Each function of the app, and whether the host runs it by a timer, a queue, an event or a request.
FUNCTIONS = {
    "refresh": "timer",
    "start_due": "timer",
    "sweep": "timer",
    "keep_grants_alive": "timer",
    "snapshot_arrived": "event",
    "zy_api": "request",
    "zz_pages": "request",
    "prepare_run": "queue",
    "upload_batch": "queue",
    "follow_activities": "queue",
    "notify": "queue",
    "give_up_run": "queue",
    "give_up_batch": "queue",
    "give_up_activities": "queue",
    "give_up_notification": "queue",
}


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with running_receiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    return write_samples(tmp_path_factory.mktemp("samples"), 200)


@pytest.fixture(scope="module")
def deployed(
    deployment: Deployment, receiver: Receiver, samples: Samples, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployed]:
    refreshed = datetime.now(UTC) - timedelta(minutes=4)
    settings = {
        "NOTIFICATION_WEB_ADDRESS": receiver.url,
        "REFRESH_SCHEDULE": f"0 {refreshed.minute} {refreshed.hour} * * *",
    }
    with running(deployment, tmp_path_factory.mktemp("deployed"), settings) as deployed:
        deployed.services.secrets.set(SECRET_NAME, WEBHOOK_KEY)
        upload(samples.folder, deployed.services.snapshots)
        yield deployed


@pytest.fixture
def account(deployed: Deployed) -> Account:
    """An account of its own, so that its list holds what the test has sent."""
    return deployed.simulator.add_account(new_id(), deployed.account)


def add_export(deployed: Deployed, account: Account, schedule: Schedule = BY_HAND) -> Export:
    """An export that there has been for an hour."""
    export = Export(
        id=new_id(),
        name=f"Loyal customers of {account.name}",
        connection_id=deployed.signed_in_connection(account).id,
        list_id=account.list_id,
        segments=(SEGMENT,),
        mapping={"email": "EMail", "first_name": "FirstName"},
        schedule=schedule,
        created_at=datetime.now(UTC) - timedelta(hours=1),
        created_by="Ada Administrator",
    )
    assert deployed.services.exports.add(export)
    return export


def nobody_has_looked_for_minutes(deployed: Deployed) -> None:
    """As if no timer had come for three quarters of an hour."""
    table = Storage(deployed.services.settings.storage).table("Schedules")
    for row in table.list_entities():
        table.delete_entity(row)
    LastLook(table).move(datetime.now(UTC) - timedelta(minutes=45))


def the_run(deployed: Deployed, export: Export) -> Run:
    """The export's newest run, once it has ended."""

    def ended() -> Run | None:
        slot = deployed.services.runs.slot(export.id).value
        summaries = deployed.app.runs(export.id)
        if slot.run_id is not None or not summaries or summaries[0].status not in ENDED:
            return None
        return deployed.services.runs.get(export.id, summaries[0].run_id)

    return eventually(ended, "the end of the run", seconds=60)


def all_on_the_list(deployed: Deployed, account: Account, samples: Samples) -> bool:
    """Whether the list holds exactly the profiles that can be sent."""
    rows = list(csv.DictReader(io.StringIO(deployed.simulator.members_csv(account.list_id).decode())))
    return len(rows) == samples.expected([SEGMENT]).sent > 0


def give_up(deployed: Deployed, account: Account, queue: str) -> tuple[str, str]:
    """A run that nobody carries on, and a message about it that the host has given up; ids of export and run."""

    class Nowhere(Queues):
        def send(self, queue: str, message: Message, *, after_seconds: float = 0) -> None:
            """It is lost."""

    storage = Storage(deployed.services.settings.storage)
    lost = replace(deployed.services, queues=Nowhere(storage))
    export = add_export(deployed, account)
    run = start.start_on_demand(lost, export.id, "Ada Administrator")
    deployed.services.queues.send(f"{queue}-poison", Message(export_id=export.id, run_id=run.run_id))
    return export.id, run.run_id


# --- What there is, and with what it opens storage --------------------------------------------------------------------


def test_the_worker_finds_the_functions_of_which_each_is_shown_here(deployed: Deployed) -> None:
    listed = re.search(r"listening on \S+ functions: (.*)", deployed.log)

    assert listed
    assert set(listed[1].split()) == FUNCTIONS.keys()


def test_the_app_has_no_key_of_the_storage_account(deployed: Deployed) -> None:
    environment = "\n".join(f"{name}={value}" for name, value in deployed.environment.items())

    for word in (ACCOUNT_KEY, "AccountKey", "ConnectionString", "SharedAccess", "DefaultEndpointsProtocol"):
        assert word.lower() not in environment.lower()
    assert deployed.services.settings.storage.connection_string is None
    assert deployed.services.settings.snapshot_storage.connection_string is None


def test_storage_refuses_a_token_for_something_else(deployed: Deployed) -> None:
    class Credential:
        def get_token(self, *scopes: str, **options: object) -> AccessToken:
            until = int(datetime.now(UTC).timestamp()) + 3600
            return AccessToken(unsigned_token("https://vault.azure.net", until), until)

    address = str(deployed.services.settings.storage.blob_uri)
    with BlobServiceClient(address, credential=Credential()) as service, pytest.raises(ClientAuthenticationError):
        list(service.list_containers())


def test_the_identity_answers_only_for_the_id_that_the_settings_name(deployed: Deployed) -> None:
    def status(**more: str) -> int:
        query = {"resource": "https://storage.azure.com", "api-version": "2019-08-01", **more}
        headers = {"X-IDENTITY-HEADER": deployed.environment["IDENTITY_HEADER"]}
        address = deployed.environment["IDENTITY_ENDPOINT"]
        return requests.get(address, params=query, headers=headers, timeout=10).status_code

    assert status() == 400
    assert status(client_id=deployed.settings["AZURE_CLIENT_ID"]) == 200


def test_telemetry_is_sent_with_a_token_of_the_apps_identity(deployed: Deployed) -> None:
    deployed.call_timer("sweep")

    eventually(lambda: deployed.insights.received, "what Application Insights gets")
    assert {one.rstrip("/") for one in deployed.insights.audiences} == {"https://monitor.azure.com"}


# --- Timers -----------------------------------------------------------------------------------------------------------


def test_the_refresh_schedule_exports_a_snapshot_through_all_three_queues(
    deployed: Deployed, account: Account, samples: Samples
) -> None:
    export = add_export(deployed, account, Schedule())
    nobody_has_looked_for_minutes(deployed)
    deployed.call_timer("refresh")
    run = the_run(deployed, export)

    assert (run.trigger, run.status) == ("timer", "completed_with_warnings")
    assert all_on_the_list(deployed, account, samples)
    deployed.wait_for("prepare_run", "upload_batch", "follow_activities")


def test_the_timer_of_own_schedules_starts_what_is_due(deployed: Deployed, account: Account, samples: Samples) -> None:
    now = datetime.now(UTC)
    due = now - timedelta(minutes=now.minute % 5)
    export = add_export(deployed, account, Schedule(recurrence="daily", times=(f"{due:%H:%M}",)))
    nobody_has_looked_for_minutes(deployed)
    deployed.call_timer("start_due")
    run = the_run(deployed, export)

    assert (run.trigger, run.schedule_due) == ("timer", due.replace(second=0, microsecond=0))
    assert all_on_the_list(deployed, account, samples)


def test_the_sweep_deletes_a_secret_that_nothing_names(deployed: Deployed) -> None:
    secrets, loose = deployed.services.secrets, deployed.services.loose_secrets
    name = f"constant-contact-{new_id()}"
    secrets.set(name, "left behind")
    loose.write_down(LooseSecret(name=name, connection_id=new_id(), due=datetime.now(UTC) - timedelta(hours=1)))
    deployed.call_timer("sweep")

    assert secrets.get(name) is None
    assert name not in {one.value.name for one in loose.all()}


def test_the_daily_timer_refreshes_tokens_that_no_export_has_used(deployed: Deployed, account: Account) -> None:
    connection = deployed.signed_in_connection(account, idle=timedelta(days=31))
    before = deployed.services.secrets.get(connection.secret_name)
    deployed.call_timer("keep_grants_alive")

    assert deployed.services.secrets.get(connection.secret_name) != before


# --- Event, requests --------------------------------------------------------------------------------------------------


def test_the_event_of_a_new_snapshot_starts_its_exports(deployed: Deployed, account: Account, samples: Samples) -> None:
    export = add_export(deployed, account, Schedule())
    query = f"functionName=Host.Functions.snapshot_arrived&code={deployed.keys.blobs_extension}"
    with EventGrid(deployed.services.snapshots, [f"{deployed.site_url}/runtime/webhooks/blobs?{query}"]):
        upload(samples.folder, deployed.services.snapshots)
        run = the_run(deployed, export)

    assert run.trigger == "event"
    assert all_on_the_list(deployed, account, samples)
    deployed.wait_for("snapshot_arrived")


def test_a_request_with_a_key_starts_a_run_and_one_without_is_refused(
    deployed: Deployed, account: Account, samples: Samples
) -> None:
    export = add_export(deployed, account)
    address = f"{deployed.site_url}/api/exports/{export.id}/runs"

    assert requests.post(address, timeout=30).status_code == 401
    started = requests.post(address, headers={"x-functions-key": deployed.keys.default}, timeout=30)
    assert started.status_code == 202
    assert the_run(deployed, export).run_id == started.json()["run_id"]
    assert all_on_the_list(deployed, account, samples)


def test_the_pages_show_an_export_to_who_is_signed_in_and_ask_others_to(deployed: Deployed, account: Account) -> None:
    export = add_export(deployed, account)
    with requests.Session() as browser:
        before = browser.get(f"{deployed.site_url}/exports", timeout=30)
        browser.post(f"{deployed.site_url}/.auth/login/aad", data={"person": "vera"}, timeout=30)
        after = browser.get(f"{deployed.site_url}/exports", timeout=30)

    assert export.name not in before.text
    assert export.name in after.text
    deployed.wait_for("zz_pages")


# --- Queues of what failed again and again ----------------------------------------------------------------------------


def test_a_run_whose_preparing_was_given_up_fails_and_its_failure_is_posted(
    deployed: Deployed, account: Account, receiver: Receiver
) -> None:
    export_id, run_id = give_up(deployed, account, RUNS)

    def posted() -> bool:
        told = [Webhook(WEBHOOK_KEY).verify(one.body, one.headers) for one in receiver.received]
        return any((one["type"], one["data"]["run_id"]) == ("export.failed", run_id) for one in told)

    eventually(posted, "the post of the failure", seconds=60)
    assert deployed.services.runs.get(export_id, run_id).status == "failed"
    deployed.wait_for("give_up_run", "notify")


def test_a_run_whose_batch_was_given_up_sends_no_more(deployed: Deployed, account: Account) -> None:
    export_id, run_id = give_up(deployed, account, BATCHES)

    eventually(lambda: deployed.services.runs.get(export_id, run_id).stop, "the run to be stopped", seconds=60)
    deployed.wait_for("give_up_batch")


def test_a_run_that_nobody_could_follow_ends(deployed: Deployed, account: Account) -> None:
    export_id, run_id = give_up(deployed, account, ACTIVITIES)

    eventually(lambda: deployed.services.runs.get(export_id, run_id).ended, "the end of the run", seconds=60)
    deployed.wait_for("give_up_activities")


def test_a_notification_that_was_given_up_is_told_of_in_the_log(deployed: Deployed) -> None:
    run_id = new_id()
    deployed.services.queues.send(f"{NOTIFICATIONS}-poison", Message(export_id=new_id(), run_id=run_id))

    eventually(lambda: f"run {run_id}: its notification was given up" in deployed.log, "the line", seconds=60)
    deployed.wait_for("give_up_notification")
