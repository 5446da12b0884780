"""Settings are checked at start; whatever is missing or wrong is named, never shown."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from shared.settings import Settings, SettingsError, load_settings

GOOD = {
    "AzureWebJobsStorage": "UseDevelopmentStorage=true",
    "SNAPSHOT_STORAGE": "UseDevelopmentStorage=true",
    "SNAPSHOT_CONTAINER": "segments",
    "REFRESH_SCHEDULE": "0 0 3 * * *",
    "CONSTANT_CONTACT_CLIENT_ID": "a-client",
    "KEY_VAULT_URL": "https://vault.example.com/",
}


def without(*names: str, **more: str) -> dict[str, str]:
    return {**{name: value for name, value in GOOD.items() if name not in names}, **more}


@pytest.mark.parametrize("name", GOOD)
def test_a_missing_setting_is_named(name: str) -> None:
    with pytest.raises(SettingsError, match=rf"{name} is missing"):
        load_settings(without(name))


def test_every_missing_setting_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as error:
        load_settings(without("KEY_VAULT_URL", "SNAPSHOT_CONTAINER"))
    assert "KEY_VAULT_URL" in str(error.value)
    assert "SNAPSHOT_CONTAINER" in str(error.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KEY_VAULT_URL", "vault.example.com"),
        ("CONSTANT_CONTACT_API_URL", "api.cc.email"),
        ("CONSTANT_CONTACT_AUTH_URL", "ftp://authz.example.com"),
        ("SNAPSHOT_CONTAINER", "Segments!"),
        ("SNAPSHOT_QUIET_SECONDS", "five minutes"),
        ("SNAPSHOT_QUIET_SECONDS", "0"),
        ("REQUEST_TIMEOUT_SECONDS", "-1"),
        ("EMAIL_MAX_LENGTH", "3"),
        ("REFRESH_SCHEDULE", "hourly"),
        ("REFRESH_SCHEDULE", "00:05:00"),
        ("REFRESH_SCHEDULE", "0 0 3 * * 7"),
        ("REFRESH_SCHEDULE", "0 0 0 30 2 *"),
        ("NOTIFICATION_WEB_ADDRESS", "http://hooks.example.com/exports"),
        ("NOTIFICATION_WEB_ADDRESS", "hooks.example.com"),
    ],
)
def test_a_wrong_setting_is_named_without_its_value(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=rf"The app setting {name} is wrong") as error:
        load_settings({**GOOD, name: value})
    assert value not in str(error.value) or len(value) < 3


def test_an_empty_setting_counts_as_missing() -> None:
    with pytest.raises(SettingsError, match="KEY_VAULT_URL is missing"):
        load_settings({**GOOD, "KEY_VAULT_URL": ""})


def test_an_identity_takes_the_place_of_a_connection_string() -> None:
    settings = load_settings(
        without(
            "AzureWebJobsStorage",
            "SNAPSHOT_STORAGE",
            AzureWebJobsStorage__blobServiceUri="https://a.blob.example.com",
            AzureWebJobsStorage__queueServiceUri="https://a.queue.example.com",
            AzureWebJobsStorage__tableServiceUri="https://a.table.example.com",
            SNAPSHOT_STORAGE__blobServiceUri="https://b.blob.example.com",
        )
    )
    assert settings.storage.connection_string is None
    assert settings.snapshot_storage.blob_uri == "https://b.blob.example.com"


@pytest.mark.parametrize(
    "given", ["http://127.0.0.1:9", "http://127.0.0.1:9/", "http://127.0.0.1:9/v3", "http://127.0.0.1:9/v3/"]
)
def test_the_api_address_may_be_given_with_or_without_its_path(given: str) -> None:
    assert (
        load_settings({**GOOD, "CONSTANT_CONTACT_API_URL": given}).constant_contact_api_url == "http://127.0.0.1:9/v3"
    )


def test_a_connection_string_does_not_show_in_the_settings_text() -> None:
    assert "UseDevelopmentStorage" not in repr(load_settings(GOOD))


@pytest.mark.parametrize(
    "given", ["https://hooks.example.com/exports?key=1", "http://127.0.0.1:9/hook/", "http://localhost:9"]
)
def test_notifications_go_to_an_https_address_as_it_was_given_or_to_this_machine(given: str) -> None:
    settings = load_settings({**GOOD, "NOTIFICATION_WEB_ADDRESS": given})
    assert settings.notification_web_address == given
    assert given not in repr(settings)


def test_the_sample_documents_every_setting_and_none_more() -> None:
    sample = json.loads((Path(__file__).parents[2] / "local.settings.sample.json").read_text(encoding="utf-8"))
    # What only the platform may set is left out: whoever set it by hand would let anybody say who they are.
    read = {field.alias for field in Settings.model_fields.values() if field.alias and field.alias[:8] != "WEBSITE_"}
    documented = {name for name in sample["Values"] if not name.startswith("//")}
    assert documented - {"FUNCTIONS_WORKER_RUNTIME", "AzureWebJobsStorage", "SNAPSHOT_STORAGE"} == read
    explained = {re.sub(r"^// ", "", name) for name in sample["Values"] if name.startswith("//")}
    assert explained == documented - {"FUNCTIONS_WORKER_RUNTIME"}
