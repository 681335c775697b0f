"""From a model's name to a loaded model with its tokenizer and adapter, and text out of it."""
