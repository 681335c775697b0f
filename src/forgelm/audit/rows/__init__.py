"""The text of rows to numbers: tokens, fingerprints, sizes and quality flags, by compiled code or by numpy."""
