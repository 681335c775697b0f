"""The only folder that knows the order in which things happen."""
