"""The function app is described in words that the platform knows, and runs what this project is written for."""

from __future__ import annotations

import ast
import json
import re
import typing
import uuid
from pathlib import Path
from typing import Any

import pytest
from azure.mgmt.web import models
from azure.mgmt.web._utils.model_base import Model

from shared.people import ROLES
from tests.infra.bicep import INFRA, ROOT, declared, resource, resources, text
from tests.infra.conftest import Breaking, Change

# The newest that the worker library declares; the other two only develop.
PRODUCTION_PYTHON = "3.13"


def unknown(model: type, given: Any, path: str) -> list[str]:
    """Names of properties that the platform's own model of them does not have."""
    if isinstance(given, list):
        return [name for at, one in enumerate(given) for name in unknown(model, one, f"{path}[{at}]")]
    if not isinstance(given, dict) or not issubclass(model, Model):
        return []
    known = {field._rest_name: name for name, field in model()._attr_to_rest_field.items()}
    hints = typing.get_type_hints(model, {"_models": models, **vars(typing)})
    problems = []
    for name, value in given.items():
        if name not in known:
            problems.append(f"{path}.{name}")
        else:
            problems += unknown(_inner(hints[known[name]]), value, f"{path}.{name}")
    return problems


def _inner(hint: Any) -> type:
    """The class in `Optional[list[Class]]` and its like."""
    while not isinstance(hint, type) or typing.get_args(hint):
        hint = typing.get_args(hint)[0]
    return hint


def unknown_to_the_platform(folder: Path) -> list[str]:
    """Names in the app and its sign-in that azure-mgmt-web does not know."""
    problems = unknown(models.SiteProperties, resource(folder, "Microsoft.Web/sites").at("properties"), "site")
    for one in resources(folder, "Microsoft.Web/sites/config"):
        if one.at("name") == "authsettingsV2":
            problems += unknown(models.SiteAuthSettingsV2Properties, one.at("properties"), "signIn")
    return problems


def wrong_app(folder: Path) -> list[str]:
    """What differs from what the project is written for."""
    site, plan = resource(folder, "Microsoft.Web/sites"), resource(folder, "Microsoft.Web/serverfarms")
    config = "properties.functionAppConfig"
    wanted = {
        f"{config}.runtime.name": "python",
        f"{config}.runtime.version": PRODUCTION_PYTHON,
        f"{config}.deployment.storage.type": "blobContainer",
        f"{config}.deployment.storage.authentication.type": "UserAssignedIdentity",
        "kind": "functionapp,linux",
    }
    problems = [f"{path} is {site.at(path)}" for path, value in wanted.items() if site.at(path) != value]
    if plan.at("sku.name") != "FC1":
        problems.append(f"the plan is {plan.at('sku.name')}")
    if {"name": "blob", "instanceCount": 1} not in (site.at(f"{config}.scaleAndConcurrency.alwaysReady") or []):
        problems.append("nothing listens for blob events when no instance is there")
    services = re.findall(r"^  (\w+):$", (ROOT / "azure.yaml").read_text(encoding="utf-8"), re.MULTILINE)
    if not any(f"'azd-service-name': '{one}'" in text(site.at("tags")) for one in services):
        problems.append("azd does not find the app by its tag")
    return problems


def wrong_subscription(folder: Path) -> list[str]:
    """Why events of new snapshots would not reach the function that waits for them."""
    subscription = resource(folder, "Microsoft.EventGrid/systemTopics/eventSubscriptions")
    address = text(subscription.at("properties.destination.properties.endpointUrl"))
    match = re.fullmatch(
        r"'\$\{appAddress\}/runtime/webhooks/blobs\?functionName=Host\.Functions\.(\w+)&code=\$\{key\}'", address
    )
    if not match:
        return [f"events go to {address}"]
    problems = []
    if match[1] not in waiting_for_events():
        problems.append(f"the function {match[1]} does not wait for events")
    filter_ = subscription.at("properties.filter")
    if filter_["includedEventTypes"] != ["Microsoft.Storage.BlobCreated"]:
        problems.append(f"the events are {filter_['includedEventTypes']}")
    if text(filter_["subjectBeginsWith"]) != "'/blobServices/default/containers/${containerName}/'":
        problems.append(f"the events are of {text(filter_['subjectBeginsWith'])}")
    return problems


def waiting_for_events() -> set[str]:
    """The functions with a blob trigger whose events come from Event Grid."""
    code = ast.parse((ROOT / "function_app.py").read_text(encoding="utf-8"))
    return {
        one.name
        for one in code.body
        if isinstance(one, ast.FunctionDef)
        for decorator in map(ast.unparse, one.decorator_list)
        if "blob_trigger" in decorator and "EVENT_GRID" in decorator
    }


def wrong_roles_of_people(folder: Path) -> list[str]:
    """What the registration's roles say that the app does not understand, or leave out."""
    roles = json.loads((folder / "app-roles.json").read_text(encoding="utf-8"))
    problems = [f"{one} is no role of the app" for one in {role["value"] for role in roles} - set(ROLES)]
    problems += [f"nobody can be {one}" for one in set(ROLES) - {role["value"] for role in roles}]
    problems += [f"{role['value']} is switched off" for role in roles if not role["isEnabled"]]
    problems += [f"people cannot be {role['value']}" for role in roles if "User" not in role["allowedMemberTypes"]]
    if len({uuid.UUID(role["id"]) for role in roles}) != len(roles):
        problems.append("two roles have the same id")
    return sorted(problems)


