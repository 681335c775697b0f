"""What a model remembers of its training rows: canaries asked again, and evaluation texts that were trained on."""
