"""SoupBinTCP 3.0: numbered messages over TCP, with login, heartbeats and replay from any number."""
