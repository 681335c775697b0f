"""A dataset and what was found in it to its Croissant description."""
