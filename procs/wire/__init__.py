"""Protocols: pure codecs over byte arrays. No sockets, no state, no clock; bytes in, records and codes out.

A codec takes a uint8 array and an offset. Decoders check everything that they read against the array and the message's
size and answer with a code of `procs/wire/codes.py`; encoders write at the offset and return the size, or a code.
"""
