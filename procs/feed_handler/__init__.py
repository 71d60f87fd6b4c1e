"""feed_handler: wire -> tick, book. Two multicast lines become one stream of messages, books and ticks."""
