"""The documented second API over the ForgeLM engine: configure, load, train, compare."""
