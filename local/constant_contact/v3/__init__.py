"""The V3 API: the gateway in front and one module a resource behind it."""
