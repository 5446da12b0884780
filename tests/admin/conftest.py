"""The pages and the API stand on the same surroundings as the export."""

from tests.exporters.conftest import world

__all__ = ["world"]
