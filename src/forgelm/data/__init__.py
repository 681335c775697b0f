"""From what the section ``data`` names to normalised rows, with a record of everything that happened to them."""
