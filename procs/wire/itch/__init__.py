"""Nasdaq TotalView-ITCH 5.0, every message both ways; `decode_itch` by itself: those that move books and states."""
