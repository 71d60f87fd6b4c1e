"""Verbs: the roles that change records, what they share, and the command that operates them."""
