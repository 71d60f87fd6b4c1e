"""Caps: which of two limits is looser, and the hard bound that no limit passes, in a file or while running.

```
looser is                     limits
----------------------------  ---------------------------------------------------------------------------------
more, and "none" most of all  all that are not named below
less, and "none" most of all  rate_window_ms, burst_window_ms, same_window_ms, fill_window_ms, venue_rejects_window_ms:
                              a shorter window sees less, none sees nothing; rate_headroom: it is left to cancels
less, and "none" least        fill_reset_ms: "none" waits for a person
a word more                   permitted
"cancel"                      self_trade: the new order stands, "reject" stops it
```
"""

from config.errors import ConfigError
from config.limits import UNCAPPED

SHORTER_IS_LOOSER = (
    *("rate_window_ms", "burst_window_ms", "same_window_ms", "fill_window_ms"),
    *("venue_rejects_window_ms", "rate_headroom", "fill_reset_ms"),
)
NONE_IS_STRICTEST = ("fill_reset_ms",)
ABOUT = ("owner", "rationale", "review_by")


def _looseness(key: str, value: int | str) -> float | int:
    if value == "none":
        return float("-inf") if key in NONE_IS_STRICTEST else float("inf")
    return -value if key in SHORTER_IS_LOOSER else value


def is_looser(key: str, value, than) -> bool:
    """Whether `value` of limit `key` allows anything that `than` does not."""
    if key == "permitted":
        return bool(set(value) - set(than))
    if key == "self_trade":
        return value != than and value == "cancel"
    return _looseness(key, value) > _looseness(key, than)


def strictest(key: str, one, other):
    """The value of limit `key` that allows only what both allow."""
    if key == "permitted":
        return [word for word in one if word in other]
    return other if is_looser(key, one, other) else one


def check_cap(file, where: str, kind: str, caps, key: str, value) -> None:
    """Refuse a limit looser than its cap. `kind`: firm, strategy or instrument; `caps`: that table."""
    if key in UNCAPPED:
        return
    cap = getattr(caps, key)
    if is_looser(key, value, cap):
        bound = "at least" if key in SHORTER_IS_LOOSER else "at most"
        bound = repr(cap) if cap == "none" else f"{bound} {cap}"
        raise ConfigError(file, f"{where}.{key}", f"{bound} (cap.{kind}.{key})", str(value))


def check_caps(file, limits) -> None:
    """Every cap is a bound that could hold, somebody answers for it, and no limit of the file passes its own."""
    for kind in ("firm", "strategy", "instrument"):
        caps = getattr(limits.caps, kind)
        for key in ("owner", "rationale"):
            if not getattr(caps, key).strip():
                raise ConfigError(file, f"cap.{kind}.{key}", "words: who answers for these limits, and why", "nothing")
        for key in caps.__struct_fields__:
            value = getattr(caps, key)
            if key not in ABOUT and value != "none" and not 0 <= value < 1 << 62:
                raise ConfigError(file, f"cap.{kind}.{key}", '0 to 2^62, or "none"', str(value))
    scopes = [("firm", "firm", limits.firm)]
    scopes += [("strategy", f"strategy.{name}", held) for name, held in limits.strategies.items()]
    scopes += [("instrument", f"instrument.{name}", held) for name, held in limits.instruments.items()]
    for kind, where, held in scopes:
        for key in held.__struct_fields__:
            check_cap(file, where, kind, getattr(limits.caps, kind), key, getattr(held, key))
