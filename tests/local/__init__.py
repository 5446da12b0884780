"""Specifications of the services around the app on one machine."""
