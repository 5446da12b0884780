"""Specifications of how segment snapshots are found, chosen and read."""
