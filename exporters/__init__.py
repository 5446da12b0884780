"""The export: what a run does, step by step. Knows no trigger and no web page."""
