"""Reads capture files by hand: classic pcap, Ethernet, VLAN tags, IPv4, UDP or TCP."""

import struct
from pathlib import Path
from typing import NamedTuple

VLAN = 0x8100
IPV4 = 0x0800
UDP = 17
TCP = 6


class Captured(NamedTuple):
    """One packet's payload and the wall clock of its capture."""

    captured_ns: int
    payload: bytes


def read_pcap(path: Path) -> list[Captured]:
    """Payloads of all UDP and TCP packets; what Ethernet or the capture device put behind the IP packet is cut off."""
    raw = path.read_bytes()
    order = {b"\xd4\xc3\xb2\xa1": "<", b"\x4d\x3c\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">", b"\xa1\xb2\x3c\x4d": ">"}
    assert raw[:4] in order, f"{path}: not a pcap file"
    unit_ns = 1 if b"\x3c" in raw[:4] else 1000
    found, at = [], 24
    while at < len(raw):
        seconds, fraction, kept, _ = struct.unpack_from(order[raw[:4]] + "IIII", raw, at)
        at += 16
        payload = _payload(raw[at : at + kept])
        if payload is not None:
            found.append(Captured(seconds * 10**9 + fraction * unit_ns, payload))
        at += kept
    return found


def _payload(packet: bytes) -> bytes | None:
    kind, at = int.from_bytes(packet[12:14], "big"), 14
    while kind == VLAN:
        kind, at = int.from_bytes(packet[at + 2 : at + 4], "big"), at + 4
    if kind != IPV4:
        return None
    ip = packet[at:]
    ip = ip[: int.from_bytes(ip[2:4], "big")]
    body = ip[(ip[0] & 15) * 4 :]
    if ip[9] == UDP:
        return body[8 : int.from_bytes(body[4:6], "big")]
    if ip[9] == TCP:
        return body[(body[12] >> 4) * 4 :]
    return None
