"""Help around a run: seeing the data as the model will, and a first run that needs nothing."""
