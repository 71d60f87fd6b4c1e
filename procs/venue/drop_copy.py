"""Drop copy: a second, read-only session a member, that carries every message of its order session once more.

On the control thread, in plain Python: it reads the member's stream in the store, as a clearing gateway beside the
matching engine would. The copy has numbers of its own and is kept whole, so a client that comes back is served from any
number. Faults, for tests (settings.py), change what is copied: an execution left out, altered, told twice or late.
"""

import ctypes
import json
import time
from pathlib import Path

from procs.net.sockets import accept_waiting, open_tcp_listener
from procs.venue.settings import Settings
from procs.venue.store import CHUNK_BYTES, CHUNKS_MAX, store_count
from procs.wire.soupbintcp.plain import (
    LOGIN_REJECTED,
    LOGIN_REQUEST,
    LOGOUT,
    SEQUENCED,
    SERVER_HEARTBEAT,
    cut,
    login_accepted,
    packet,
    read_login_request,
)

EXECUTED, QTY_AT, PRICE_AT, MATCH_AT = ord("E"), 13, 17, 26  # of an executed message (procs/wire/ouch/executed.py)
HEARTBEAT_S, CLIENT_SILENCE_S = 0.5, 15.0  # twice as often as it must: what is missing is known that soon
SEND_BYTES_MAX = 1 << 20  # a client that does not read gets no more than this ahead
FAULT_LOG = "venue-copy-faults.jsonl"  # in the runtime folder: what was changed, and when


class Stream:
    """A member's stream in the store, read once from its beginning. Caller: the control thread."""

    def __init__(self, store, member: int):
        self.store, self.member = store, member
        self.read, self.chunk, self.offset = 0, 0, 0

    def new(self) -> list[bytes]:
        """OUCH messages that were appended since the last call."""
        count, found = int(store_count(int(self.store["ready_addr"][self.member]))), []
        while self.read < count:
            size = self._size()
            if size == 0:  # the chunk ends here
                self.chunk, self.offset = self.chunk + 1, 0
                size = self._size()
            found.append(self._bytes(self.offset + 3, size - 1))  # behind the length and the packet's type
            self.offset += 2 + size
            self.read += 1
        return found

    def _size(self) -> int:
        return int.from_bytes(self._bytes(self.offset, 2), "big") if self.offset + 2 <= CHUNK_BYTES else 0

    def _bytes(self, offset: int, size: int) -> bytes:
        return ctypes.string_at(int(self.store["chunks"][self.member, self.chunk % CHUNKS_MAX]) + offset, size)


class Client:
    """One connection: what it sent, what it has still to get, and which message is next."""

    def __init__(self, sock):
        self.sock = sock
        self.received, self.waiting = bytearray(), bytearray()
        self.next_seq = 0  # 0: not logged in
        self.closing = False
        self.heard_s = self.spoke_s = time.monotonic()


class DropCopy:
    """The drop copy of one member: listener, connections, and all that was ever copied."""

    def __init__(self, config, stream: Stream, session: str, folder: Path):
        self.config, self.stream, self.session = config, stream, session
        self.fault_log = folder / FAULT_LOG
        self.copied: list[bytes] = []
        self.late: list[tuple[float, bytes]] = []  # (when it is due, message)
        self.faults = 0
        self.listener = open_tcp_listener(config.host, config.port)
        self.clients: list[Client] = []

    def tend(self, settings: Settings) -> None:
        """Copy what is new, take requests, send what is due."""
        now_s = time.monotonic()
        for message in self.stream.new():
            self._copy(message, settings, now_s)
        while self.late and self.late[0][0] <= now_s:
            self.copied.append(self.late.pop(0)[1])
        self.clients += [Client(sock) for sock in accept_waiting(self.listener)]
        for client in self.clients:
            self._receive(client, now_s)
            if client.next_seq and not settings.copy_silent:
                self._fill(client, now_s)
            self._send(client, now_s)
        for client in [held for held in self.clients if held.closing and not held.waiting]:
            client.sock.close()
            self.clients.remove(client)

    def close(self) -> None:
        """Close everything."""
        for held in (*(client.sock for client in self.clients), self.listener):
            held.close()

    # --- what is copied ---------------------------------------------------------------------------------------------

    def _copy(self, message: bytes, settings: Settings, now_s: float) -> None:
        """Append one message, as the faults will have it: they change the next executions, `copy_faults` in all."""
        fault = settings.copy_fault if message[0] == EXECUTED and self.faults < settings.copy_faults else ""
        if fault:
            self.faults += 1
            self._tell(fault, message)
        if fault == "price":
            message = _added(message, PRICE_AT, 8, 100)
        elif fault == "quantity":
            message = _added(message, QTY_AT, 4, 1)
        elif fault == "duplicate":
            self.copied.append(message)
        if fault == "delay":
            self.late.append((now_s + settings.copy_delay_ms / 1e3, message))
        elif fault != "drop":
            self.copied.append(message)

    def _tell(self, fault: str, message: bytes) -> None:
        match = int.from_bytes(message[MATCH_AT : MATCH_AT + 8], "big")
        reference = int.from_bytes(message[9:13], "big")
        row = {"fault": fault, "match_number": match, "user_ref_num": reference, "at_ns": time.time_ns()}
        with open(self.fault_log, "a", encoding="ascii") as file:
            file.write(json.dumps(row) + "\n")

    # --- connections ------------------------------------------------------------------------------------------------

    def _receive(self, client: Client, now_s: float) -> None:
        try:
            while data := client.sock.recv(65536):
                client.received += data
                client.heard_s = now_s
            client.closing = True
            client.waiting.clear()
        except BlockingIOError:
            pass
        except OSError:
            client.closing = True
            client.waiting.clear()
        packets = cut(client.received)
        if packets is None or now_s - client.heard_s > CLIENT_SILENCE_S:
            client.closing, packets = True, []
            client.waiting.clear()
        for kind, payload in packets:
            if kind == LOGIN_REQUEST and not client.next_seq:
                self._log_in(client, payload)
            elif kind == LOGOUT:
                client.closing = True
            # heartbeats need no answer, and there is nothing that this session could be asked to do

    def _log_in(self, client: Client, payload: bytes) -> None:
        asked = read_login_request(payload)
        if asked is None or asked[:2] != (self.config.username, self.config.password):
            client.waiting += packet(LOGIN_REJECTED, b"A")
            client.closing = True
        elif asked[2] not in ("", self.session) or asked[3] > len(self.copied) + 1:
            client.waiting += packet(LOGIN_REJECTED, b"S")
            client.closing = True
        else:
            client.next_seq = asked[3] or len(self.copied) + 1
            client.waiting += login_accepted(self.session, client.next_seq)

    def _fill(self, client: Client, now_s: float) -> None:
        while client.next_seq <= len(self.copied) and len(client.waiting) < SEND_BYTES_MAX:
            client.waiting += packet(SEQUENCED, self.copied[client.next_seq - 1])
            client.next_seq += 1
        if not client.waiting and now_s - client.spoke_s >= HEARTBEAT_S:
            client.waiting += packet(SERVER_HEARTBEAT)

    def _send(self, client: Client, now_s: float) -> None:
        while client.waiting:
            try:
                taken = client.sock.send(client.waiting)
            except BlockingIOError:
                return
            except OSError:
                client.closing = True
                client.waiting.clear()
                return
            del client.waiting[:taken]
            client.spoke_s = now_s


def _added(message: bytes, at: int, size: int, amount: int) -> bytes:
    value = int.from_bytes(message[at : at + size], "big") + amount
    return message[:at] + value.to_bytes(size, "big") + message[at + size :]
