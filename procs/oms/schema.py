"""Schema: the tables of the record, what a row of each is, and which journal it comes from. No numba.

Every table but `epochs` and the names has exactly one source journal and is keyed by the epoch, so rows never depend
on the order in which journals were read: a record that was built again from the same journals has the same rows. The
exception are the four tables of reconciliation, `copies` to `venue_breaks`: their source is the venue's drop copy,
which serves the epoch that lives from any number on, and none that is over.
Times: `*_now_ns`, `first_ns`, `last_ns`, `now_ns` are logic time, UTC; `*_stamp_ns` are latency time (one clock for all
processes of an epoch, 0 where there is none); `venue_ns` counts from the venue's midnight.
"""

FILE = "oms.sqlite3"
LOCK = "oms.lock"
VERSION = 3  # of the tables below, in PRAGMA user_version: another one is refused, and the record is built again

DDL = """
CREATE TABLE cursors (           -- how far each journal is in the record: written with the rows that it covers
  epoch INTEGER NOT NULL, instance TEXT NOT NULL,
  next_seq INTEGER NOT NULL,     -- entries before it are in the record
  ended INTEGER NOT NULL,        -- 1: the epoch is over and the journal was read to its end
  PRIMARY KEY (epoch, instance)) WITHOUT ROWID;

CREATE TABLE epochs (            -- lives of the fabric of which the configuration is known
  epoch INTEGER PRIMARY KEY, profile TEXT NOT NULL);
CREATE TABLE strategies (
  epoch INTEGER NOT NULL, strategy_id INTEGER NOT NULL, name TEXT NOT NULL,
  PRIMARY KEY (epoch, strategy_id)) WITHOUT ROWID;
CREATE TABLE instruments (
  epoch INTEGER NOT NULL, instrument_id INTEGER NOT NULL, symbol TEXT NOT NULL, currency TEXT NOT NULL,
  price_tick_micro INTEGER NOT NULL, multiplier INTEGER NOT NULL,
  PRIMARY KEY (epoch, instrument_id)) WITHOUT ROWID;

CREATE TABLE decisions (         -- every answer of risk_gate; source: its journal
  epoch INTEGER NOT NULL, instance TEXT NOT NULL, seq INTEGER NOT NULL,
  kind TEXT NOT NULL, code TEXT NOT NULL, side TEXT NOT NULL,
  order_id INTEGER NOT NULL, intent_id INTEGER NOT NULL, target_intent_id INTEGER NOT NULL, cause_seq INTEGER NOT NULL,
  cause_ring INTEGER NOT NULL, strategy_id INTEGER NOT NULL, instrument_id INTEGER NOT NULL,
  price_ticks INTEGER NOT NULL, qty_lots INTEGER NOT NULL, limit_value INTEGER NOT NULL, found_value INTEGER NOT NULL,
  scope TEXT NOT NULL,           -- whose limit it was: order, instrument, strategy in instrument, strategy, firm
  reference_ticks INTEGER NOT NULL, limits_version INTEGER NOT NULL, channel_state TEXT NOT NULL,
  channel_stale_stamp_ns INTEGER NOT NULL, incarnation INTEGER NOT NULL, now_ns INTEGER NOT NULL,
  recv_stamp_ns INTEGER NOT NULL, tick_stamp_ns INTEGER NOT NULL, decide_stamp_ns INTEGER NOT NULL,
  pass_stamp_ns INTEGER NOT NULL,
  order_flags INTEGER NOT NULL,  -- ORDER_FLAG_* of the order that passed
  PRIMARY KEY (epoch, instance, seq)) WITHOUT ROWID;
CREATE INDEX decisions_by_intent ON decisions (epoch, intent_id);
CREATE INDEX decisions_refused ON decisions (epoch, code) WHERE code != 'pass';

CREATE TABLE orders (            -- one row an order, as it stands; source: order_sender's journal
  epoch INTEGER NOT NULL, order_id INTEGER NOT NULL, instance TEXT NOT NULL, session_id INTEGER NOT NULL,
  intent_id INTEGER NOT NULL, user_ref_num INTEGER NOT NULL, venue_order_ref INTEGER NOT NULL,
  kind TEXT NOT NULL,            -- new, replace; empty when it died before it was numbered
  parent_order_id INTEGER NOT NULL, strategy_id INTEGER NOT NULL, instrument_id INTEGER NOT NULL,
  side TEXT NOT NULL,
  short INTEGER NOT NULL,        -- 1: a sale that the venue was told is short
  tif TEXT NOT NULL, price_ticks INTEGER NOT NULL,
  qty_lots INTEGER NOT NULL, leaves_lots INTEGER NOT NULL,
  cum_lots INTEGER NOT NULL,     -- as the venue counts: a replacement carries on what its original executed
  executed_lots INTEGER NOT NULL, value_ticks INTEGER NOT NULL,  -- of this order alone: size, and price times size
  state TEXT NOT NULL,           -- procs/oms/states.py
  pending TEXT NOT NULL,         -- cancel, replace, reduce: asked for and not answered
  closed INTEGER NOT NULL, reason INTEGER NOT NULL, limits_version INTEGER NOT NULL, expires_ns INTEGER NOT NULL,
  first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL, report_seq INTEGER NOT NULL,
  recv_stamp_ns INTEGER NOT NULL, tick_stamp_ns INTEGER NOT NULL, decide_stamp_ns INTEGER NOT NULL,
  pass_stamp_ns INTEGER NOT NULL, order_stamp_ns INTEGER NOT NULL, sent_stamp_ns INTEGER NOT NULL,
  send_stamp_ns INTEGER NOT NULL, ack_stamp_ns INTEGER NOT NULL,
  PRIMARY KEY (epoch, order_id)) WITHOUT ROWID;
CREATE INDEX orders_by_intent ON orders (epoch, intent_id);
CREATE INDEX orders_by_parent ON orders (epoch, parent_order_id) WHERE parent_order_id != 0;
CREATE INDEX orders_by_ref ON orders (epoch, user_ref_num);
CREATE INDEX orders_open ON orders (epoch, order_id) WHERE closed = 0;

CREATE TABLE order_events (      -- every change of every order, and what was sent; source: order_sender's journal
  epoch INTEGER NOT NULL, instance TEXT NOT NULL, seq INTEGER NOT NULL, order_id INTEGER NOT NULL,
  kind TEXT NOT NULL, state TEXT NOT NULL, pending TEXT NOT NULL, reason INTEGER NOT NULL,
  price_ticks INTEGER NOT NULL, qty_lots INTEGER NOT NULL, leaves_lots INTEGER NOT NULL, cum_lots INTEGER NOT NULL,
  intent_id INTEGER NOT NULL, user_ref_num INTEGER NOT NULL, venue_order_ref INTEGER NOT NULL,
  match_number INTEGER NOT NULL, report_seq INTEGER NOT NULL, venue_seq INTEGER NOT NULL, venue_ns INTEGER NOT NULL,
  now_ns INTEGER NOT NULL, stamp_ns INTEGER NOT NULL, decide_stamp_ns INTEGER NOT NULL, pass_stamp_ns INTEGER NOT NULL,
  order_stamp_ns INTEGER NOT NULL, send_stamp_ns INTEGER NOT NULL, ack_stamp_ns INTEGER NOT NULL,
  PRIMARY KEY (epoch, instance, seq)) WITHOUT ROWID;
CREATE INDEX order_events_by_order ON order_events (epoch, order_id);

CREATE TABLE executions (        -- one row a trade, as it stands; source: order_sender's journal
  epoch INTEGER NOT NULL, instance TEXT NOT NULL, seq INTEGER NOT NULL, session_id INTEGER NOT NULL,
  report_seq INTEGER NOT NULL, order_id INTEGER NOT NULL, intent_id INTEGER NOT NULL, match_number INTEGER NOT NULL,
  strategy_id INTEGER NOT NULL, instrument_id INTEGER NOT NULL, side TEXT NOT NULL,
  price_ticks INTEGER NOT NULL,
  qty_lots INTEGER NOT NULL,     -- 0 when the trade was broken
  first_price_ticks INTEGER NOT NULL, first_qty_lots INTEGER NOT NULL,  -- as it was reported first
  liquidity TEXT NOT NULL,
  state TEXT NOT NULL,           -- done, broken, corrected
  amended_seq INTEGER NOT NULL,  -- report_seq of the last break or correction; 0 for none
  venue_order_ref INTEGER NOT NULL, user_ref_num INTEGER NOT NULL, venue_seq INTEGER NOT NULL,
  venue_ns INTEGER NOT NULL, now_ns INTEGER NOT NULL, ack_stamp_ns INTEGER NOT NULL, publish_stamp_ns INTEGER NOT NULL,
  PRIMARY KEY (epoch, instance, seq)) WITHOUT ROWID;
CREATE INDEX executions_by_match ON executions (epoch, instance, match_number);
CREATE INDEX executions_by_order ON executions (epoch, order_id);

CREATE TABLE fills (             -- what position_keeper made of each execution, break and correction; its journal
  epoch INTEGER NOT NULL, instance TEXT NOT NULL, seq INTEGER NOT NULL, session_id INTEGER NOT NULL,
  report_seq INTEGER NOT NULL, kind TEXT NOT NULL, match_number INTEGER NOT NULL, order_id INTEGER NOT NULL,
  strategy_id INTEGER NOT NULL, instrument_id INTEGER NOT NULL, side TEXT NOT NULL, liquidity TEXT NOT NULL,
  price_ticks INTEGER NOT NULL, qty_lots INTEGER NOT NULL, fee_micro INTEGER NOT NULL, realised_micro INTEGER NOT NULL,
  fifo_realised_micro INTEGER NOT NULL, spread_micro INTEGER NOT NULL, mark_half_ticks INTEGER NOT NULL,
  position_lots INTEGER NOT NULL, -- of that strategy and instrument, after it
  now_ns INTEGER NOT NULL, stamp_ns INTEGER NOT NULL,
  PRIMARY KEY (epoch, instance, seq)) WITHOUT ROWID;
CREATE INDEX fills_by_report ON fills (epoch, session_id, report_seq);

CREATE TABLE positions (         -- newest position row of the epoch; source: position_keeper's journal
  epoch INTEGER NOT NULL, strategy_id INTEGER NOT NULL, instrument_id INTEGER NOT NULL,
  reports_seq INTEGER NOT NULL, position_lots INTEGER NOT NULL, cost_micro INTEGER NOT NULL,
  realised_micro INTEGER NOT NULL, fees_micro INTEGER NOT NULL, bought_lots INTEGER NOT NULL,
  sold_lots INTEGER NOT NULL, bought_micro INTEGER NOT NULL, sold_micro INTEGER NOT NULL, fills INTEGER NOT NULL,
  spread_micro INTEGER NOT NULL, added_lots INTEGER NOT NULL, added_micro INTEGER NOT NULL,
  added_fees_micro INTEGER NOT NULL, now_ns INTEGER NOT NULL,
  PRIMARY KEY (epoch, strategy_id, instrument_id)) WITHOUT ROWID;

CREATE TABLE sessions (          -- log-ins and losses of the venue sessions; source: order_sender's journal
  epoch INTEGER NOT NULL, instance TEXT NOT NULL, seq INTEGER NOT NULL, session_id INTEGER NOT NULL,
  kind TEXT NOT NULL, venue_session TEXT NOT NULL, venue_seq INTEGER NOT NULL, detail INTEGER NOT NULL,
  connection INTEGER NOT NULL, now_ns INTEGER NOT NULL, stamp_ns INTEGER NOT NULL,
  PRIMARY KEY (epoch, instance, seq)) WITHOUT ROWID;

CREATE TABLE breaks (            -- entries that contradict what came before: recorded as they are, and told here
  epoch INTEGER NOT NULL, instance TEXT NOT NULL, seq INTEGER NOT NULL,
  kind TEXT NOT NULL,            -- procs/oms/orders.py
  order_id INTEGER NOT NULL, match_number INTEGER NOT NULL, expected TEXT NOT NULL, found TEXT NOT NULL,
  PRIMARY KEY (epoch, instance, seq, kind, order_id)) WITHOUT ROWID;

CREATE TABLE quotes (            -- what a strategy saw and wanted when it decided on intents; source: its journal
  epoch INTEGER NOT NULL, instance TEXT NOT NULL, seq INTEGER NOT NULL,
  strategy_id INTEGER NOT NULL, instrument_id INTEGER NOT NULL,
  first_intent_id INTEGER NOT NULL, last_intent_id INTEGER NOT NULL, -- its intents, both included
  venue_seq INTEGER NOT NULL,    -- message of the market-data channel that the book was at
  cause_seq INTEGER NOT NULL, cause_ring INTEGER NOT NULL, position_lots INTEGER NOT NULL,
  bid_price_ticks INTEGER NOT NULL, bid_qty_lots INTEGER NOT NULL, ask_price_ticks INTEGER NOT NULL,
  ask_qty_lots INTEGER NOT NULL, microprice_milli INTEGER NOT NULL, imbalance_1_ppm INTEGER NOT NULL,
  imbalance_3_ppm INTEGER NOT NULL, imbalance_5_ppm INTEGER NOT NULL, flow_lots INTEGER NOT NULL,
  volatility_milli INTEGER NOT NULL, arrival_micro INTEGER NOT NULL, decay_milli INTEGER NOT NULL,
  wanted_bid_ticks INTEGER NOT NULL, wanted_bid_lots INTEGER NOT NULL, wanted_ask_ticks INTEGER NOT NULL,
  wanted_ask_lots INTEGER NOT NULL, now_ns INTEGER NOT NULL, decide_stamp_ns INTEGER NOT NULL,
  PRIMARY KEY (epoch, instance, seq)) WITHOUT ROWID;
CREATE INDEX quotes_by_intent ON quotes (epoch, strategy_id, last_intent_id);

CREATE TABLE copies (            -- how far each drop copy is in the record: written with the rows that it covers
  epoch INTEGER NOT NULL, session_id INTEGER NOT NULL,
  venue_session TEXT NOT NULL, next_seq INTEGER NOT NULL, -- messages before it are in the record
  PRIMARY KEY (epoch, session_id)) WITHOUT ROWID;

CREATE TABLE copied_orders (     -- an order as the venue's drop copy tells it; source: the drop copy
  epoch INTEGER NOT NULL, session_id INTEGER NOT NULL, user_ref_num INTEGER NOT NULL,
  orig_user_ref_num INTEGER NOT NULL, symbol TEXT NOT NULL, side TEXT NOT NULL, price_ticks INTEGER NOT NULL,
  qty_lots INTEGER NOT NULL, cum_lots INTEGER NOT NULL, leaves_lots INTEGER NOT NULL, state TEXT NOT NULL,
  copy_seq INTEGER NOT NULL, venue_ns INTEGER NOT NULL,
  PRIMARY KEY (epoch, session_id, user_ref_num)) WITHOUT ROWID;

CREATE TABLE copied_executions ( -- an execution as the venue's drop copy tells it; source: the drop copy
  epoch INTEGER NOT NULL, session_id INTEGER NOT NULL, match_number INTEGER NOT NULL, user_ref_num INTEGER NOT NULL,
  copy_seq INTEGER NOT NULL, side TEXT NOT NULL, qty_lots INTEGER NOT NULL, price_ticks INTEGER NOT NULL,
  liquidity TEXT NOT NULL, state TEXT NOT NULL,
  told INTEGER NOT NULL,         -- how often the copy told it; it counts once
  venue_ns INTEGER NOT NULL,
  PRIMARY KEY (epoch, session_id, match_number, user_ref_num)) WITHOUT ROWID;

CREATE TABLE venue_breaks (      -- where our record and the drop copy differed; kinds: procs/oms/reconcile.py
  epoch INTEGER NOT NULL, number INTEGER NOT NULL, session_id INTEGER NOT NULL, kind TEXT NOT NULL,
  subject TEXT NOT NULL,         -- what it is about, in words: with session and kind it names the break
  scope TEXT NOT NULL,           -- that is REDUCING for it
  user_ref_num INTEGER NOT NULL, order_id INTEGER NOT NULL, match_number INTEGER NOT NULL,
  expected TEXT NOT NULL,        -- as our record has it
  found TEXT NOT NULL,           -- as the drop copy has it
  first_ns INTEGER NOT NULL,     -- UTC: the first of both sides was seen
  told_ns INTEGER NOT NULL,      -- UTC: it was told and the scope was reduced
  cleared_ns INTEGER NOT NULL,   -- UTC: both sides agree again; 0 while they do not
  acknowledged_ns INTEGER NOT NULL, -- UTC: the operator resumed the scope; 0 while he did not
  generation INTEGER NOT NULL,   -- of oms's word in `control`
  PRIMARY KEY (epoch, number)) WITHOUT ROWID;
"""

