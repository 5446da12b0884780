"""What `azd up` does besides the Bicep: it registers the app, looks at an existing account, subscribes to events."""

from __future__ import annotations

import json
import os
import re
import shlex
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.infra.bicep import INFRA, ROOT, declared
from tests.infra.cloud import Cloud
from tests.infra.test_wiring import azd_variables

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the commands that stand for az and azd are scripts for POSIX")

ACCOUNT_ID = "/subscriptions/s/resourceGroups/data/providers/Microsoft.Storage/storageAccounts/lake"
OTHER_ID = ACCOUNT_ID.replace("lake", "pond")
IDENTITY = "11111111-2222-3333-4444-555555555555"
CLIENT = "99999999-8888-7777-6666-555555555555"


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    return Cloud(tmp_path)


# --- An existing account ----------------------------------------------------------------------------------------------


@pytest.fixture
def lake(cloud: Cloud) -> Cloud:
    """A storage account that will do."""
    cloud.environment = {"SNAPSHOT_STORAGE_ACCOUNT": "lake"}
    cloud.answers_to("az storage account show", {"id": ACCOUNT_ID, "resourceGroup": "data"})
    cloud.answers_to("az storage account blob-service-properties show", {"deleteRetentionPolicy": {"enabled": False}})
    cloud.answers_to("az storage container-rm exists", {"exists": True})
    cloud.answers_to("az eventgrid system-topic list", [])
    return cloud


def test_without_an_account_of_ones_own_nothing_is_looked_at(cloud: Cloud) -> None:
    assert cloud.run("check_snapshot_account").returncode == 0
    assert cloud.calls() == []


def test_an_account_that_will_do_is_kept_with_its_resource_group(lake: Cloud) -> None:
    done = lake.run("check_snapshot_account")
    assert (done.returncode, done.stderr) == (0, "")
    assert lake.kept() == {"SNAPSHOT_STORAGE_RESOURCE_GROUP": "data", "SNAPSHOT_STORAGE_HAS_TOPIC": "false"}


@pytest.mark.parametrize(
    ("name", "source", "expected"),
    [
        ("theirs", ACCOUNT_ID.upper(), "true"),
        ("egst-lake", ACCOUNT_ID, "false"),
        ("theirs", OTHER_ID, "false"),
    ],
)
def test_a_topic_that_the_account_has_already_is_not_made_twice(
    lake: Cloud, name: str, source: str, expected: str
) -> None:
    topic = {"name": name, "source": source, "resourceGroup": "events"}
    lake.answers_to("az eventgrid system-topic list", {"value": [topic]})
    assert lake.run("check_snapshot_account").returncode == 0
    assert lake.kept()["SNAPSHOT_STORAGE_HAS_TOPIC"] == expected


@pytest.mark.parametrize(("account", "code"), [("lake", 1), ("", 0)])
def test_azd_down_is_stopped_where_it_would_delete_an_account_that_was_there_before(
    cloud: Cloud, account: str, code: int
) -> None:
    cloud.environment = {"SNAPSHOT_STORAGE_ACCOUNT": account, "AZURE_RESOURCE_GROUP": "rg-exports"}
    done = cloud.run("keep_snapshots")
    assert done.returncode == code
    assert ("az group delete --name rg-exports" in done.stderr) == bool(account)
    assert cloud.calls() == []


def test_blob_soft_delete_stops_everything_and_says_what_to_do(lake: Cloud) -> None:
    on = {"deleteRetentionPolicy": {"enabled": True, "days": 7}}
    lake.answers_to("az storage account blob-service-properties show", on)
    done = lake.run("check_snapshot_account")
    assert done.returncode == 1
    assert "Blob soft delete is on in the storage account lake" in done.stderr
    assert "--enable-delete-retention false --account-name lake --resource-group data" in done.stderr
    assert lake.kept() == {}


def test_a_container_that_is_not_there_is_said(lake: Cloud) -> None:
    lake.environment["SNAPSHOT_CONTAINER"] = "out"
    lake.answers_to("az storage container-rm exists", {"exists": False})
    done = lake.run("check_snapshot_account")
    assert done.returncode == 1
    assert "has no container out" in done.stderr
    assert "az storage container-rm create --name out" in done.stderr


def test_an_account_that_cannot_be_seen_is_said(lake: Cloud) -> None:
    lake.answers_to("az storage account show", Exception("ResourceNotFound"))
    done = lake.run("check_snapshot_account")
    assert done.returncode == 1
    assert "SNAPSHOT_STORAGE_ACCOUNT" in done.stderr
    assert "ResourceNotFound" in done.stderr


# --- The registration -------------------------------------------------------------------------------------------------


