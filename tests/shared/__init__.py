"""Specifications of what every function uses."""
