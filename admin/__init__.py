"""The JSON API over connections, exports and runs (ASGI)."""
