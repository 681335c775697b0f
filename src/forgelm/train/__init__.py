"""From normalised rows and a loaded model to weights saved in staging."""
