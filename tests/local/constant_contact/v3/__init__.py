"""Specifications of local.constant_contact.v3."""
