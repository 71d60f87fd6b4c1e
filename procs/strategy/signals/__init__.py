"""Signals: what the book and the trades say about the next price; each module one formula over one SIGNALS record."""
