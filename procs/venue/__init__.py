"""Simulated exchange: the other side of every order, for development, tests and replay of history."""