@pytest.fixture
def entra(cloud: Cloud) -> Cloud:
    """A directory that lets one do everything and has no registration yet."""
    cloud.environment = {"AZURE_ENV_NAME": "prod"}
    cloud.answers_to("az ad app list", [{"appId": "other", "displayName": "Segment exports (prod2)"}])
    cloud.answers_to("az ad app create", {"appId": CLIENT})
    cloud.answers_to("az ad sp show", Exception("not found"))
    cloud.answers_to("az ad sp create", {"id": "enterprise"})
    cloud.answers_to("az ad signed-in-user show", {"id": "me"})
    return cloud


def test_a_registration_of_ones_own_is_left_alone(entra: Cloud) -> None:
    entra.environment["ENTRA_CLIENT_ID"] = CLIENT
    assert entra.run("register_app").returncode == 0
    assert entra.calls() == []


def test_the_app_is_registered_with_its_roles_and_only_people_with_a_role_get_in(entra: Cloud) -> None:
    done = entra.run("register_app")
    assert (done.returncode, done.stderr) == (0, "")
    assert entra.kept() == {"ENTRA_CLIENT_ID": CLIENT}
    (create,) = entra.calls("az ad app create")
    roles = json.loads((INFRA / "app-roles.json").read_text(encoding="utf-8"))
    assert create[3:7] == ["create", "--display-name", "Segment exports (prod)", "--sign-in-audience"]
    assert json.loads(create[-1]) == roles
    assert entra.calls("az ad sp update")[0][-1] == "appRoleAssignmentRequired=true"
    (give,) = entra.calls("az rest")
    administrator = next(one["id"] for one in roles if one["value"] == "Administrator")
    assert json.loads(give[-1]) == {"principalId": "me", "resourceId": "enterprise", "appRoleId": administrator}
    assert "You are its first administrator" in done.stdout


def test_a_registration_that_an_earlier_try_left_behind_is_taken(entra: Cloud) -> None:
    entra.answers_to("az ad app list", [{"appId": CLIENT, "displayName": "Segment exports (prod)"}])
    entra.answers_to("az ad sp show", {"id": "enterprise"})
    assert entra.run("register_app").returncode == 0
    assert entra.calls("az ad app create") + entra.calls("az ad sp create") == []
    assert entra.kept() == {"ENTRA_CLIENT_ID": CLIENT}


def test_of_two_registrations_of_that_name_none_is_guessed(entra: Cloud) -> None:
    entra.answers_to("az ad app list", [{"appId": one, "displayName": "Segment exports (prod)"} for one in "ab"])
    done = entra.run("register_app")
    assert done.returncode == 1
    assert "There are 2 app registrations" in done.stderr


def test_somebody_who_may_not_register_apps_is_told_what_to_do(entra: Cloud) -> None:
    entra.answers_to("az ad app create", Exception("Insufficient privileges to complete the operation."))
    done = entra.run("register_app")
    assert done.returncode == 1
    assert "azd env set ENTRA_CLIENT_ID" in done.stderr
    assert "Insufficient privileges" in done.stderr
    assert entra.kept() == {}


def test_where_the_first_administrator_cannot_be_made_it_says_how(entra: Cloud) -> None:
    entra.answers_to("az rest", Exception("Forbidden"))
    done = entra.run("register_app")
    assert done.returncode == 0
    assert "Nobody can sign in yet. Give people a role: Entra > Enterprise applications" in done.stdout


# --- The app's address and identity -----------------------------------------------------------------------------------


@pytest.fixture
def made(cloud: Cloud) -> Cloud:
    """A registration, and an app that it does not know yet."""
    cloud.environment = {
        "ENTRA_CLIENT_ID": CLIENT,
        "APP_SIGN_IN_CLIENT_ID": CLIENT,
        "APP_ADDRESS": "https://func-abc.azurewebsites.net",
        "APP_IDENTITY_PRINCIPAL_ID": IDENTITY,
    }
    cloud.answers_to("az ad app show", {"web": {"redirectUris": ["https://old.example.com/.auth/login/aad/callback"]}})
    cloud.answers_to("az account show", {"tenantId": "tenant"})
    cloud.answers_to("az ad app federated-credential list", [])
    return cloud


def test_the_registration_learns_the_address_and_trusts_the_identity(made: Cloud) -> None:
    made.environment["SITE_URL"] = "https://exports.example.com/"
    done = made.run("trust_app")
    assert (done.returncode, done.stderr) == (0, "")
    (update,) = made.calls("az ad app update")
    assert update[update.index("--web-redirect-uris") + 1 :] == [
        "https://old.example.com/.auth/login/aad/callback",
        "https://func-abc.azurewebsites.net/.auth/login/aad/callback",
        "https://exports.example.com/.auth/login/aad/callback",
    ]
    assert update[update.index("--enable-id-token-issuance") + 1] == "true"
    (create,) = made.calls("az ad app federated-credential create")
    assert json.loads(create[-1]) == {
        "name": "segment-exports",
        "issuer": "https://login.microsoftonline.com/tenant/v2.0",
        "subject": IDENTITY,
        "audiences": ["api://AzureADTokenExchange"],
    }
    assert "https://exports.example.com/connections/callback" in done.stdout


