"""A certificate authority and a server certificate for the loopback interface, made anew for each stand."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import certifi
import trustme


@dataclass(frozen=True)
class Certificates:
    """PEM files: the authorities that a client should trust, and what a server presents."""

    authorities: Path
    certificate: Path
    key: Path


def make_certificates(folder: Path) -> Certificates:
    """Write a certificate for 127.0.0.1 and localhost into `folder`, its key, and the authorities to trust.

    The authorities are those trusted so far (of REQUESTS_CA_BUNDLE if set, else the usual ones) plus our own, so that
    a client can still reach other servers.
    """
    authority = trustme.CA()
    server = authority.issue_cert("127.0.0.1", "localhost")
    made = Certificates(folder / "authorities.pem", folder / "server.pem", folder / "server.key")
    trusted_so_far = Path(os.environ.get("REQUESTS_CA_BUNDLE") or certifi.where())
    made.authorities.write_bytes(trusted_so_far.read_bytes() + b"\n" + authority.cert_pem.bytes())
    made.certificate.write_bytes(b"".join(blob.bytes() for blob in server.cert_chain_pems))
    server.private_key_pem.write_to_path(made.key)
    return made
