"""Nasdaq OUCH 5.0: order entry and its answers, both directions."""
