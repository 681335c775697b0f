"""Makes a staged model final, holds it for a person, or puts it in quarantine."""
