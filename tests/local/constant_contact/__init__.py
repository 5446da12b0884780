"""Specifications of the Constant Contact simulator."""
