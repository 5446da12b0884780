"""Why a host cannot start; every message says what is wrong, with which thing, and what to do.

HostError
├── AppInvalid           the app cannot be indexed, or declares what this host does not offer
├── SettingMissing       a setting that a binding or a connection names does not exist, or is malformed
├── StorageUnreachable   the storage account does not answer
└── PortTaken            somebody else listens on the port
"""

from __future__ import annotations


class HostError(Exception):
    """The host cannot start; the process ends with exit code 1 and this message."""


class AppInvalid(HostError):
    """The app cannot be indexed, or it declares something that this host does not offer."""


class SettingMissing(HostError):
    """A setting that the app names does not exist, or its value cannot be understood."""


class StorageUnreachable(HostError):
    """The storage account behind a connection does not answer or refuses us."""


class PortTaken(HostError):
    """The port is in use by another process."""
