"""Adapters into their base model, and several models into one: tensor by tensor, from disk to disk."""
