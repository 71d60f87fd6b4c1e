"""Nouns: everything that crosses a process border, and the memory that carries it."""
