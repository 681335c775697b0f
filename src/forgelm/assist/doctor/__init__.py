"""Looks a machine over before a run: what is installed, what it can compute with, what it can reach and write."""
