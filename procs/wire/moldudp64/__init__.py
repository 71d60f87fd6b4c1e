"""MoldUDP64: numbered messages in datagrams, and requests for those that were lost."""
