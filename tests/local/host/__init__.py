"""Specifications of the function host: real apps in real host processes against Azurite."""
