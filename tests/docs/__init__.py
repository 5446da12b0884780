"""The documents: what they name is there."""
