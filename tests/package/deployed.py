"""The app as it is deployed: its package in an empty folder, what Azure installs, what Azure brings, no shared key.

The host's process gets an environment made from nothing: the app settings of infra/ with addresses of this machine,
what the platform sets, and what a process needs of the system. Storage is served over https and looks into the tokens.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import metadata
from pathlib import Path

import pytest
import requests

from exporters.services import Services, connect
from local.app_client import AppClient
from local.azurite import Azurite, azurite_child
from local.certificates import make_certificates
from local.host.keys import HostKeys, read_or_create_host_keys
from local.processes import Child, end, free_ports, module_command
from local.simulator_client import Account, SimulatorClient
from release.production import install_into
from shared import storage
from shared.models import Connection, ConstantContactAccount
from shared.settings import load_settings
from tests.infra.bicep import INFRA
from tests.infra.test_settings import resolved
from tests.local.host.running import eventually
from tests.package.insights import Insights, listening

ROOT = Path(__file__).parents[2]
HOST_ID = "deployed"
# What the platform brings and the package does not: Microsoft's worker, and in place of the host's own web server and
# telemetry those of the local host.
PLATFORM = (
    "azure-functions-runtime",
    "uvicorn",
    "h11",
    "click",
    "opentelemetry-exporter-otlp-json-file",
    "opentelemetry-exporter-otlp-json-common",
    "opentelemetry-exporter-otlp-common",
    "opentelemetry-proto-json",
)
# Telemetry soon and, but for the addresses that the settings name, to nobody.
CALM = {
    "OTEL_BSP_SCHEDULE_DELAY": "300",
    "OTEL_METRIC_EXPORT_INTERVAL": "1000",
    "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true",
    "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED": "true",
}
# What a process needs of the system, and nothing that could open something.
_OF_THE_SYSTEM = ("PATH", "HOME", "LANG", "TMPDIR", "SYSTEMROOT", "TEMP", "TMP", "USERPROFILE")


@dataclass(frozen=True)
class Deployment:
    """What lies on the disk of an instance: the app's folder, the Python with its requirements, the platform's part."""

    app: Path
    python: Path
    platform: Path

    def environment(self, settings: Mapping[str, str]) -> dict[str, str]:
        """The whole environment of a process that runs the app with these settings."""
        system = {name: os.environ[name] for name in _OF_THE_SYSTEM if name in os.environ}
        paths = os.pathsep.join(map(str, (self.app, self.platform)))
        return {**system, "PYTHONPATH": paths, "PYTHONUNBUFFERED": "1", **settings}


def unpack(package: Path, folder: Path) -> Path:
    """Unpack the package into an empty folder."""
    folder.mkdir()
    with zipfile.ZipFile(package) as packed:
        packed.extractall(folder)
    return folder


def make_platform(python: Path, folder: Path) -> None:
    """Put what the platform brings into a folder: the packages of PLATFORM, and the local host as a copy."""
    pins = [f"{name}=={metadata.version(name)}" for name in PLATFORM]
    # The worker declares Python 3.13, and runs on the others that the project knows.
    install_into(python, "--no-deps", "--ignore-requires-python", "--target", str(folder), *pins)
    keep = shutil.ignore_patterns("node_modules", "__pycache__")
    shutil.copytree(ROOT / "local", folder / "local", ignore=keep)


class _Bare(Child):
    """A child with exactly this environment, and nothing of ours."""

    def __init__(self, name: str, command: list[str], *, log: Path, port: int, environment: Mapping[str, str]) -> None:
        super().__init__(name, command, log=log, port=port)
        self._environment = dict(environment)


@dataclass
class Deployed:
    """The running app, the services around it, and the doors to both for a test."""

    settings: dict[str, str]
    environment: dict[str, str]
    host: Child
    site_url: str
    simulator: SimulatorClient
    services: Services
    account: Account
    keys: HostKeys
    app: AppClient
    insights: Insights

    @property
    def log(self) -> str:
        """All that the host and the app in it have logged."""
        return self.host.log.read_text(encoding="utf-8", errors="replace")

    def times_run(self, function: str) -> int:
        """How many invocations of this function the host has seen succeed."""
        lines = self.log.splitlines()
        return sum(f"function={function} " in line and "outcome=succeeded" in line for line in lines)

    def wait_for(self, *functions: str) -> None:
        """Wait until the host has seen each of these functions succeed; it says so a moment after they have ended."""
        for function in functions:
            eventually(lambda one=function: self.times_run(one), f"{function} to have run", seconds=30)  # type: ignore[misc]

    def signed_in_connection(self, account: Account, *, idle: timedelta = timedelta(0)) -> Connection:
        """A connection as it is after an administrator has signed in; its access token ended so long ago."""
        made = self.app.add_connection(account.name, account.user_email)
        grant = self.simulator.grant(account.client_id, account.user_id)
        kept = {one: grant[one] for one in ("access_token", "refresh_token", "scope")}
        kept["expires_at"] = (datetime.now(UTC) - idle).isoformat()
        self.services.secrets.set(made.secret_name, json.dumps(kept))
        known = ConstantContactAccount(id=account.account_id, name=account.name)
        told = {"account": known, "signed_in_at": datetime.now(UTC)}
        return self.services.connections.change(made.id, lambda one: one.model_copy(update=told)).value

    def call_timer(self, function: str) -> None:
        """Let a timer's time have come, as an operator does, and wait until it has run."""
        before = self.times_run(function)
        url, headers = f"{self.site_url}/admin/functions/{function}", {"x-functions-key": self.keys.master}
        assert requests.post(url, json={"input": ""}, headers=headers, timeout=30).status_code == 202
        eventually(lambda: self.times_run(function) > before, f"{function} to have run", seconds=60)


