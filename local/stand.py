"""The whole system on one machine: every service that the app needs, and one or more hosts that run the app."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from azure.core.credentials import AccessToken
from azure.core.exceptions import ResourceExistsError
from azure.keyvault.secrets import SecretClient
from azure.storage.blob import BlobServiceClient, ContainerClient

from admin import changes
from exporters.services import connect
from local.app_client import AppClient
from local.azurite import Azurite, azurite_child
from local.certificates import Certificates, make_certificates
from local.event_grid import EventGrid
from local.host.keys import HostKeys, read_or_create_host_keys
from local.identity import unsigned_token
from local.processes import Child, ProcessError, end, free_ports, module_command, port_is_free
from local.sign_in import PEOPLE
from local.simulator_client import Account, SimulatorClient
from shared.models import Connection, ConstantContactAccount
from shared.people import Person
from shared.settings import SettingsError, load_settings

ROOT = Path(__file__).resolve().parent.parent
HOST_ID_SETTING = "AzureFunctionsWebHost__hostid"
CLIENT_SECRET_NAME = "constant-contact-client-secret"
SNAPSHOT_FUNCTION = "snapshot_arrived"
RESTART_SECONDS = 0.5
# A killed host's queue messages come back after this time; in Azure it is 600.
QUEUE_LEASE_SECONDS = 20


class Stand:
    """Starts everything when its block begins and ends every process that it started when the block ends.

    Every app setting that the environment already has wins over the stand's own, so that parts can be exchanged or a
    proxy put between two of them. A host that ends by itself is started again, as Azure does, which `say` is told;
    `check` raises when another service has ended. `settings` are app settings for this stand only.

    Args:
        clock_offsets: by how many seconds the clock of each host is fast (negative: slow); the others' are right.
        azurite: where the storage account listens, for those who have to know it before it starts.
        durable: storage and Key Vault keep what they hold on disk, so that they can be taken away (`without`).
        queue_lease: after how many seconds the messages of a killed host come back; in Azure it is 600.
        simulator_options: further command-line options of the Constant Contact simulator.
        telemetry: the folder for what the hosts tell of themselves; by default it is gone when the block ends.
    """

    def __init__(
        self,
        *,
        instances: int = 1,
        port: int | None = None,
        simulator_port: int | None = None,
        faults: Sequence[str] = (),
        settings: Mapping[str, str] | None = None,
        clock_offsets: Sequence[float] = (),
        azurite: Azurite | None = None,
        durable: bool = False,
        queue_lease: int = QUEUE_LEASE_SECONDS,
        simulator_options: Sequence[str] = (),
        telemetry: Path | None = None,
        say: Callable[[str], object] = lambda _: None,
    ) -> None:
        ports = free_ports(6 + instances, besides=[port, simulator_port])
        self.folder = Path(tempfile.mkdtemp(prefix="stand-"))
        # A file of spans, metrics and log records for each host (OTLP, a JSON object a line).
        self.telemetry = telemetry.absolute() if telemetry else self.folder / "telemetry"
        self.azurite = azurite or Azurite(*ports[:3])
        self.site_urls = [f"http://127.0.0.1:{one}" for one in [port or ports[6], *ports[7:]]]
        self.simulator_url = f"http://127.0.0.1:{simulator_port or ports[5]}"
        self._simulator = SimulatorClient(self.simulator_url)
        self._vault_url = f"https://127.0.0.1:{ports[3]}"
        self._identity_url = f"http://127.0.0.1:{ports[4]}/msi/token"
        self._identity_header = os.environ.get("IDENTITY_HEADER") or secrets.token_urlsafe(16)
        self._simulator_options = [*simulator_options, *(part for one in faults for part in ("--fault", one))]
        self._given_settings = dict(settings or {})
        self._clock_offsets = [*clock_offsets, *[0.0] * instances][:instances]
        self._durable = durable
        self._queue_lease = queue_lease
        self._say = say
        self._services: list[Child] = []
        self._away: set[str] = set()
        self.hosts: list[Child] = []
        self._exits = contextlib.ExitStack()
        self._ending = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="watcher", daemon=True)

    # What a block that uses the stand may want to know.

    account: Account
    settings: Mapping[str, str]
    keys: HostKeys
    app: AppClient
    restarts = 0

    @property
    def site_url(self) -> str:
        """The address of the first host, without a slash at the end."""
        return self.site_urls[0]

    @property
    def snapshots(self) -> ContainerClient:
        """The container of the snapshots."""
        return self._blobs("SNAPSHOT_STORAGE").get_container_client(self.settings["SNAPSHOT_CONTAINER"])

    def __enter__(self) -> Stand:
        try:
            self._start_services()
            self._start_hosts()
            self._watcher.start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def check(self) -> None:
        """ProcessError when a service that is not started again has ended by itself."""
        for service in self._services:
            if service.exit_code is not None and service.name not in self._away:
                raise service.failure()

    def pid(self, name: str) -> int:
        """The process id of the service of this name: `Azurite`, `Key Vault` …"""
        return self._service(name).pid or 0

    @contextlib.contextmanager
    def without(self, name: str) -> Iterator[None]:
        """End a service of a durable stand for the block, and start it again with everything it held.

        It is asked to end, not killed. Azurite writes what it has acknowledged to disk seconds later, so killed it
        would lose it (measured: all of the last four to five seconds), which no storage account does.
        """
        service = self._service(name)
        self._away.add(name)
        try:
            end([service])
            yield
        finally:
            service.start()
            service.wait_until_listening()
            self._away.discard(name)

    def deliver_events(self) -> EventGrid:
        """From now on tell the app of every blob that is written to the snapshot container."""
        query = f"functionName=Host.Functions.{SNAPSHOT_FUNCTION}&code={self.keys.blobs_extension}"
        targets = [f"{site_url}/runtime/webhooks/blobs?{query}" for site_url in self.site_urls]
        return self._exits.enter_context(EventGrid(self.snapshots, targets))

    def connect(self, display_name: str, account: Account | None = None) -> Connection:
        """Make a connection and sign it in."""
        account = account or self.account
        return self.sign_in(self.app.add_connection(display_name, account.user_email), account)

    def sign_in(self, connection: Connection, account: Account) -> Connection:
        """What is there after an administrator has signed in: tokens in Key Vault, and the connection says where.

        Without the requests that a sign-in makes, which would use up faults that are meant for a run.
        """
        grant = self._simulator.grant(self.settings["CONSTANT_CONTACT_CLIENT_ID"], account.user_id)
        kept = {name: grant[name] for name in ("access_token", "refresh_token", "scope")}
        # Said to be over, so that the run refreshes them, as one does that comes hours after the sign-in.
        kept["expires_at"] = datetime.now(UTC).isoformat()
        self._keep_secret(connection.secret_name, json.dumps(kept))
        known = ConstantContactAccount(id=account.account_id, name=account.name)
        told = {"account": known, "signed_in_at": datetime.now(UTC), "sign_in_again": None, "sign_in_problem": None}
        ada = next(one for one in PEOPLE if one.role == "Administrator")
        app = connect(load_settings({**os.environ, **self.settings}))
        return changes.change(
            app,
            Person(id=ada.object_id, name=ada.name, role=ada.role),
            "signed in",
            app.connections,
            connection.id,
            lambda one: one.model_copy(update=told),
        ).value

    def add_account(self, name: str) -> Account:
        """Another Constant Contact account, with one user and one list."""
        return self._simulator.add_account(name, self.account)

    def secret(self, name: str) -> str:
        """What Key Vault holds under this name."""
        with self._vault() as vault:
            return vault.get_secret(name).value or ""

    def issued(self) -> list[str]:
        """Every authorization code and token that the simulator has given out: what must be in no log."""
        return self._simulator.issued()

    def members_csv(self) -> bytes:
        """The members of the account's list as CSV: email, first_name, last_name, list_ids (separated by ";")."""
        return self._simulator.members_csv(self.account.list_id)

    def requests_to_constant_contact(self) -> int:
        """How many requests the simulator has answered or cut, those to the token endpoint among them."""
        return self._simulator.requests_answered()

    def _start_services(self) -> None:
        for url in (*self.site_urls, self.simulator_url):
            if not port_is_free(_port(url)):
                raise ProcessError(f"Port {_port(url)} is in use. Choose another one, or let a free one be found.")
        certificates = make_certificates(self.folder)
        location = self.folder / "azurite" if self._durable else None
        if location:
            location.mkdir()
        vault_options = ["--certificate", str(certificates.certificate), "--key", str(certificates.key)]
        if self._durable:
            vault_options += ["--state", str(self.folder / "vault.json")]
        self._services += [
            azurite_child(self.azurite, log=self._log("azurite"), location=location),
            self._module(
                "Key Vault",
                "local.key_vault",
                self._vault_url,
                vault_options,
            ),
            self._module(
                "managed identity", "local.identity", self._identity_url, [], {"IDENTITY_HEADER": self._identity_header}
            ),
            self._module(
                "Constant Contact simulator", "local.constant_contact", self.simulator_url, self._simulator_options
            ),
        ]
        for service in self._services:
            service.start()
        for service in self._services:
            service.wait_until_listening()
        self.account = self._simulator.first_account()
        self.settings = self._effective(self._own_settings(certificates))
        self._check_settings()
        self._register_app()
        self._keep_secret(CLIENT_SECRET_NAME, self.account.client_secret)
        with contextlib.suppress(ResourceExistsError):
            self.snapshots.create_container()

    def _start_hosts(self) -> None:
        self.keys = read_or_create_host_keys(self._blobs("AzureWebJobsStorage"), self.settings[HOST_ID_SETTING])
        self.app = AppClient(self.site_urls, self.keys.default)
        for number, (site_url, offset) in enumerate(zip(self.site_urls, self._clock_offsets, strict=True), 1):
            name = f"host-{number}"
            options = ["--app", str(ROOT), "--name", name, "--queue-lease", str(self._queue_lease)]
            options += ["--telemetry", str(self.telemetry / f"{name}.jsonl")]
            if offset:
                options += [f"--clock-offset={offset}"]
            self.hosts.append(self._module(name, "local.host", site_url, options, self.settings))
        for host in self.hosts:
            host.start()
        for host in self.hosts:
            host.wait_until_listening()

    def _module(
        self,
        name: str,
        module: str,
        url: str,
        options: Sequence[str],
        environment: Mapping[str, str] | None = None,
    ) -> Child:
        command = module_command(module, "--port", str(_port(url)), *options)
        return Child(name, command, log=self._log(name), port=_port(url), environment=environment)

    def _service(self, name: str) -> Child:
        return next(service for service in self._services if service.name == name)

    def _log(self, name: str) -> Path:
        return self.folder / f"{name.lower().replace(' ', '-')}.log"

    def _own_settings(self, certificates: Certificates) -> dict[str, str]:
        """What the app needs to find the parts of this stand, and waits that suit a single machine."""
        return {
            "AzureWebJobsStorage": self.azurite.connection_string,
            "SNAPSHOT_STORAGE": self.azurite.connection_string,
            "SNAPSHOT_CONTAINER": "segments",
            "SNAPSHOT_QUIET_SECONDS": "3",
            "CONSTANT_CONTACT_API_URL": f"{self.simulator_url}/v3",
            "CONSTANT_CONTACT_AUTH_URL": f"{self.simulator_url}/oauth2/default/v1",
            "CONSTANT_CONTACT_CLIENT_ID": self.account.client_id,
            "KEY_VAULT_URL": self._vault_url,
            "IDENTITY_ENDPOINT": self._identity_url,
            "IDENTITY_HEADER": self._identity_header,
            # Of all that DefaultAzureCredential tries, only this; a developer's own sign-ins stay out of it.
            "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential",
            "REQUESTS_CA_BUNDLE": str(certificates.authorities),
            "REFRESH_SCHEDULE": "0 0 3 * * *",
            # Where people open the pages, and that the host signs them in.
            "SITE_URL": self.site_url,
            "WEBSITE_AUTH_ENABLED": "True",
            "UNCLEAR_UPLOAD_SECONDS": "5",
            "REQUEST_TIMEOUT_SECONDS": "15",
            HOST_ID_SETTING: "local",
        }

    def _effective(self, own: dict[str, str]) -> dict[str, str]:
        settings = {**own, **self._given_settings}
        settings |= {name: os.environ[name] for name in settings if os.environ.get(name)}
        # These two add to what the environment says: its authorities are in the file already (see certificates),
        # and everything here is on this machine, where no proxy leads.
        settings["REQUESTS_CA_BUNDLE"] = own["REQUESTS_CA_BUNDLE"]
        settings["NO_PROXY"] = ",".join(filter(None, [os.environ.get("NO_PROXY"), "127.0.0.1", "localhost"]))
        return settings

    def _check_settings(self) -> None:
        """As the app does when it starts, but said in one line instead of at the end of a log."""
        try:
            load_settings({**os.environ, **self.settings})
        except SettingsError as error:
            raise ProcessError(str(error)) from None

    def _register_app(self) -> None:
        """Let the simulator know the app by the client id and the redirect address that the settings give it."""
        self._simulator.register_app(
            self.settings["CONSTANT_CONTACT_CLIENT_ID"],
            self.account.client_secret,
            f"{self.settings['SITE_URL'].rstrip('/')}/connections/callback",
        )

    def _blobs(self, setting: str) -> BlobServiceClient:
        try:
            # An account that does not answer within seconds is not there; by default it is waited for a minute.
            return BlobServiceClient.from_connection_string(self.settings[setting], retry_total=1, initial_backoff=1)
        except ValueError:
            # The reason is left out: it may show a part of the key.
            message = f"The app setting {setting} is wrong: it is no connection string of a storage account"
            raise ProcessError(message) from None

    def _keep_secret(self, name: str, value: str) -> None:
        with self._vault() as vault:
            vault.set_secret(name, value)

    def _vault(self) -> SecretClient:
        return SecretClient(self._vault_url, _Token(), connection_verify=str(self.folder / "authorities.pem"))

    def _watch(self) -> None:
        """Start hosts that have ended again, a little later, until the stand ends."""
        while not self._ending.wait(RESTART_SECONDS):
            for host in self.hosts:
                if host.exit_code is not None:
                    ended = f"{host.name} (process {host.pid}) ended {host.how_it_ended}"
                    host.start()
                    self.restarts += 1
                    # Nobody may read it any more.
                    with contextlib.suppress(OSError):
                        self._say(f"{ended}; started again as process {host.pid}")

    def end_processes(self) -> None:
        """End every process; their logs are still there, in `folder`."""
        self._ending.set()
        if self._watcher.is_alive():
            self._watcher.join()
        self._exits.close()
        # The hosts first: what they still do needs the services.
        end(self.hosts)
        end(self._services)

    def _end(self) -> None:
        self.end_processes()
        shutil.rmtree(self.folder, ignore_errors=True)


def _port(url: str) -> int:
    return urlsplit(url).port or 0


class _Token:
    """A credential for our own Key Vault, which asks for a token but does not look into it."""

    def get_token(self, *_scopes: str, **_options: object) -> AccessToken:
        expires_at = int(time.time()) + 3600
        return AccessToken(unsigned_token("https://vault.azure.net", expires_at), expires_at)
