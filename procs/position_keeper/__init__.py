"""position_keeper: fill -> position, P&L."""
