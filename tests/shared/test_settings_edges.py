"""The edges of each setting, and which accounts an app can do without."""

from __future__ import annotations

import pytest

from shared.settings import SettingsError, load_settings

IDENTITY = {
    "AzureWebJobsStorage__blobServiceUri": "https://a.blob.example.com/",
    "AzureWebJobsStorage__queueServiceUri": "https://a.queue.example.com",
    "AzureWebJobsStorage__tableServiceUri": "https://a.table.example.com",
    "AzureWebJobsStorage__clientId": "an-identity",
    "SNAPSHOT_STORAGE__blobServiceUri": "https://b.blob.example.com",
}
GOOD = {
    **IDENTITY,
    "SNAPSHOT_CONTAINER": "segments",
    "REFRESH_SCHEDULE": "0 0 3 * * *",
    "CONSTANT_CONTACT_CLIENT_ID": "a-client",
    "KEY_VAULT_URL": "https://vault.example.com/",
}


def problem(**changes: str | None) -> str | None:
    """What is said about these settings; None where they are taken."""
    given = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    try:
        load_settings(given)
    except SettingsError as error:
        return str(error)
    return None


@pytest.mark.parametrize(
    ("name", "taken", "refused"),
    [
        ("SNAPSHOT_QUIET_SECONDS", ["0.1", "86400"], ["0", "-1", "86401"]),
        ("REQUEST_TIMEOUT_SECONDS", ["0.1", "86400"], ["0", "86401"]),
        ("UNCLEAR_UPLOAD_SECONDS", ["0.1", "86400"], ["0", "86401"]),
        ("EMAIL_MAX_LENGTH", ["6", "254"], ["5", "255"]),
        ("RUN_TIME_LIMIT_HOURS", ["0.5", "240"], ["0", "241"]),
        ("FILE_RETENTION_DAYS", ["11", "3650"], ["0", "3651"]),
        ("RECORD_RETENTION_DAYS", ["60", "3650"], ["59", "3651"]),
        ("SNAPSHOT_CONTAINER", ["abc", "a-b-c", "a" * 63, "0ab"], ["ab", "a" * 64, "-ab", "ab-", "a--b", "Abc"]),
        ("CONSTANT_CONTACT_CLIENT_ID", ["x"], []),
        (
            "KEY_VAULT_URL",
            ["http://127.0.0.1:9", "https://v.example.com"],
            ["vault", "https://", "ftp://v.example.com"],
        ),
        (
            "REFRESH_SCHEDULE",
            ["0 0 3 * * *", " 0 */5 * * * MON-FRI ", "0 3 * * 1"],
            ["0 3 * *", "0 0 3 * * * *", "@daily"],
        ),
    ],
)
def test_a_setting_is_taken_up_to_its_edges(name: str, taken: list[str], refused: list[str]) -> None:
    for value in taken:
        time_limit = {"RUN_TIME_LIMIT_HOURS": "240"} if name == "FILE_RETENTION_DAYS" else {}
        assert problem(**{**time_limit, name: value}) is None, value
    for value in refused:
        assert f"The app setting {name} is wrong" in (problem(**{name: value}) or ""), value


def test_files_are_kept_longer_than_a_run_may_take() -> None:
    assert problem(RUN_TIME_LIMIT_HOURS="24", FILE_RETENTION_DAYS="1.01") is None
    for days in ("1", "0.9"):
        said = problem(RUN_TIME_LIMIT_HOURS="24", FILE_RETENTION_DAYS=days)
        assert said == "The app setting FILE_RETENTION_DAYS is wrong: a run may take longer (RUN_TIME_LIMIT_HOURS)"


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("AzureWebJobsStorage__blobServiceUri", "AzureWebJobsStorage is missing"),
        ("AzureWebJobsStorage__queueServiceUri", "AzureWebJobsStorage is missing"),
        ("AzureWebJobsStorage__tableServiceUri", "AzureWebJobsStorage__tableServiceUri is missing"),
        ("SNAPSHOT_STORAGE__blobServiceUri", "SNAPSHOT_STORAGE is missing"),
    ],
)
def test_an_account_without_a_service_is_named(missing: str, said: str) -> None:
    assert f"The app setting {said}" in (problem(**{missing: None}) or "")


@pytest.mark.parametrize("missing", [name for name in IDENTITY if name.startswith("Azure")])
def test_a_connection_string_takes_the_place_of_every_address(missing: str) -> None:
    assert problem(**{missing: None}, AzureWebJobsStorage="UseDevelopmentStorage=true") is None
    assert problem(SNAPSHOT_STORAGE__blobServiceUri=None, SNAPSHOT_STORAGE="UseDevelopmentStorage=true") is None


def test_every_part_of_an_account_is_read() -> None:
    storage = load_settings(GOOD).storage
    assert storage.connection_string is None
    assert storage.blob_uri == "https://a.blob.example.com"
    assert storage.queue_uri == "https://a.queue.example.com"
    assert storage.table_uri == "https://a.table.example.com"
    assert storage.client_id == "an-identity"
    assert load_settings(GOOD).snapshot_storage.client_id is None


@pytest.mark.parametrize("service", ["blob", "queue", "table"])
def test_a_wrong_address_of_an_account_is_named_as_it_was_set(service: str) -> None:
    name = f"AzureWebJobsStorage__{service}ServiceUri"
    assert f"The app setting {name} is wrong: is not a web address" in (problem(**{name: "nowhere"}) or "")
    said = problem(SNAPSHOT_STORAGE__blobServiceUri="nowhere") or ""
    assert "The app setting SNAPSHOT_STORAGE__blobServiceUri is wrong" in said


def test_the_sign_in_address_may_be_given_with_or_without_its_path() -> None:
    for given in ("http://127.0.0.1:9", "http://127.0.0.1:9/oauth2/default/v1/"):
        settings = load_settings({**GOOD, "CONSTANT_CONTACT_AUTH_URL": given})
        assert settings.constant_contact_auth_url == "http://127.0.0.1:9/oauth2/default/v1"


def test_every_wrong_setting_is_named_and_no_value_is_shown() -> None:
    said = problem(EMAIL_MAX_LENGTH="hunter2", SNAPSHOT_CONTAINER="Hunter2") or ""
    assert said.count("; ") == 1
    assert "hunter2" not in said.lower()


def test_a_setting_of_somebody_else_is_not_read() -> None:
    assert problem(SOMETHING_ELSE="x", storage="y", snapshot_storage="z") is None


def test_the_process_environment_is_read_when_no_other_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    assert load_settings().constant_contact_client_id == "a-client"
    assert load_settings({**GOOD, "CONSTANT_CONTACT_CLIENT_ID": "b"}).constant_contact_client_id == "b"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("snapshot_quiet_seconds", 300),
        ("email_max_length", 80),
        ("request_timeout_seconds", 60),
        ("unclear_upload_seconds", 60),
        ("run_time_limit_hours", 48),
        ("file_retention_days", 14),
        ("record_retention_days", 400),
        ("constant_contact_api_url", "https://api.cc.email/v3"),
        ("constant_contact_auth_url", "https://authz.constantcontact.com/oauth2/default/v1"),
    ],
)
def test_a_setting_that_is_not_set_is(name: str, value: object) -> None:
    assert getattr(load_settings(GOOD), name) == value
