"""Nasdaq TotalView-ITCH 5.0: sizes of all messages, decode and encode of those that move books and trading states."""
