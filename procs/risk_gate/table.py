"""Table: every pre-trade check in the order in which it decides: code, scopes, unit, limit, and who asks for it.

Data for people and for tests, which hold it against decide.py: the order, that no code is missing, that each check
refuses with its own. Cold, imports no numba. The first refusal decides; a reject carries code, scope, `limit_value`
and `found_value` (what the intent would have made it) in the check's unit. Worst case is the position and every working
and in-flight lot of one side; buys are never netted against sells. A replace adds what it may open beyond its order.

Who asks: 15c3-5 is the SEC's market access rule, RTS 6 Commission Delegated Regulation (EU) 2017/589, RTS 9 (EU)
2017/566, FIA the recommendations of 2015 and 2024, NMS Regulation NMS, SHO Regulation SHO, LULD the NMS plan to address
extraordinary volatility, CME its port closure policy (who is refused too often loses the port); "own" is this
machine's own safety.
"""

from typing import NamedTuple

from shm.codes import REJECT_NAMES

ORDER, INSTRUMENT, PAIR, STRATEGY, FIRM = "order", "instrument", "strategy in instrument", "strategy", "firm"
UNDERLYING = "underlying"
DESKS = (STRATEGY, FIRM)
SCOPES = (INSTRUMENT, STRATEGY, FIRM)


class Check(NamedTuple):
    """One check. `limit` is the field of `limits` (shm/records/limits.py) or `instruments`, "" where there is none."""

    name: str
    code: int
    refuses: str
    scopes: tuple[str, ...]
    unit: str
    limit: str
    standard: str

    @property
    def label(self) -> str:
        """The code's word in rejects, counters and `quintet status`."""
        return REJECT_NAMES[self.code]


