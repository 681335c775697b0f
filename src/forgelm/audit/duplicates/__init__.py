"""Rows that repeat each other: pairs, clusters, leaks across splits, and benchmark texts."""
