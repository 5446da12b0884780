"""The app settings, read once and checked as a whole, so that a wrong one is named at start."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from shared.errors import ExportError
from shared.refresh_schedule import read_fields


class SettingsError(ExportError):
    """One or more app settings are missing or wrong; the message names each."""


def _web_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("is not a web address (https://…)")
    return value.rstrip("/")


def _https_or_loopback(value: str) -> str:
    """What is posted there names exports and lists, and the address itself may be a secret."""
    parts = urlsplit(value)
    loopback = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if not parts.hostname or (parts.scheme != "https" and not (parts.scheme == "http" and loopback)):
        raise ValueError("is not a web address that begins with https://")
    return value


def _schedule(value: str) -> str:
    read_fields(value)
    return value


def _with_path(path: str) -> AfterValidator:
    """Accept the bare host as well as the whole base address, so that either may be configured."""

    def complete(value: str) -> str:
        address = _web_address(value)
        return address if urlsplit(address).path else address + path

    return AfterValidator(complete)


WebAddress = Annotated[str, AfterValidator(_web_address)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]


class StorageAccount(BaseModel):
    """Where an account is: a connection string, or the addresses of its services for an identity.

    The names follow the host's own scheme: `NAME`, else `NAME__blobServiceUri`, `NAME__queueServiceUri`,
    `NAME__tableServiceUri` with an optional `NAME__clientId`.
    """

    model_config = ConfigDict(frozen=True)

    connection_string: str | None = Field(default=None, repr=False)
    blob_uri: WebAddress | None = None
    queue_uri: WebAddress | None = None
    table_uri: WebAddress | None = None
    client_id: str | None = None


class Settings(BaseModel):
    """Every setting that the app reads; `local.settings.sample.json` explains each."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    storage: StorageAccount
    snapshot_storage: StorageAccount
    snapshot_container: str = Field(alias="SNAPSHOT_CONTAINER", pattern=r"^[a-z0-9](-?[a-z0-9]){2,62}$")
    snapshot_quiet_seconds: Seconds = Field(default=300, alias="SNAPSHOT_QUIET_SECONDS")
    refresh_schedule: Annotated[str, AfterValidator(_schedule)] = Field(alias="REFRESH_SCHEDULE")

    constant_contact_client_id: str = Field(alias="CONSTANT_CONTACT_CLIENT_ID", min_length=1)
    constant_contact_api_url: Annotated[str, _with_path("/v3")] = Field(
        default="https://api.cc.email/v3", alias="CONSTANT_CONTACT_API_URL"
    )
    constant_contact_auth_url: Annotated[str, _with_path("/oauth2/default/v1")] = Field(
        default="https://authz.constantcontact.com/oauth2/default/v1", alias="CONSTANT_CONTACT_AUTH_URL"
    )
    email_max_length: int = Field(default=80, alias="EMAIL_MAX_LENGTH", ge=6, le=254)
    request_timeout_seconds: Seconds = Field(default=60, alias="REQUEST_TIMEOUT_SECONDS")
    unclear_upload_seconds: Seconds = Field(default=60, alias="UNCLEAR_UPLOAD_SECONDS")
    run_time_limit_hours: float = Field(default=48, alias="RUN_TIME_LIMIT_HOURS", gt=0, le=240)
    file_retention_days: float = Field(default=14, alias="FILE_RETENTION_DAYS", gt=0, le=3650)
    record_retention_days: float = Field(default=400, alias="RECORD_RETENTION_DAYS", ge=60, le=3650)

    key_vault_url: WebAddress = Field(alias="KEY_VAULT_URL")

    notification_web_address: Annotated[str, AfterValidator(_https_or_loopback)] | None = Field(
        default=None, alias="NOTIFICATION_WEB_ADDRESS", repr=False
    )

    site_url: WebAddress | None = Field(default=None, alias="SITE_URL")
    # These two are set by the platform: the app's own host name, and whether it signs people in (Easy Auth).
    website_hostname: str | None = Field(default=None, alias="WEBSITE_HOSTNAME")
    sign_in_enabled: bool = Field(default=False, alias="WEBSITE_AUTH_ENABLED")

    @property
    def site_address(self) -> str:
        """Where people reach the pages, without a slash at the end."""
        return self.site_url or f"https://{self.website_hostname or 'localhost'}"

    @model_validator(mode="after")
    def _each_account_is_reachable(self) -> Settings:
        if not (self.storage.connection_string or (self.storage.blob_uri and self.storage.queue_uri)):
            raise ValueError(
                "AzureWebJobsStorage is missing: set it, or AzureWebJobsStorage__blobServiceUri, __queueServiceUri "
                "and __tableServiceUri"
            )
        if not self.storage.connection_string and not self.storage.table_uri:
            raise ValueError("AzureWebJobsStorage__tableServiceUri is missing")
        if not (self.snapshot_storage.connection_string or self.snapshot_storage.blob_uri):
            raise ValueError("SNAPSHOT_STORAGE is missing: set it, or SNAPSHOT_STORAGE__blobServiceUri")
        if self.file_retention_days * 24 <= self.run_time_limit_hours:
            raise ValueError("FILE_RETENTION_DAYS is wrong: a run may take longer (RUN_TIME_LIMIT_HOURS)")
        return self


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from `environment` (default: the process's own).

    Raises:
        SettingsError: names every setting that is missing or wrong and what is wrong with it, never its value.
    """
    values = os.environ if environment is None else environment
    known = {field.alias for field in Settings.model_fields.values() if field.alias}
    given: dict[str, object] = {name: value for name, value in values.items() if name in known and value != ""}
    given["storage"] = _account("AzureWebJobsStorage", values)
    given["snapshot_storage"] = _account("SNAPSHOT_STORAGE", values)
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        raise SettingsError("; ".join(_problems(error))) from None


def _account(name: str, values: Mapping[str, str]) -> dict[str, str | None]:
    return {
        "connection_string": values.get(name) or None,
        "blob_uri": values.get(f"{name}__blobServiceUri") or None,
        "queue_uri": values.get(f"{name}__queueServiceUri") or None,
        "table_uri": values.get(f"{name}__tableServiceUri") or None,
        "client_id": values.get(f"{name}__clientId") or None,
    }


_ACCOUNT_SETTINGS = {
    "storage": "AzureWebJobsStorage",
    "snapshot_storage": "SNAPSHOT_STORAGE",
    "blob_uri": "blobServiceUri",
    "queue_uri": "queueServiceUri",
    "table_uri": "tableServiceUri",
}


def _problems(error: ValidationError) -> list[str]:
    problems = []
    for problem in error.errors(include_url=False, include_input=False):
        name = "__".join(_ACCOUNT_SETTINGS.get(str(part), str(part)) for part in problem["loc"])
        if problem["type"] == "missing":
            problems.append(f"The app setting {name} is missing")
        else:
            what = problem["msg"].removeprefix("Value error, ")
            problems.append(f"The app setting {name} is wrong: {what}" if name else f"The app setting {what}")
    return problems
