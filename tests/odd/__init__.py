"""The sweep of odd and hostile input: see ``tests/test_odd_input.py``."""
