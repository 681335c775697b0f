"""A model folder to the file that a server is started with, the trained chat template included."""
