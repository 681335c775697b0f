"""Texts that say of themselves what they hold: personal data, credentials, and what only looks like them."""