# What sqlite's planner should know of each index (sqlite_stat1): rows, then rows for each longer prefix of the key.
# Told at creation, as a day leaves it: without it the planner joins by epoch alone, and a question over a day takes
# minutes.
STATISTICS = (
    ("decisions", "decisions", "1000000 1000000 1000000 1"),
    ("decisions", "decisions_by_intent", "1000000 1000000 1"),
    ("decisions", "decisions_refused", "10000 10000 1000"),
    ("orders", "orders", "300000 200000 1"),
    ("orders", "orders_by_intent", "300000 300000 1"),
    ("orders", "orders_by_parent", "100000 100000 1"),
    ("orders", "orders_by_ref", "300000 200000 1"),
    ("orders", "orders_open", "100 100 1"),
    ("order_events", "order_events", "1000000 1000000 1000000 1"),
    ("order_events", "order_events_by_order", "1000000 1000000 4"),
    ("executions", "executions", "100000 90000 90000 1"),
    ("executions", "executions_by_match", "100000 100000 100000 1"),
    ("executions", "executions_by_order", "100000 100000 2"),
    ("fills", "fills", "100000 100000 100000 1"),
    ("fills", "fills_by_report", "100000 100000 100000 1"),
    ("quotes", "quotes_by_intent", "500000 400000 400000 1"),
    ("copied_orders", "copied_orders", "300000 200000 200000 1"),
    ("copied_executions", "copied_executions", "100000 90000 90000 1 1"),
)


def columns(table: str) -> tuple[str, ...]:
    """Column names of a table, in order, from the text above."""
    lines = DDL.partition(f"CREATE TABLE {table} (")[2].partition(") WITHOUT ROWID")[0].splitlines()
    text = " ".join(line.partition("--")[0] for line in lines).partition("PRIMARY KEY")[0]
    return tuple(part.split()[0] for part in text.split(",") if part.strip())
