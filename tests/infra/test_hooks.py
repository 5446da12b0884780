"""What `azd up` does besides the Bicep: it looks at what is there already, and subscribes to events."""

from __future__ import annotations

import json
import os
import re
import shlex
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.infra.bicep import INFRA, ROOT, declared
from tests.infra.cloud import SUBSCRIPTION, Cloud
from tests.infra.test_wiring import azd_variables

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the commands that stand for az and azd are scripts for POSIX")

ACCOUNT_ID = "/subscriptions/s/resourceGroups/data/providers/Microsoft.Storage/storageAccounts/lake"
OTHER_ID = ACCOUNT_ID.replace("lake", "pond")


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


OURS = {"name": "egst-lake", "source": ACCOUNT_ID, "resourceGroup": "Data", "tags": {"workload": "segment-exports"}}


@pytest.mark.parametrize(
    ("topic", "expected"),
    [
        (OURS, "false"),
        (OURS | {"name": "theirs", "source": ACCOUNT_ID.upper()}, "true"),
        (OURS | {"resourceGroup": "events"}, "true"),
        (OURS | {"tags": None}, "true"),
        (OURS | {"tags": {"workload": "other"}}, "true"),
        (OURS | {"name": "theirs", "source": OTHER_ID}, "false"),
    ],
)
def test_a_topic_of_somebody_elses_is_used_and_not_made_twice(
    lake: Cloud, topic: dict[str, object], expected: str
) -> None:
    lake.answers_to("az eventgrid system-topic list", {"value": [topic]})
    assert lake.run("check_snapshot_account").returncode == 0
    assert lake.kept()["SNAPSHOT_STORAGE_HAS_TOPIC"] == expected


@pytest.mark.parametrize(
    ("wished", "deployed"),
    [
        ("lake", ""),
        ("lake", ACCOUNT_ID),
        # Deployed with it, and then thought better of.
        ("", ACCOUNT_ID),
    ],
)
def test_azd_down_is_stopped_where_it_would_delete_an_account_that_was_there_before(
    cloud: Cloud, wished: str, deployed: str
) -> None:
    cloud.environment = {"AZURE_RESOURCE_GROUP": "rg-exports", "SNAPSHOT_STORAGE_ACCOUNT": wished}
    cloud.environment["SNAPSHOT_ACCOUNT_ID"] = deployed
    done = cloud.run("keep_snapshots")
    assert done.returncode == 1
    assert "the storage account lake," in done.stderr
    assert "az group delete --name rg-exports" in done.stderr
    assert cloud.calls() == []


@pytest.mark.parametrize("deployed", ["", ACCOUNT_ID.replace("/data/", "/RG-Exports/")])
def test_azd_down_deletes_an_account_that_was_made_here(cloud: Cloud, deployed: str) -> None:
    cloud.environment = {"AZURE_RESOURCE_GROUP": "rg-exports", "SNAPSHOT_ACCOUNT_ID": deployed}
    done = cloud.run("keep_snapshots")
    assert (done.returncode, done.stderr) == (0, "")


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


# --- A private network ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", ["", "false"])
def test_without_a_private_network_no_provider_is_looked_at(cloud: Cloud, wanted: str) -> None:
    cloud.environment = {"PRIVATE_NETWORK": wanted}
    assert cloud.run("prepare_network").returncode == 0
    assert cloud.calls() == []


@pytest.mark.parametrize(("state", "registered"), [("NotRegistered", 1), ("Registered", 0)])
def test_a_private_network_has_the_provider_that_lets_the_app_into_it(
    cloud: Cloud, state: str, registered: int
) -> None:
    cloud.environment = {"PRIVATE_NETWORK": "True"}
    cloud.answers_to("az provider show --namespace Microsoft.App", {"registrationState": state})
    done = cloud.run("prepare_network")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(cloud.calls("az provider register --namespace Microsoft.App --wait")) == registered


