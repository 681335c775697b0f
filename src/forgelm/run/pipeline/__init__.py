"""Several trainings in a row: which stages are left to do, what each begins with, and what became of it."""