def test_what_was_done_is_not_done_again(made: Cloud) -> None:
    made.run("trust_app")
    made.environment |= made.kept()
    before = len(made.calls())
    assert made.run("trust_app").returncode == 0
    assert len(made.calls()) == before


def test_a_registration_that_is_as_it_should_be_is_only_looked_at(made: Cloud) -> None:
    callback = "https://func-abc.azurewebsites.net/.auth/login/aad/callback"
    web = {"redirectUris": [callback], "implicitGrantSettings": {"enableIdTokenIssuance": True}}
    made.answers_to("az ad app show", {"web": web})
    issuer = "https://login.microsoftonline.com/tenant/v2.0"
    made.answers_to("az ad app federated-credential list", [{"name": "x", "issuer": issuer, "subject": IDENTITY}])
    for change in ("az ad app update", "az ad app federated-credential create"):
        made.answers_to(change, Exception("Insufficient privileges"))
    assert made.run("trust_app").returncode == 0
    assert made.calls("az ad app update") == []


def test_an_identity_that_was_made_anew_takes_the_place_of_the_old_one(made: Cloud) -> None:
    issuer = "https://login.microsoftonline.com/tenant/v2.0"
    old = {"name": "segment-exports", "issuer": issuer, "subject": "gone"}
    made.answers_to("az ad app federated-credential list", [old])
    assert made.run("trust_app").returncode == 0
    assert len(made.calls("az ad app federated-credential update")) == 1
    assert made.calls("az ad app federated-credential create") == []


def test_an_identity_that_is_trusted_already_stays(made: Cloud) -> None:
    issuer = "https://login.microsoftonline.com/tenant/v2.0"
    made.answers_to("az ad app federated-credential list", [{"name": "mine", "issuer": issuer, "subject": IDENTITY}])
    assert made.run("trust_app").returncode == 0
    assert [one[4] for one in made.calls("az ad app federated-credential")] == ["list"]


@pytest.mark.parametrize("made_for", ["", "another"])
def test_an_app_that_was_made_for_another_registration_is_made_again(made: Cloud, made_for: str) -> None:
    made.environment["APP_SIGN_IN_CLIENT_ID"] = made_for
    done = made.run("trust_app")
    assert done.returncode == 1
    assert "The app was made for another registration than ENTRA_CLIENT_ID. Run: azd provision" in done.stderr
    assert made.calls() == []


def test_somebody_who_may_not_change_the_registration_is_told_what_to_do(made: Cloud) -> None:
    made.answers_to("az ad app show", Exception("Insufficient privileges"))
    done = made.run("trust_app")
    assert done.returncode == 1
    assert "An owner of it has to run this" in done.stderr
    assert "azd hooks run postprovision" in done.stderr
    assert made.kept() == {}


# --- Events of new snapshots ------------------------------------------------------------------------------------------


@pytest.fixture
def deployed(cloud: Cloud) -> Cloud:
    """An app with its code, and a topic."""
    cloud.environment = {
        "AZURE_RESOURCE_GROUP": "rg-prod",
        "APP_NAME": "func-abc",
        "APP_ADDRESS": "https://func-abc.azurewebsites.net",
        "SNAPSHOT_ACCOUNT_ID": ACCOUNT_ID,
        "SNAPSHOT_CONTAINER_NAME": "segments",
    }
    topic = {"name": "egst-lake", "source": ACCOUNT_ID, "resourceGroup": "data"}
    cloud.answers_to("az eventgrid system-topic list", [topic])
    cloud.answers_to("az functionapp keys list", {"systemKeys": {"blobs_extension": "key"}})
    return cloud


def test_the_app_is_told_of_new_snapshots(deployed: Cloud) -> None:
    done = deployed.run("subscribe_to_snapshots")
    assert (done.returncode, done.stderr) == (0, "")
    (create,) = deployed.calls("az deployment group create")
    assert create[create.index("--resource-group") + 1] == "data"
    given = {name: one["value"] for name, one in json.loads(create[-1])["parameters"].items()}
    assert given == {
        "name": "func-abc",
        "topicName": "egst-lake",
        "appAddress": "https://func-abc.azurewebsites.net",
        "containerName": "segments",
        "key": "key",
    }
    asked = [one.name for one in declared(INFRA, "param") if one.file == "modules/subscription.bicep"]
    assert sorted(given) == sorted(asked)


