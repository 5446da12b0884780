"""Specifications of the export: what a run does, step by step."""
