"""The app settings of the deployed app are those that the code reads, and none more."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from azure.monitor.opentelemetry import _constants as azure_monitor

from shared.settings import Settings, load_settings
from tests.infra.bicep import INFRA, ROOT, Written, resources, text
from tests.infra.conftest import Breaking, Change

# Set although our own code does not read them: whoever does is said.
READ_BY_OTHERS = {
    "AzureWebJobsStorage__credential": "the Functions host: it is to use an identity",
    "SNAPSHOT_STORAGE__credential": "the Functions host, and the worker that makes the blob client of the trigger",
    "AZURE_CLIENT_ID": "azure-identity: which of the app's identities Key Vault sees",
    "APPLICATIONINSIGHTS_CONNECTION_STRING": "the host and the worker: where telemetry goes",
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING": "the host and the worker: telemetry is sent by the app's identity",
    "PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY": "the worker: it sets OpenTelemetry up",
    "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "azure-monitor-opentelemetry: nothing is recorded but what the app tells",
    "OTEL_TRACES_SAMPLER": "azure-monitor-opentelemetry: every trace is kept whole",
    "OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID": "App Service authentication: the identity in place of a client secret",
}

# Read by our code, and not set: why.
NOT_SET = {
    "AzureWebJobsStorage": "a connection string would hold a key",
    "SNAPSHOT_STORAGE": "a connection string would hold a key",
    "SNAPSHOT_STORAGE__tableServiceUri": "the account of the snapshots has no tables of ours",
    "WEBSITE_HOSTNAME": "the platform's own",
    "WEBSITE_AUTH_ENABLED": "the platform's own; set by hand, anybody could say who they are",
}

# What the expressions in the settings may be when everything is deployed.
DEPLOYED = {
    "storageName": "stabc",
    "snapshotAccount": "stsnapabc",
    "suffix": "core.windows.net",
    "identityClientId": "3d1f6a52-3d9b-4c39-b1a0-0a1f0a2b7c4d",
    "snapshotContainer": "segments",
    "refreshSchedule": "0 0 * * * *",
    "constantContactClientId": "key",
    "vaultAddress": "https://kv-abc.vault.azure.net/",
    "siteUrl": "",
    "notificationWebAddress": "",
    "string(fileRetentionDays)": "14",
    "string(recordRetentionDays)": "400",
    "insightsConnection": "InstrumentationKey=abc",
}


class Recording(Mapping[str, str]):
    """An empty environment that remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def read_by_the_code() -> set[str]:
    """Every setting that `load_settings` looks for."""
    environment = Recording()
    with pytest.raises(Exception, match="missing"):
        load_settings(environment)
    return environment.asked | {field.alias for field in Settings.model_fields.values() if field.alias}


def set_in(folder: Path) -> dict[str, Any]:
    """The app settings as they are declared."""
    found = [one for one in resources(folder, "Microsoft.Web/sites/config") if one.at("name") == "appsettings"]
    assert len(found) == 1
    settings: dict[str, Any] = found[0].at("properties")
    return settings


def wrong_settings(folder: Path) -> list[str]:
    """Settings that are missing, that nobody reads, and reasons that are no longer needed."""
    read, given = read_by_the_code(), set(set_in(folder))
    problems = [f"{one} is read and not set" for one in read - given - NOT_SET.keys()]
    problems += [f"{one} is set and read by nobody" for one in given - read - READ_BY_OTHERS.keys()]
    problems += [f"{one} is set, but must not be: {NOT_SET[one]}" for one in given & NOT_SET.keys()]
    problems += [f"{one} has a reason to be set, and is not" for one in READ_BY_OTHERS.keys() - given]
    return sorted(problems)


def differing_defaults(folder: Path) -> list[str]:
    """Settings that are set to something else than the sample file has."""
    sample = json.loads((ROOT / "local.settings.sample.json").read_text(encoding="utf-8"))["Values"]
    literal = {name: value for name, value in set_in(folder).items() if isinstance(value, str) and name in sample}
    return [f"{name}: {value}, sample: {sample[name]}" for name, value in literal.items() if value != sample[name]]