def test_the_key_is_in_no_command_line(deployed: Cloud) -> None:
    deployed.run("subscribe_to_snapshots")
    assert '"key": {"value": "key"}' in deployed.calls("az deployment")[0][-1]
    assert not [word for one in deployed.typed() for word in one if "key" in word and word != "keys"]


def test_an_app_that_is_still_starting_is_waited_for(deployed: Cloud) -> None:
    not_yet: object = {"systemKeys": {}}
    deployed.answers_to(
        "az functionapp keys list", Exception("ServiceUnavailable"), not_yet, {"systemKeys": {"blobs_extension": "key"}}
    )
    deployed.answers_to("az deployment group create", Exception("URL validation failed"), {})
    done = deployed.run("subscribe_to_snapshots", "60", "0.01")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("Waiting for the app to start") == 2
    assert "Event Grid was not answered yet" in done.stdout


@pytest.mark.parametrize(
    ("command", "refusal", "words"),
    [
        ("az functionapp keys list", Exception("no host"), "The app has no key for blob events yet"),
        ("az deployment group create", Exception("validation"), "Event Grid could not be told"),
        ("az eventgrid system-topic list", [], "has no Event Grid system topic. Run `azd provision`"),
    ],
)
def test_where_it_takes_too_long_it_says_what_to_do(deployed: Cloud, command: str, refusal: object, words: str) -> None:
    deployed.answers_to(command, refusal)
    done = deployed.run("subscribe_to_snapshots", "0")
    assert done.returncode == 1
    assert words in done.stderr
    assert "azd hooks run postdeploy" in done.stderr


# --- All of them ------------------------------------------------------------------------------------------------------


def test_without_az_they_say_where_to_get_it(entra: Cloud) -> None:
    (entra.folder / "bin" / "az").unlink()
    done = entra.run("register_app")
    assert done.returncode == 1
    assert "The command az was not found. Install it (https://aka.ms/azure-cli)" in done.stderr


def test_they_ask_about_the_subscription_of_the_environment(lake: Cloud) -> None:
    lake.environment["AZURE_SUBSCRIPTION_ID"] = "mine"
    assert lake.run("check_snapshot_account").returncode == 0
    assert {tuple(one[-2:]) for one in lake.calls("az ")} == {("--subscription", "mine")}


@pytest.mark.parametrize("hook", ["register_app", "trust_app", "subscribe_to_snapshots"])
def test_run_by_hand_they_say_what_is_missing(cloud: Cloud, hook: str) -> None:
    done = cloud.run(hook)
    assert done.returncode == 1
    assert re.match(r"\n[A-Z_]+ is not set\. This is run by `azd up`", done.stderr)


def test_azd_runs_the_same_hooks_on_every_system() -> None:
    hooks = YAML(typ="safe").load(ROOT / "azure.yaml")["hooks"]
    run = {}
    for moment, systems in hooks.items():
        posix, windows = systems["posix"], systems["windows"]
        assert (posix["shell"], windows["shell"]) == ("sh", "pwsh")
        scripts = [word for word in shlex.split(posix["run"]) if word.endswith(".py")]
        assert windows["run"] == posix["run"].replace("python3", "python") + "; exit $LASTEXITCODE"
        assert all((ROOT / one).is_file() for one in scripts)
        run[moment] = [Path(one).stem for one in scripts]
    assert run == {
        "preprovision": ["check_snapshot_account", "register_app"],
        "postprovision": ["trust_app"],
        "postdeploy": ["subscribe_to_snapshots"],
        "predown": ["keep_snapshots"],
    }


def test_azd_asks_for_nothing_that_a_hook_finds_out() -> None:
    kept = set()
    for path in (INFRA / "hooks").glob("*.py"):
        kept |= set(re.findall(r'keep\("([A-Z_]+)"', path.read_text(encoding="utf-8")))
    assert {"ENTRA_CLIENT_ID", "SNAPSHOT_STORAGE_HAS_TOPIC"} < kept
    # It asks before any hook has run, for every parameter that has no default.
    written = (INFRA / "main.parameters.json").read_text(encoding="utf-8")
    assert [one for one in kept if f"${{{one}}}" in written] == []


def test_what_the_hooks_read_is_an_output_or_can_be_set() -> None:
    read = set()
    for path in (INFRA / "hooks").glob("*.py"):
        read |= set(re.findall(r'value(?:_or_none)?\("([A-Z_]+)"\)', path.read_text(encoding="utf-8")))
    outputs = {one.name for one in declared(INFRA, "output") if one.file == "main.bicep"}
    assert read - outputs - azd_variables(INFRA) == {"ENTRA_TRUSTS", "AZURE_SUBSCRIPTION_ID"}
    assert outputs - read == {"KEY_VAULT_NAME"}
