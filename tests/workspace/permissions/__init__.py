"""Permissions: who may do what, with the official client as people who may not do everything."""
