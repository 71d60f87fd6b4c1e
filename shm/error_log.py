"""Distinct errors: one code for each thing that should not happen, by the role that sees it. Imports nothing of ours.

The hot thread notes a code with two numbers (`note_error`, shm/instance.py); status prints the text. A code is never
reused. Blocks: 100 feed_handler, 200 strategy, 300 risk_gate, 400 order_sender, 500 position_keeper, 600 venue,
700 the runtime of any role.
"""

# strategy
ERROR_QUOTE_CROSSED = 200  # detail: instrument, bid wanted

# position_keeper
ERROR_REPORT_ROW = 500  # detail: strategy, instrument
ERROR_REPORT_VALUE = 501  # detail: report_seq, quantity
ERROR_BREAK_UNKNOWN = 502  # detail: report_seq, match number

ERROR_TEXTS = {
    ERROR_QUOTE_CROSSED: "the model wanted a bid at or above its own ask; neither was quoted",
    ERROR_REPORT_ROW: "a report names a strategy or an instrument that does not exist",
    ERROR_REPORT_VALUE: "an execution with an impossible side, price or quantity was not applied",
    ERROR_BREAK_UNKNOWN: "the venue broke a trade that we do not have",
}
