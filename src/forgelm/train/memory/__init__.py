"""Memory known beforehand: what a training will take, whether that fits, and what happens when it did not."""
