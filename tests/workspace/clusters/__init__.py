"""Clusters with real engines, in a workspace inside the test's process."""
