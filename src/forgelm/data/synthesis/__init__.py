"""Prompts and a teacher to rows that can be trained on, each with the record of where it came from."""
