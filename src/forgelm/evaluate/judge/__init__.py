"""Judging by a model: answers into points from 1 to 10, and into who is better, by one judge or several."""