def test_the_platform_knows_every_property_of_the_app() -> None:
    assert unknown_to_the_platform(INFRA) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            ("modules/site.bicep", "instanceMemoryMB", "instanceMemoryMb"),
            "functionAppConfig.scaleAndConcurrency.instanceMemoryMb",
        ),
        (("modules/site.bicep", "alwaysReady: [", "alwaysOn: ["), "functionAppConfig.scaleAndConcurrency.alwaysOn"),
        (
            ("modules/site.bicep", "instanceCount: 1", "count: 1"),
            "functionAppConfig.scaleAndConcurrency.alwaysReady[0].count",
        ),
        (
            ("modules/site.bicep", "userAssignedIdentityResourceId", "userAssignedIdentity"),
            "functionAppConfig.deployment.storage.authentication.userAssignedIdentity",
        ),
        (("modules/site.bicep", "      runtime: {", "      runTime: {"), "functionAppConfig.runTime"),
        (("modules/site.bicep", "ftpsState", "ftpState"), "siteConfig.ftpState"),
    ],
)
def test_a_misspelt_property_is_noticed(broken: Breaking, change: Change, expected: str) -> None:
    assert unknown_to_the_platform(broken(change)) == [f"site.{expected}"]


def test_a_misspelt_property_of_the_sign_in_is_noticed(broken: Breaking) -> None:
    folder = broken(("modules/site.bicep", "unauthenticatedClientAction", "unauthenticatedAction"))
    assert unknown_to_the_platform(folder) == ["signIn.globalValidation.unauthenticatedAction"]


def test_the_app_runs_on_flex_consumption_with_the_python_it_is_written_for() -> None:
    assert wrong_app(INFRA) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("modules/site.bicep", "'3.13'", "'3.12'"), "properties.functionAppConfig.runtime.version is 3.12"),
        (("modules/site.bicep", "'FC1'", "'Y1'"), "the plan is Y1"),
        (
            ("modules/site.bicep", "name: 'blob'\n", "name: 'http'\n"),
            "nothing listens for blob events when no instance is there",
        ),
        (
            ("modules/site.bicep", "'azd-service-name': 'app'", "'azd-service-name': 'api'"),
            "azd does not find the app by its tag",
        ),
    ],
)
def test_another_kind_of_app_is_noticed(broken: Breaking, change: Change, expected: str) -> None:
    assert wrong_app(broken(change)) == [expected]


def test_events_of_new_snapshots_reach_the_function_that_waits_for_them() -> None:
    assert waiting_for_events() == {"snapshot_arrived"}
    assert wrong_subscription(INFRA) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            ("modules/subscription.bicep", "snapshot_arrived", "snapshot_came"),
            "the function snapshot_came does not wait for events",
        ),
        (
            ("modules/subscription.bicep", "Storage.BlobCreated", "Storage.BlobDeleted"),
            "the events are ['Microsoft.Storage.BlobDeleted']",
        ),
        (
            ("modules/subscription.bicep", "containers/${containerName}/", "containers/"),
            "the events are of /blobServices/default/containers/",
        ),
    ],
)
def test_events_that_would_not_arrive_are_noticed(broken: Breaking, change: Change, expected: str) -> None:
    assert wrong_subscription(broken(change)) == [expected]


def test_an_account_that_is_made_here_gets_a_topic_whatever_was_found_out_of_another() -> None:
    (snapshots,) = [one for one in declared(INFRA, "module") if one.name == "snapshots"]
    assert text(snapshots.at("params.makeTopic")) == "makeSnapshotAccount || !snapshotStorageHasTopic"


def test_people_can_be_given_every_role_that_the_app_knows() -> None:
    assert wrong_roles_of_people(INFRA) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            ("app-roles.json", '"value": "Viewer"', '"value": "Reader"'),
            ["Reader is no role of the app", "nobody can be Viewer"],
        ),
        (
            ("app-roles.json", "0f1d1c5e-5a43-4f0e-9a52-3a7e0a2b6d11", "b7d94e30-2f75-4d0b-8d0e-5d1a4c7e8f33"),
            ["two roles have the same id"],
        ),
    ],
)
def test_a_role_of_people_that_the_app_does_not_know_is_noticed(
    broken: Breaking, change: Change, expected: list[str]
) -> None:
    assert wrong_roles_of_people(broken(change)) == expected


def test_the_package_is_where_the_app_looks_for_it() -> None:
    address = text(resource(INFRA, "Microsoft.Web/sites").at("properties.functionAppConfig.deployment.storage.value"))
    assert address == "'https://${storageName}.blob.${suffix}/${packageContainer}'"
    outputs = {(one.file, one.name): text(one.value) for one in declared(INFRA, "output")}
    assert outputs["modules/storage.bicep", "packageContainer"] == "packages.name"
