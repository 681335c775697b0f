"""The dataset audit: what a careful team wants to know about its rows before training on them."""
