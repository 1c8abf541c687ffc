"""Rivals of the benchmarks, as their own documentation would have one write them."""
