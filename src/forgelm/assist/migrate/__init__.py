"""Configurations of other programs to configurations of this one, with a list of what could not be carried over."""