CHECKS = (
    Check("kind", 34, "not NEW or REPLACE; not DAY or IOC", (ORDER,), "code", "", "15c3-5(c)(1)(ii)"),
    Check("duplicate", 27, "id not above the strategy's last", (ORDER,), "id", "", "15c3-5(c)(1)(ii)"),
    Check("instrument", 10, "unknown, or outside the universe", (ORDER,), "", "", "15c3-5(c)(2)(ii); RTS 6 15(5)"),
    Check("side", 12, "not BUY or SELL; not its order's", (ORDER,), "code", "", "15c3-5(c)(1)(ii)"),
    Check("limits", 30, "a row missing, or a limit in it not above 0", (ORDER,), "", "", "FIA 2015 1.1"),
    Check(
        *("restricted", 53, "its side is not permitted in the instrument", (INSTRUMENT,), "sides", "permitted"),
        "15c3-5(c)(2)(i), (ii); RTS 6 15(5)",
    ),
    Check("fx_rate", 38, "no rate of its currency into the firm's", (INSTRUMENT,), "ppm", "fx_ppm", "15c3-5(c)(1)(i)"),
    Check("behind", 33, "a report is known to be unread", (ORDER,), "flag", "", "own; RTS 6 15(2)"),
    Check(
        *("executions", 51, "executed so often that a person must let it go on", (STRATEGY,), "executions"),
        *("executions_max", "RTS 6 15(3)"),
    ),
    Check(
        *("fill_burst", 52, "executed too much in a short window", (STRATEGY,), "lots, or micro of delta or vega"),
        *("fill_lots_max, fill_delta_micro_max, fill_vega_micro_max", "RTS 6 15(3); FIA 2024"),
    ),
    Check(
        *("venue_rejects", 67, "so much refused by the venue that a person must let it go on", DESKS, "rejects"),
        *("venue_rejects_max", "CME; RTS 6 12"),
    ),
    Check("halt", 23, "HALTED or unknown", (ORDER,), "state", "", "RTS 6 12; FIA 2015 1.6"),
    Check("cancel_only", 24, "CANCEL_ONLY", (ORDER,), "state", "", "RTS 6 12; FIA 2015 1.6"),
    Check("expiry", 26, "later than it may leave", (ORDER,), "ns", "", "own"),
    Check("trading_state", 11, "not OPEN; unknown is halted", (ORDER,), "state", "", "15c3-5(c)(2)(i); RTS 6 5(4)"),
    Check("price_range", 14, "not positive, or beyond the wire", (ORDER,), "ticks", "price_ticks_max", "own"),
    Check("tick_size", 13, "off the step of its price band", (ORDER,), "ticks", "band_tick_ticks", "NMS 612; RTS 11"),
    Check("lot_size", 15, "not a positive multiple of the lot", (ORDER,), "lots", "lot_lots", "15c3-5(c)(1)(ii)"),
    Check("qty_max", 16, "above it", (INSTRUMENT,), "lots", "qty_lots_max", "15c3-5(c)(1)(ii); RTS 6 15(1)(c)"),
    Check(
        *("notional_max", 17, "price * size * unit above it", (INSTRUMENT,), "micro, own currency"),
        *("notional_micro_max", "15c3-5(c)(1)(ii); RTS 6 15(1)(b)"),
    ),
    Check("order_value", 17, "in the firm's currency not below 2^50", (ORDER,), "micro", "", "own"),
    Check("channel", 18, "not FRESH, or silent for longer", (ORDER,), "ns", "channel_silence_ns_max", "FIA 2015 1.3"),
    Check("reference", 18, "empty, crossed or older", (ORDER,), "ns", "age_ns_max", "FIA 2015 1.3"),
    Check(
        *("collar_near", 19, "farther from the best price of its side", (INSTRUMENT,), "bps", "collar_near_bps"),
        "15c3-5(c)(1)(ii); RTS 6 15(1)(a)",
    ),
    Check(
        *("collar_far", 37, "farther through the other side's best", (INSTRUMENT,), "bps", "collar_far_bps"),
        "15c3-5(c)(1)(ii); RTS 6 15(1)(a)",
    ),
    Check(
        *("collar_near_ticks", 57, "farther from the best price of its side", (INSTRUMENT,), "ticks"),
        *("collar_near_ticks", "15c3-5(c)(1)(ii); RTS 6 15(1)(a)"),
    ),
    Check(
        *("collar_far_ticks", 58, "farther through the other side's best", (INSTRUMENT,), "ticks", "collar_far_ticks"),
        "15c3-5(c)(1)(ii); RTS 6 15(1)(a)",
    ),
    Check(
        *("price_band", 56, "outside of the venue's price band", (ORDER,), "ticks"),
        *("luld_low_ticks, luld_high_ticks", "LULD; 15c3-5(c)(2)(i)"),
    ),
    Check("self_trade", 50, "would trade with an order of the firm", (FIRM,), "ticks", "self_trade", "RTS 6 13; FIA"),
    Check("target", 28, "REPLACE: its order is unknown", (ORDER,), "", "", "own"),
    Check("target_leaving", 29, "REPLACE: its order is leaving", (ORDER,), "", "", "own"),
    Check(
        *("short_permit", 53, "more than is held, and short is not permitted", (INSTRUMENT,), "sides", "permitted"),
        "15c3-5(c)(2)(i), (ii); SHO 200(g)",
    ),
    Check("locate", 54, "short lots, worst case, above it", (INSTRUMENT,), "lots", "locate_lots", "SHO 203(b)(1)"),
    Check("short_price", 55, "short at or below the best bid while restricted", (ORDER,), "ticks", "", "SHO 201"),
    Check("reducing", 25, "REDUCING: same-side lots above the position", (PAIR, INSTRUMENT), "lots", "", "RTS 6 15(4)"),
    Check(
        *("risk_stale", 65, "P&L missing, stale or older: as REDUCING", DESKS, "ns", "risk_age_ns_max"),
        "FIA 2015 1.3; RTS 6 15(4)",
    ),
    Check("loss", 63, "loss reached it: as REDUCING", DESKS, "micro", "loss_micro_max", "RTS 6 15(4)"),
    Check(
        *("drawdown", 64, "drawdown reached it: as REDUCING", DESKS, "micro", "drawdown_micro_max", "RTS 6 15(4)"),
    ),
    Check(
        *("position", 20, "worst case long or short above it", (INSTRUMENT, PAIR), "lots"),
        *("long_lots_max, short_lots_max", "RTS 6 15(5); FIA 2015 1.2"),
    ),
    Check("open_orders", 21, "open orders above it", SCOPES, "orders", "open_orders_max", "RTS 6 15(5)"),
    Check("open_notional", 39, "value of open orders above it", SCOPES, "micro", "open_micro_max", "15c3-5(c)(1)(i)"),
    Check(
        *("gross", 40, "worst case, sizes added, above it", SCOPES, "micro", "gross_micro_max"),
        "15c3-5(c)(1)(i); RTS 6 15(4)",
    ),
    Check(
        *("net", 41, "worst case of one side above it", DESKS, "micro", "net_micro_max"),
        "15c3-5(c)(1)(i); RTS 6 15(4)",
    ),
    Check(
        *("concentration", 42, "greater part of the firm's gross", (FIRM,), "bps", "concentration_bps_max"),
        "RTS 6 15(4); FIA 2024",
    ),
    Check(
        *("greeks_stale", 62, "no row of Greeks that counts, or an older one", (UNDERLYING,), "ns"),
        *("scale_age_ns_max", "FIA 2015 1.3"),
    ),
    Check("delta", 59, "worst-case delta above it", (UNDERLYING,), "micro", "delta_micro_max", "RTS 6 15(4)"),
    Check("gamma", 60, "worst-case gamma above it", (UNDERLYING,), "micro", "gamma_micro_max", "RTS 6 15(4)"),
    Check("vega", 61, "worst-case vega above it", (UNDERLYING,), "micro", "vega_micro_max", "RTS 6 15(4)"),
    Check(
        *("same_order", 49, "so many of the same content in the window", (STRATEGY,), "orders", "same_orders_max"),
        "15c3-5(c)(1)(ii)",
    ),
    Check("same_ring", 49, "more new orders than the window remembers", (STRATEGY,), "orders", "", "own"),
    Check("order_rate", 22, "so many in the window already", DESKS, "orders", "rate_orders_max", "RTS 6 15(1)(d)"),
    Check(
        *("message_rate", 43, "only the headroom of cancels is left", DESKS, "messages", "rate_messages_max"),
        "RTS 6 15(1)(d)",
    ),
    Check("cancel_rate", 44, "so many cancels in the window", DESKS, "cancels", "rate_cancels_max", "RTS 6 15(1)(d)"),
    Check("burst_ring", 22, "more orders than the window remembers", SCOPES, "orders", "", "own"),
    Check(
        *("burst_lots", 45, "lots entered in the short window above it", SCOPES, "lots", "burst_lots_max"),
        "15c3-5(c)(1)(ii)",
    ),
    Check(
        *("burst_notional", 46, "value entered in the short window above it", SCOPES, "micro", "burst_micro_max"),
        "15c3-5(c)(1)(ii)",
    ),
    Check(
        *("order_to_trade", 47, "more messages for each execution", SCOPES, "messages", "messages_per_fill_max"),
        "RTS 9; MiFID II 48(6)",
    ),
    Check("state_room", 32, "order table or identifiers exhausted", (FIRM,), "", "", "own"),
    Check("journal_room", 35, "no room behind the journal's watermark", (FIRM,), "", "", "own; RTS 6 28"),
    Check("orders_room", 31, "only the cancel headroom is left", (FIRM,), "", "", "own"),
)

# cancels and reduces pass none of these; this is all that they can be refused for
LEAVING_CHECKS = (
    Check("unknown_order", 28, "not open, or another strategy's; a reduce: not working yet", (ORDER,), "", "", "own"),
    Check("leaving", 29, "its cancel is on its way; a reduce: its replace or another reduce", (ORDER,), "", "", "own"),
    Check("reduce_size", 48, "a reduce that is not to a positive size below the present", (ORDER,), "lots", "", "own"),
)
SENDER_CODES = (36, 66)  # of order_sender, after the gate
