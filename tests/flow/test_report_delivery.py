"""Every execution report repeated, replayed, late and out of order: risk_gate and position_keeper count each once.

Hypothesis makes a day (orders with fills, reduces, cancels, broken and corrected trades, mixed as the venue may mix them)
and a delivery of it. What a reader makes of the delivery, once it has read the journal to its end, is what it makes of
the day told once and in order.
"""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import shm.codes as codes
from procs.position_keeper.recovery import apply_missed
from procs.position_keeper.step import APPLIED, NOWHERE, SEEN, WAITING, apply_report
from procs.risk_gate.recover import apply_all
from shm.jit import JIT_OFF
from shm.records.position import POSITION
from shm.records.report import REPORT
from tests.support.gate import Gate, holding, np
from tests.support.keeper_bench import KeeperBench

EXAMPLES = 8 if JIT_OFF else 25
KNOWN = ("order_id", "intent_id", "instrument_id", "strategy_id", "side", "price_ticks")
ROW = [name for name in POSITION.names if name not in ("now_ns", "spread_micro")]

order = st.fixed_dictionaries(
    {
        "instrument_id": st.integers(0, 1),
        "strategy_id": st.integers(0, 1),
        "side": st.sampled_from([codes.SIDE_BUY, codes.SIDE_SELL]),
        "qty_lots": st.integers(1, 90),
        "fills": st.lists(st.integers(1, 40), max_size=4),
        "cancelled": st.booleans(),
        "broken": st.booleans(),
        "corrected": st.booleans(),
    }
)
days = st.lists(order, min_size=1, max_size=5)
deliveries = st.lists(
    st.tuples(st.sampled_from(["next", "again", "ahead", "journal"]), st.integers(0, 60)), max_size=60
)
repeatable = settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


def life_of(made: dict, known: dict, match: int) -> list[dict]:
    """Reports of one order, in the order in which its venue says them."""
    leaves, told = made["qty_lots"], [{**known, "kind": codes.REPORT_ACCEPTED, "qty_lots": made["qty_lots"]}]
    told[0]["leaves_lots"] = leaves
    fills = []
    for lots in made["fills"]:
        lots = min(lots, leaves)
        if lots == 0:
            break
        leaves -= lots
        fills.append((match, lots))
        told.append({**known, "kind": codes.REPORT_EXECUTED, "qty_lots": lots, "leaves_lots": leaves})
        told[-1].update(match_number=match, liquidity=codes.LIQUIDITY_ADDED, cum_lots=made["qty_lots"] - leaves)
        match += 1
    if made["cancelled"] and leaves:
        told.append({**known, "kind": codes.REPORT_CANCELED, "qty_lots": leaves, "leaves_lots": 0})
        leaves = 0
    for wanted, kind, (number, lots) in (
        (made["broken"], codes.REPORT_BROKEN, fills[0] if fills else (0, 0)),
        (made["corrected"], codes.REPORT_CORRECTED, fills[-1] if len(fills) > 1 else (0, 0)),
    ):
        if wanted and number:
            told.append({**known, "kind": kind, "qty_lots": lots, "leaves_lots": leaves, "match_number": number})
            if kind == codes.REPORT_CORRECTED:
                told[-1]["price_ticks"] += 10
    return told


def mix(lives: list[list[dict]], rng) -> list[dict]:
    """One stream of all lives, each in its own order."""
    lives, stream = [list(life) for life in lives], []
    while any(lives):
        stream.append(rng.choice([life for life in lives if life]).pop(0))
    return stream


def as_records(stream: list[dict]) -> np.ndarray:
    records = np.zeros(len(stream), REPORT)
    for at, told in enumerate(stream):
        records[at]["report_seq"], records[at]["publish_stamp_ns"] = at + 1, 1
        for name, value in told.items():
            records[at][name] = value
    return records


# --- risk_gate ---------------------------------------------------------------------------------------------------------


def gate_with(day: list[dict]) -> tuple[Gate, list[dict]]:
    """A gate that passed the orders of a day, and what reports say of each."""
    gate = Gate()
    for made in day:
        fields = {name: made[name] for name in ("instrument_id", "side", "qty_lots")}
        gate.intent(made["strategy_id"], **fields)
    gate.step(4)
    orders = {int(order["intent_id"]): order for order in gate.orders()}
    assert len(orders) == len(day), "every order of the day passes"
    return gate, [{name: orders[at + 1][name].item() for name in KNOWN} for at in range(len(day))]


def sums_of(gate: Gate) -> list:
    pairs = [holding(gate, instrument, strategy) for instrument in (0, 1) for strategy in (0, 1, None)]
    return [*pairs, gate.errors()]


@repeatable
@given(day=days, delivery=deliveries, rng=st.randoms(use_true_random=False))
def test_risk_gate_counts_each_report_once_however_it_is_delivered(day, delivery, rng):
    gate, known = gate_with(day)
    lives = [life_of(made, names, 100 * (at + 1)) for at, (made, names) in enumerate(zip(day, known, strict=True))]
    stream = mix(lives, rng)
    for told in stream:
        gate.report(**told)
        gate.step()
    straight, log = sums_of(gate), gate.report_log

    gate, _ = gate_with(day)
    gate.report_log, sent = log, 0
    for how, at in delivery:
        if how == "journal":
            apply_all(gate.state, 0, as_records(stream)[: max(sent, 1)])
        elif how == "again" and sent:
            gate.publish_report(at % sent)
        elif how == "ahead":
            gate.publish_report(at % len(log))
        elif sent < len(log):
            gate.publish_report(sent)
            sent += 1
        gate.step()
    apply_all(gate.state, 0, np.frombuffer(bytearray(b"".join(log)), REPORT))
    assert sums_of(gate) == straight


# --- position_keeper ---------------------------------------------------------------------------------------------------


def rows_of(bench: KeeperBench) -> list:
    """Every row's numbers, and the reports of the executions that were journalled."""
    rows = [[bench.position(at)[name].item() for name in ROW] for at in range(bench.rows)]
    return [rows, bench.fills()]


@repeatable
@given(day=days, delivery=deliveries, rng=st.randoms(use_true_random=False))
def test_position_keeper_counts_each_report_once_however_it_is_delivered(day, delivery, rng):
    lives = []
    for at, made in enumerate(day):
        known = {"order_id": at + 1, "intent_id": at + 1, "price_ticks": 10_000 + at}
        known |= {name: made[name] for name in ("instrument_id", "side")}
        lives.append(life_of(made, known, 100 * (at + 1)))
    records = as_records(mix(lives, rng))

    bench = KeeperBench(lots_max=256, journal=256, reports=64, sent=64)
    apply_missed(bench.state, 0, records, bench.book.refresh)
    straight = rows_of(bench)

    bench = KeeperBench(lots_max=256, journal=256, reports=64, sent=64)
    state = bench.state
    for how, at in delivery:
        applied = int(state.applied_seq[0])
        if how == "journal":
            apply_missed(state, 0, records[applied : applied + 1 + at % 3], bench.book.refresh)
            continue
        index = min(applied, len(records) - 1) if how == "next" else at % len(records)
        record = records[index]
        before = rows_of(bench)
        result = apply_report(state, 0, record, int(record["now_ns"]))
        sequence = int(record["report_seq"])
        if sequence <= applied:
            assert result == SEEN and rows_of(bench) == before
        elif sequence > applied + 1:
            assert result == WAITING and rows_of(bench) == before
        else:
            assert result in (APPLIED, NOWHERE, WAITING)
    apply_missed(state, 0, records[int(state.applied_seq[0]) :], bench.book.refresh)
    assert rows_of(bench) == straight
