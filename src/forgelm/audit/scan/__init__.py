"""The audit itself: blocks of rows to states, states to one, and that one to a report."""
