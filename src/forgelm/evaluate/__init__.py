"""Looks at a model and returns measurements. Whether they are good enough is decided in ``gate``."""
