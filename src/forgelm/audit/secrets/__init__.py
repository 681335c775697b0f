"""Credentials: the shapes that vendors and protocols give them, and the finders."""
