"""Specifications of the pages as people see them: in a real Chromium, against the whole system."""
