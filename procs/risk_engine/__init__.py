"""risk_engine, a cold role: values the portfolio, measures what it may lose, and acts when that is too much."""
