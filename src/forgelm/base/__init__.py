"""What every other part stands on: errors, event names, files, redaction, optional imports."""
