"""order_sender: order → venue → report. Journals before it sends, and believes only the venue about an order's fate."""