def resolved(folder: Path) -> dict[str, str]:
    """The settings as the app would see them."""
    values = {}
    for name, value in set_in(folder).items():
        found = text(value)
        if isinstance(value, Written):
            for expression, meaning in DEPLOYED.items():
                found = found.replace(f"${{{expression}}}", meaning)
            found = DEPLOYED.get(found, found).strip("'")
        assert "${" not in found, f"{name}: {found}"
        values[name] = found
    return values


def test_every_setting_that_the_code_reads_is_set_and_none_more() -> None:
    assert wrong_settings(INFRA) == []
    assert len(set_in(INFRA)) > 20


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("modules/site.bicep", "    EMAIL_MAX_LENGTH: '80'\n", ""), ["EMAIL_MAX_LENGTH is read and not set"]),
        (
            ("modules/site.bicep", "    SITE_URL: siteUrl", "    SITE_URL: siteUrl\n    COLOUR: 'blue'"),
            ["COLOUR is set and read by nobody"],
        ),
        (
            ("modules/site.bicep", "REFRESH_SCHEDULE:", "REFRESH_SHEDULE:"),
            ["REFRESH_SCHEDULE is read and not set", "REFRESH_SHEDULE is set and read by nobody"],
        ),
        (
            ("modules/site.bicep", "    SITE_URL: siteUrl", "    SITE_URL: siteUrl\n    WEBSITE_AUTH_ENABLED: 'true'"),
            [
                "WEBSITE_AUTH_ENABLED is set, but must not be: the platform's own; set by hand, anybody could say who "
                "they are"
            ],
        ),
        (
            ("modules/site.bicep", "    AZURE_CLIENT_ID: identityClientId\n", ""),
            ["AZURE_CLIENT_ID has a reason to be set, and is not"],
        ),
    ],
)
def test_a_wrong_setting_is_noticed(broken: Breaking, change: Change, expected: list[str]) -> None:
    assert wrong_settings(broken(change)) == expected


def test_the_deployed_settings_are_valid_and_connect_without_keys() -> None:
    settings = load_settings(resolved(INFRA))
    for account in (settings.storage, settings.snapshot_storage):
        assert account.connection_string is None
        assert account.client_id == DEPLOYED["identityClientId"]
    assert settings.storage.table_uri == "https://stabc.table.core.windows.net"
    assert settings.snapshot_storage.queue_uri == "https://stsnapabc.queue.core.windows.net"
    assert settings.key_vault_url == "https://kv-abc.vault.azure.net"


def test_what_is_no_parameter_is_set_as_the_sample_file_has_it() -> None:
    assert differing_defaults(INFRA) == []


def test_another_default_than_in_the_sample_file_is_noticed(broken: Breaking) -> None:
    folder = broken(("modules/site.bicep", "EMAIL_MAX_LENGTH: '80'", "EMAIL_MAX_LENGTH: '50'"))
    assert differing_defaults(folder) == ["EMAIL_MAX_LENGTH: 50, sample: 80"]


def test_the_sample_file_explains_every_setting_that_the_code_reads() -> None:
    sample = json.loads((ROOT / "local.settings.sample.json").read_text(encoding="utf-8"))["Values"]
    explained = {one.removeprefix("// ") for one in sample if one.startswith("// ")}
    words = " ".join(str(one) for one in sample.values())
    for name in read_by_the_code() - {"WEBSITE_HOSTNAME", "WEBSITE_AUTH_ENABLED", "SNAPSHOT_STORAGE__tableServiceUri"}:
        account, _, part = name.partition("__")
        assert account in explained, name
        assert f"__{part}" in words if part else account in sample, name


def test_every_trace_is_kept_whole() -> None:
    assert set_in(INFRA)["OTEL_TRACES_SAMPLER"] == "always_on"


def test_no_automatic_instrumentation_is_on() -> None:
    off = set_in(INFRA)["OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"].split(",")
    assert sorted(off) == sorted(azure_monitor._ALL_SUPPORTED_INSTRUMENTED_LIBRARIES)
