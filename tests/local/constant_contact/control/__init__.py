"""Specifications of local.constant_contact.control."""
