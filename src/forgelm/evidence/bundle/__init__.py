"""One file that holds a run's evidence, and the checks of it that need nothing but Python."""
