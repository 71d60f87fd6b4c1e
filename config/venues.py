"""Venues: where market data comes from and where orders go."""

from pathlib import Path
from typing import Literal

from msgspec import Struct

from config.fees import Fees


class Channel(Struct, forbid_unknown_fields=True, frozen=True):
    """One market-data channel: two multicast lines and a retransmission server (MoldUDP64)."""

    group_a: str
    port_a: int
    group_b: str
    port_b: int
    interface: str
    retransmission_host: str
    retransmission_port: int
    silence_ms: int  # both lines silent for this long: stale
    arbitration_window_us: int  # how long the other line may take to fill a hole before it is requested
    request_messages_max: int  # messages asked for in one request
    requests_per_second: int  # token bucket
    requests_burst: int
    market_code: Literal["Q", "B", "X"] = "Q"  # of ITCH's operational halts: Nasdaq, BX, PSX
    session: str = ""  # expected MoldUDP64 session; "" adopts the first one heard


class Session(Struct, forbid_unknown_fields=True, frozen=True):
    """One order-entry session (OUCH 5.0 over SoupBinTCP). The password lives in a file, never in the configuration."""

    host: str
    port: int
    username: str
    heartbeat_ms: int
    silence_ms: int  # nothing heard for this long: session lost
    unsent_ms_max: int  # bytes that the socket did not take for this long: session unusable
    logins_per_minute_max: int
    password_file: str = ""
    firm: str = ""  # four letters that name us in a mass cancel; "" where the venue has none for us

    @property
    def password(self) -> str:
        """The session's password: the file's first line, or the simulated venue's when no file is named."""
        return password_in(self.password_file)


class DropCopy(Struct, forbid_unknown_fields=True, frozen=True):
    """The venue's copy of all that it tells our order session (SoupBinTCP, read only), for reconciliation by oms."""

    host: str
    port: int
    username: str
    silence_ms: int  # nothing heard for this long: nobody vouches for our record, the firm is REDUCING
    settle_ms: int  # what one side tells and the other does not is a break after this long
    password_file: str = ""

    @property
    def password(self) -> str:
        """As a session's."""
        return password_in(self.password_file)


def password_in(file: str) -> str:
    """The first line of a password file, or the simulated venue's password when none is named."""
    if not file:
        return "simulated"
    return Path(file).read_text(encoding="ascii").splitlines()[0].strip()


class Venue(Struct, forbid_unknown_fields=True, frozen=True):
    """One venue."""

    name: str
    simulated: bool
    fees: tuple[Fees, ...]
    channel: Channel
    session: Session
    drop_copy: DropCopy | None = None  # None: nothing compares our record with the venue's, and status says so


class Venues(Struct, forbid_unknown_fields=True, frozen=True, rename={"venues": "venue"}):
    """The file `venues.toml`."""

    venues: tuple[Venue, ...]
