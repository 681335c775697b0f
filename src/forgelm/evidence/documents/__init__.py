"""The documents of a run: each as JSON for machines and as a page for people."""
