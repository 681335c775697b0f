"""Models: loaded as configured, and the modules of theirs that an adapter suits."""
