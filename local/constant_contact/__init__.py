"""Constant Contact on one machine: its V3 API and its OAuth, as documented, with faults on demand."""
