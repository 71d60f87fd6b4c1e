"""Nasdaq TotalView-ITCH 5.0: every message both ways; `decode_itch` alone for those that move books and trading states."""
