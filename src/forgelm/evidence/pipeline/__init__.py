"""The record of a chain of trainings: its state, its manifest, and whether both are what they should be."""