@contextlib.contextmanager
def running(deployment: Deployment, folder: Path, more: Mapping[str, str]) -> Iterator[Deployed]:
    """Start everything for a deployment and end it with the block; `more` are other values of app settings."""
    ports = free_ports(7)
    certificates = make_certificates(folder)
    azurite = Azurite(*ports[:3], scheme="https")
    site_url, simulator_url = f"http://127.0.0.1:{ports[3]}", f"http://127.0.0.1:{ports[4]}"
    azure = resolved(INFRA)
    platform = {
        "IDENTITY_ENDPOINT": f"http://127.0.0.1:{ports[6]}/msi/token",
        "IDENTITY_HEADER": secrets.token_urlsafe(16),
        "WEBSITE_AUTH_ENABLED": "True",
        "AzureFunctionsWebHost__hostid": HOST_ID,
        "REQUESTS_CA_BUNDLE": str(certificates.authorities),
        "NO_PROXY": "127.0.0.1,localhost",
    }
    tls = ["--certificate", str(certificates.certificate), "--key", str(certificates.key)]
    only = ["--client-id", azure["AZURE_CLIENT_ID"]]
    beside = [
        azurite_child(azurite, log=folder / "azurite.log", certificates=certificates),
        _module("local.key_vault", ports[5], folder, tls),
        _module("local.identity", ports[6], folder, only, {"IDENTITY_HEADER": platform["IDENTITY_HEADER"]}),
        _module("local.constant_contact", ports[4], folder, []),
    ]
    started: list[Child] = []
    try:
        for child in beside:
            child.start()
            started.append(child)
        for child in beside:
            child.wait_until_listening()
        simulator = SimulatorClient(simulator_url)
        account = simulator.first_account()
        addresses = {
            "KEY_VAULT_URL": f"https://127.0.0.1:{ports[5]}",
            "CONSTANT_CONTACT_API_URL": f"{simulator_url}/v3",
            "CONSTANT_CONTACT_AUTH_URL": f"{simulator_url}/oauth2/default/v1",
            "CONSTANT_CONTACT_CLIENT_ID": account.client_id,
            "SITE_URL": site_url,
        }
        for name in ("AzureWebJobsStorage", "SNAPSHOT_STORAGE"):
            addresses |= {f"{name}__blobServiceUri": azurite.blob_url, f"{name}__queueServiceUri": azurite.queue_url}
        addresses["AzureWebJobsStorage__tableServiceUri"] = azurite.table_url
        with pytest.MonkeyPatch.context() as patch, listening(certificates) as insights:
            addresses["APPLICATIONINSIGHTS_CONNECTION_STRING"] = insights.connection_string
            settings = {**azure, **addresses, **more}
            services = _same_door(patch, settings, platform)
            services.secrets.set("constant-contact-client-secret", account.client_secret)
            services.snapshots.create_container()
            blobs = storage.Storage(services.settings.storage)._blobs
            keys = read_or_create_host_keys(blobs, HOST_ID)
            environment = deployment.environment({**settings, **platform, **CALM})
            options = ["--app", str(deployment.app), "--port", str(ports[3]), "--name", "deployed"]
            command = [str(deployment.python), "-P", "-m", "local.processes", "local.host", *options]
            host = _Bare("host", command, log=folder / "host.log", port=ports[3], environment=environment)
            started.insert(0, host)
            host.start()
            host.wait_until_listening()
            app = AppClient([site_url], keys.default)
            yield Deployed(settings, environment, host, site_url, simulator, services, account, keys, app, insights)
    finally:
        end(started)


def _same_door(patch: pytest.MonkeyPatch, settings: Mapping[str, str], platform: Mapping[str, str]) -> Services:
    """The services of this deployment for the test itself, through the same identity as the app."""
    for name, value in {**platform, "AZURE_CLIENT_ID": settings["AZURE_CLIENT_ID"]}.items():
        patch.setenv(name, value)
    storage.identity.cache_clear()
    return connect(load_settings(settings))


def _module(
    module: str, port: int, folder: Path, options: list[str], environment: Mapping[str, str] | None = None
) -> Child:
    command = module_command(module, "--port", str(port), *options)
    return Child(module, command, log=folder / f"{module}.log", port=port, environment=environment)
