"""Configuration, words and exceptions: what needs no model."""
