"""Tests of users, groups, tokens and sign-in."""
