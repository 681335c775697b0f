"""The command: parse, call one function, render, exit."""
