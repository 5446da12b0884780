"""Specifications of the system, mirrored after its modules."""
