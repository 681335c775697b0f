"""Benchmarks by lm-evaluation-harness: names into tasks, a model into answers, two models' into measurements."""
