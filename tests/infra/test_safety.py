"""What a security review asks first: no keys, nothing public, encrypted on the way, personal data gone in time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from exporters.constant_contact.tokens import CLIENT_SECRET_NAME
from tests.infra.bicep import INFRA, Declared, declared, resource, resources, text
from tests.infra.conftest import Breaking, Change

ACCOUNT = "Microsoft.Storage/storageAccounts"
SITE = "Microsoft.Web/sites"
ENTRA = "properties.identityProviders.azureActiveDirectory"

# The value that a property of every resource of a type has to have, written out.
REQUIRED: dict[str, dict[str, object]] = {
    ACCOUNT: {
        "kind": "StorageV2",
        "properties.allowBlobPublicAccess": False,
        "properties.allowSharedKeyAccess": False,
        "properties.allowCrossTenantReplication": False,
        "properties.minimumTlsVersion": "TLS1_2",
        "properties.supportsHttpsTrafficOnly": True,
        "properties.publicNetworkAccess": "publicNetworkAccess",
        "properties.networkAcls.defaultAction": "networkDefaultAction",
    },
    # With blob soft delete Customer Insights cannot write, and personal data would outlive its time.
    f"{ACCOUNT}/blobServices": {
        "properties.deleteRetentionPolicy.enabled": False,
        "properties.containerDeleteRetentionPolicy.enabled": False,
        "properties.isVersioningEnabled": False,
    },
    f"{ACCOUNT}/blobServices/containers": {"properties.publicAccess": "None"},
    "Microsoft.KeyVault/vaults": {
        "properties.enableRbacAuthorization": True,
        "properties.enableSoftDelete": True,
        # A vault refuses another one later, so it must not depend on a parameter.
        "properties.softDeleteRetentionInDays": 90,
        "properties.enablePurgeProtection": "purgeProtection ? true : null",
        "properties.publicNetworkAccess": "publicNetworkAccess",
        "properties.networkAcls.defaultAction": "networkDefaultAction",
    },
    SITE: {
        "properties.httpsOnly": True,
        "properties.siteConfig.minTlsVersion": "1.2",
        "properties.siteConfig.scmMinTlsVersion": "1.2",
        "properties.siteConfig.ftpsState": "Disabled",
        "identity.type": "UserAssigned",
    },
    f"{SITE}/basicPublishingCredentialsPolicies": {"properties.allow": False},
    "Microsoft.Insights/components": {"properties.DisableLocalAuth": True},
    "Microsoft.OperationalInsights/workspaces": {"properties.features.disableLocalAuth": True},
}


def unsafe(folder: Path) -> list[str]:
    """Every property that is not as it has to be."""
    problems = []
    for type_, properties in REQUIRED.items():
        found = resources(folder, type_)
        if not found:
            problems.append(f"there is no {type_}")
        for one in found:
            for path, wanted in properties.items():
                if text(one.at(path)) != str(wanted):
                    problems.append(f"{one.file}: {one.name}.{path} is {text(one.at(path))}")
    problems += [f"{one}: passwords for publishing are on" for one in {"ftp", "scm"} - _without_passwords(folder)]
    return sorted(problems + list(_private_network(folder)) + list(_personal_data(folder)) + list(_sign_in(folder)))


def _without_passwords(folder: Path) -> set[str]:
    return {one.at("name") for one in resources(folder, f"{SITE}/basicPublishingCredentialsPolicies")}


def _private_network(folder: Path) -> Iterator[str]:
    """Storage and vault close when the parameter says so, and then have an address in the network."""
    wanted = {
        "publicAccess": "privateNetwork ? 'Disabled' : 'Enabled'",
        "defaultAction": "privateNetwork ? 'Deny' : 'Allow'",
    }
    variables = {one.name: text(one.value) for one in declared(folder, "var") if one.file == "main.bicep"}
    for name, value in wanted.items():
        if variables.get(name) != value:
            yield f"main.bicep: {name} is {variables.get(name)}"
    for one in declared(folder, "module"):
        for parameter, variable in (("publicNetworkAccess", "publicAccess"), ("networkDefaultAction", "defaultAction")):
            given = one.at(f"params.{parameter}")
            if given is not None and text(given) != variable:
                yield f"main.bicep: {one.name}.{parameter} is {text(given)}"


def _personal_data(folder: Path) -> Iterator[str]:
    """The files of runs are deleted, a day after the app itself would have done it, and nothing else is."""
    (rule,) = resource(folder, f"{ACCOUNT}/managementPolicies").at("properties.policy.rules")
    definition = rule["definition"]
    if definition["filters"] != {"blobTypes": ["blockBlob"], "prefixMatch": ["exports/"]}:
        yield f"the lifecycle rule is for {definition['filters']}"
    delete = definition["actions"]["baseBlob"]["delete"]
    if [text(one) for one in delete.values()] != ["fileRetentionDays + 1"] or not rule["enabled"]:
        yield "the lifecycle rule does not delete in time"


def _sign_in(folder: Path) -> Iterator[str]:
    """Who is not signed in comes through, as Event Grid must, and the app refuses them; Entra is the only provider."""
    signs_in = [one for one in resources(folder, f"{SITE}/config") if one.at("name") == "authsettingsV2"]
    if len(signs_in) != 1:
        yield "sign-in is not configured"
        return
    settings = signs_in[0]
    wanted = {
        "properties.platform.enabled": True,
        "properties.globalValidation.unauthenticatedClientAction": "AllowAnonymous",
        "properties.httpSettings.requireHttps": True,
        "properties.login.tokenStore.enabled": False,
        f"{ENTRA}.enabled": True,
        f"{ENTRA}.registration.clientSecretSettingName": "OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID",
    }
    yield from (
        f"sign-in: {path} is {settings.at(path)}" for path, value in wanted.items() if settings.at(path) != value
    )
    if set(settings.at("properties.identityProviders") or {}) != {"azureActiveDirectory"}:
        yield "sign-in: another provider than Entra"
    if text(settings.at(f"{ENTRA}.validation.allowedAudiences")) != "[Written(text='entraClientId')]":
        yield "sign-in: tokens for other apps are taken"


def open_secrets(folder: Path) -> list[str]:
    """Parameters that hold secrets, and would be shown in the history of deployments."""
    secret = ("secret", "key", "notificationWebAddress")
    named = [
        one
        for one in declared(folder, "param")
        if any(part in one.name or one.name.endswith(part.title()) for part in secret)
    ]
    return [f"{one.file}: {one.name}" for one in named if "secure" not in one.decorators]


def given_out(folder: Path) -> list[Declared]:
    """Outputs that would show a secret in the history of deployments."""
    words = ("listKeys", "secret", "password")
    return [one for one in declared(folder, "output") if any(word in text(one.value) for word in words)]


def test_nothing_is_public_and_there_are_no_keys() -> None:
    assert unsafe(INFRA) == []


def test_secrets_stay_out_of_the_history_of_deployments() -> None:
    assert open_secrets(INFRA) == []
    assert given_out(INFRA) == []
    assert [
        one.name for one in declared(INFRA, "param") if "secure" in one.decorators and one.file == "main.bicep"
    ] == [
        "constantContactClientSecret",
        "notificationWebAddress",
    ]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            ("modules/account.bicep", "allowBlobPublicAccess: false", "allowBlobPublicAccess: true"),
            "modules/account.bicep: account.properties.allowBlobPublicAccess is True",
        ),
        (
            ("modules/account.bicep", "    allowBlobPublicAccess: false\n", ""),
            "modules/account.bicep: account.properties.allowBlobPublicAccess is None",
        ),
        (
            ("modules/account.bicep", "allowSharedKeyAccess: false", "allowSharedKeyAccess: true"),
            "modules/account.bicep: account.properties.allowSharedKeyAccess is True",
        ),
        (
            ("modules/account.bicep", "TLS1_2", "TLS1_0"),
            "modules/account.bicep: account.properties.minimumTlsVersion is TLS1_0",
        ),
        (
            (
                "modules/account.bicep",
                "deleteRetentionPolicy: {\n      enabled: false",
                "deleteRetentionPolicy: {\n      enabled: true",
            ),
            "modules/account.bicep: blobs.properties.deleteRetentionPolicy.enabled is True",
        ),
        (
            ("modules/snapshots.bicep", "publicAccess: 'None'", "publicAccess: 'Blob'"),
            "modules/snapshots.bicep: newContainer.properties.publicAccess is Blob",
        ),
        (
            ("modules/vault.bicep", "enableRbacAuthorization: true", "enableRbacAuthorization: false"),
            "modules/vault.bicep: vault.properties.enableRbacAuthorization is False",
        ),
        (
            ("modules/vault.bicep", "publicNetworkAccess: publicNetworkAccess", "publicNetworkAccess: 'Enabled'"),
            "modules/vault.bicep: vault.properties.publicNetworkAccess is Enabled",
        ),
        (
            ("modules/site.bicep", "httpsOnly: true", "httpsOnly: false"),
            "modules/site.bicep: site.properties.httpsOnly is False",
        ),
        (
            ("modules/site.bicep", "ftpsState: 'Disabled'", "ftpsState: 'AllAllowed'"),
            "modules/site.bicep: site.properties.siteConfig.ftpsState is AllAllowed",
        ),
        (
            ("modules/site.bicep", "minTlsVersion: '1.2'\n      scm", "minTlsVersion: '1.0'\n      scm"),
            "modules/site.bicep: site.properties.siteConfig.minTlsVersion is 1.0",
        ),
        (("modules/site.bicep", "name: 'scm'", "name: 'other'"), "scm: passwords for publishing are on"),
        (
            ("modules/monitoring.bicep", "DisableLocalAuth: true", "DisableLocalAuth: false"),
            "modules/monitoring.bicep: insights.properties.DisableLocalAuth is False",
        ),
        (
            ("modules/storage.bicep", "'exports/'", "'export/'"),
            "the lifecycle rule is for {'blobTypes': ['blockBlob'], 'prefixMatch': ['export/']}",
        ),
        (
            ("modules/storage.bicep", "fileRetentionDays + 1", "3650"),
            "the lifecycle rule does not delete in time",
        ),
        (
            ("main.bicep", "privateNetwork ? 'Deny' : 'Allow'", "'Allow'"),
            "main.bicep: defaultAction is Allow",
        ),
        (
            ("modules/site.bicep", "'AllowAnonymous'", "'RedirectToLoginPage'"),
            "sign-in: properties.globalValidation.unauthenticatedClientAction is RedirectToLoginPage",
        ),
        (
            ("modules/site.bicep", "            entraClientId\n          ]", "          ]"),
            "sign-in: tokens for other apps are taken",
        ),
    ],
)
def test_something_unsafe_is_noticed(broken: Breaking, change: Change, expected: str) -> None:
    assert expected in unsafe(broken(change))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("modules/subscription.bicep", "@secure()\nparam key", "param key"), "modules/subscription.bicep: key"),
        (("main.bicep", "@secure()\nparam constant", "param constant"), "main.bicep: constantContactClientSecret"),
    ],
)
def test_a_secret_in_the_open_is_noticed(broken: Breaking, change: Change, expected: str) -> None:
    assert open_secrets(broken(change)) == [expected]


def test_the_client_secret_is_where_the_app_looks_for_it() -> None:
    assert resource(INFRA, "Microsoft.KeyVault/vaults/secrets").at("name") == CLIENT_SECRET_NAME


def test_everything_that_closes_has_an_address_in_the_private_network() -> None:
    lists = {one.name: one.value for one in declared(INFRA, "var") if one.file == "modules/endpoints.bicep"}
    reached = {(one["group"], text(one["target"])) for one in lists["endpoints"]}
    assert reached == {
        ("blob", "storageId"),
        ("queue", "storageId"),
        ("table", "storageId"),
        ("blob", "snapshotsId"),
        ("queue", "snapshotsId"),
        ("vault", "vaultId"),
    }
    assert {text(one["zone"]) for one in lists["endpoints"]} == {text(one) for one in lists["zoneNames"]}
