"""A model's answers to harmful requests and harmless look-alikes into shares, intervals and reasons."""