def test_somebody_who_may_not_register_the_provider_is_told_what_to_do(cloud: Cloud) -> None:
    cloud.environment = {"PRIVATE_NETWORK": "true"}
    cloud.answers_to("az provider show", {"registrationState": "NotRegistered"})
    cloud.answers_to("az provider register", Exception("AuthorizationFailed"))
    done = cloud.run("prepare_network")
    assert done.returncode == 1
    assert "an Owner or Contributor of the subscription" in done.stderr
    assert "AuthorizationFailed" in done.stderr


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


def test_without_az_they_say_where_to_get_it(lake: Cloud) -> None:
    (lake.folder / "bin" / "az").unlink()
    done = lake.run("check_snapshot_account")
    assert done.returncode == 1
    assert "The command az was not found. Install it (https://aka.ms/azure-cli)" in done.stderr


def test_they_ask_about_the_subscription_of_the_environment(lake: Cloud) -> None:
    assert lake.run("check_snapshot_account").returncode == 0
    asked = [one for one in lake.typed() if one[0] == "az"]
    assert {one[one.index("--subscription") + 1] for one in asked} == {SUBSCRIPTION}


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
        "preprovision": ["prepare_network", "check_snapshot_account", "register_app"],
        "postprovision": ["trust_app"],
        "postdeploy": ["subscribe_to_snapshots"],
        "predown": ["keep_snapshots"],
    }


def test_one_after_the_other_they_lead_from_nothing_to_an_app_that_hears_of_snapshots(cloud: Cloud) -> None:
    hooks = YAML(typ="safe").load(ROOT / "azure.yaml")["hooks"]
    cloud.environment = {"AZURE_ENV_NAME": "prod", "PRIVATE_NETWORK": "true"}
    cloud.answers_to("az provider show", {"registrationState": "Registered"})
    cloud.answers_to("az account show", {"tenantId": "tenant"})
    cloud.answers_to("az ad app list", [])
    cloud.answers_to("az ad app create", {"appId": "client"})
    cloud.answers_to("az ad sp show", {"id": "enterprise"})
    cloud.answers_to("az ad signed-in-user show", {"id": "me"})
    assert cloud.run_text(hooks["preprovision"]["posix"]["run"]).stderr == ""
    cloud.environment |= cloud.kept() | {
        "APP_ADDRESS": "https://func-abc.azurewebsites.net",
        "APP_IDENTITY_PRINCIPAL_ID": "identity",
        "APP_NAME": "func-abc",
        "APP_SIGN_IN_CLIENT_ID": "client",
        "AZURE_RESOURCE_GROUP": "rg-prod",
        "SNAPSHOT_ACCOUNT_ID": ACCOUNT_ID,
        "SNAPSHOT_CONTAINER_NAME": "segments",
    }
    cloud.answers_to("az ad app show", {"web": {}})
    cloud.answers_to("az ad app federated-credential list", [])
    cloud.answers_to("az eventgrid", [{"name": "egst-lake", "source": ACCOUNT_ID, "resourceGroup": "data"}])
    cloud.answers_to("az functionapp keys list", {"systemKeys": {"blobs_extension": "key"}})
    for moment in ("postprovision", "postdeploy"):
        assert cloud.run_text(hooks[moment]["posix"]["run"]).stderr == ""
    assert cloud.kept() == {
        "ENTRA_CLIENT_ID": "client",
        "ENTRA_TRUSTS": "client identity https://func-abc.azurewebsites.net",
    }
    assert len(cloud.calls("az deployment group create")) == 1


def test_azd_is_new_enough_to_leave_out_what_is_not_to_be_deployed() -> None:
    project = YAML(typ="safe").load(ROOT / "azure.yaml")
    assert project["requiredVersions"] == {"azd": ">= 1.18.0"}
    assert "1.18.0 or later" in (ROOT / "docs" / "install.md").read_text(encoding="utf-8")


def test_the_platform_builds_the_package_for_its_own_system() -> None:
    assert YAML(typ="safe").load(ROOT / "azure.yaml")["services"]["app"]["remoteBuild"] is True


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
    assert outputs - read == {"KEY_VAULT_NAME", "STORAGE_ACCOUNT_NAME"}
