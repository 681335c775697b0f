"""Finds families of values: an exact rule for one text, and engines that pick the few rows of a batch worth asking."""
