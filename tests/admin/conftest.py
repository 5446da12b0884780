"""The pages and the API stand on the same surroundings as the export."""

from tests.exporters.conftest import vault_url, world

__all__ = ["vault_url", "world"]
