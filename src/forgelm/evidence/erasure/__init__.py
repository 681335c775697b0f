"""Personal data found, erased and accounted for: rows, runs, retention, and what one person's erasure touches."""
