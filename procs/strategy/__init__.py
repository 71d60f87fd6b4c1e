"""strategy: book + position + feedback -> intent."""
