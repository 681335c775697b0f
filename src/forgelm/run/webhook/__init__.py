"""Messages about a run: what happened into a message, its shape for whoever reads it, its signature, its delivery."""
