"""Specifications of what happens to input that somebody made to do harm: refused by name, soon, in little memory."""
