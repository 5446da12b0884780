"""Specifications of local.constant_contact.oauth."""
