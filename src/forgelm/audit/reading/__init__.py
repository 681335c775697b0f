"""Datasets of any form to blocks of rows that can be read, in any order and by any thread, without keeping them."""
