"""Venues: where market data comes from and where orders go."""

from pathlib import Path

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
        if not self.password_file:
            return "simulated"
        return Path(self.password_file).read_text(encoding="ascii").splitlines()[0].strip()


class Venue(Struct, forbid_unknown_fields=True, frozen=True):
    """One venue."""

    name: str
    simulated: bool
    fees: tuple[Fees, ...]
    channel: Channel
    session: Session


class Venues(Struct, forbid_unknown_fields=True, frozen=True, rename={"venues": "venue"}):
    """The file `venues.toml`."""

    venues: tuple[Venue, ...]
