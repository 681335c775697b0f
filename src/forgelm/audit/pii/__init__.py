"""Personal data: the shapes it has in text, the checks that tell it from other numbers, and the finders."""
