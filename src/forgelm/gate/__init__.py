"""Measurements and limits into a verdict with its reasons. Pure: nothing is read, written or measured here."""
