"""Tables of the pre-trade checks that depend on the market and on the portfolio, in the form of test_gate_checks.py.

Rows: i instrument, s strategy, f firm, p strategy in instrument, u underlying, g scale of the instrument (one lot adds
delta, gamma, vega), h sums of the underlying. The passing case is a buy of 5 at 10000 with bid and ask 10000.
"""

MARKET_TABLE = """
restricted: all sides permitted     i.permitted=7                                                                                       0 0 - -> PASS
restricted: this side alone         i.permitted=PERMIT_BUY                                                                              0 0 - -> PASS
restricted: nothing                 i.permitted=0                                                                                       0 1 i -> REJECT_RESTRICTED
restricted: the other side alone    i.permitted=PERMIT_SELL                                                                             2 1 i -> REJECT_RESTRICTED
restricted: a sell, buys only       i.permitted=PERMIT_BUY side=SIDE_SELL                                                               1 2 i -> REJECT_RESTRICTED
restricted: an unknown permission   i.permitted=8                                                                                       8 1 i -> REJECT_RESTRICTED
restricted: another bit beside      i.permitted=15                                                                                      15 1 i -> REJECT_RESTRICTED
restricted: all bits, nothing       i.permitted=-1                                                                                      -1 1 i -> REJECT_RESTRICTED
restricted: a row of no instrument  i.permitted=NONE                                                                                    NONE 1 i -> REJECT_RESTRICTED
band: none                          i.luld_low=0 i.luld_high=NONE                                                                       0 0 - -> PASS
band: within                        i.luld_low=9990 i.luld_high=10010                                                                   0 0 - -> PASS
band: exactly at its top            i.luld_high=10000                                                                                   0 0 - -> PASS
band: smallest breach of the top    i.luld_high=9999                                                                                    9999 10000 o -> REJECT_PRICE_BAND
band: exactly at its bottom         i.luld_low=10000                                                                                    0 0 - -> PASS
band: smallest breach below it      i.luld_low=10001                                                                                    10001 10000 o -> REJECT_PRICE_BAND
band: far outside                   i.luld_low=1 i.luld_high=2                                                                          2 10000 o -> REJECT_PRICE_BAND
band: a sell too                    side=SIDE_SELL i.luld_high=9999                                                                     9999 10000 o -> REJECT_PRICE_BAND
short: covered                      side=SIDE_SELL i.position=6 i.permitted=3                                                           0 0 - -> PASS
short: exactly covered              side=SIDE_SELL i.position=5 i.permitted=3                                                           0 0 - -> PASS
short: one lot is not held          side=SIDE_SELL i.position=4 i.permitted=3                                                           3 4 i -> REJECT_RESTRICTED
short: open sells take from it      side=SIDE_SELL i.position=9 i.open_sell=5 i.permitted=3                                             3 4 i -> REJECT_RESTRICTED
short: open buys are not held       side=SIDE_SELL i.position=4 i.open_buy=90 i.permitted=3                                             3 4 i -> REJECT_RESTRICTED
short: a replace gives its own      side=SIDE_SELL i.position=5 i.open_sell=5 family_lots=5 added_lots=0 i.permitted=3                  0 0 - -> PASS
short: its order is marked short    side=SIDE_SELL i.position=50 target_short=1 i.permitted=3                                           3 4 i -> REJECT_RESTRICTED
short: permitted                    side=SIDE_SELL i.permitted=6                                                                        0 0 - -> PASS
short: a future needs it too        side=SIDE_SELL i.equity=0 i.permitted=3                                                             3 4 i -> REJECT_RESTRICTED
short: a future needs no locate     side=SIDE_SELL i.equity=0 i.locate_lots=0 top_flags=TOP_FLAG_SHORT_RESTRICTED                       0 0 - -> PASS
locate: below                       side=SIDE_SELL i.locate_lots=6                                                                      0 0 - -> PASS
locate: exactly                     side=SIDE_SELL i.locate_lots=5                                                                      0 0 - -> PASS
locate: smallest breach             side=SIDE_SELL i.locate_lots=4                                                                      4 5 i -> REJECT_LOCATE
locate: far beyond                  side=SIDE_SELL i.locate_lots=4 i.position=-9000                                                     4 9005 i -> REJECT_LOCATE
locate: none                        side=SIDE_SELL i.locate_lots=0                                                                      0 5 i -> REJECT_LOCATE
locate: negative is none            side=SIDE_SELL i.locate_lots=-9                                                                     -9 5 i -> REJECT_LOCATE
locate: what is held comes off      side=SIDE_SELL i.position=4 i.locate_lots=1                                                         0 0 - -> PASS
locate: short already               side=SIDE_SELL i.position=-3 i.locate_lots=7                                                        7 8 i -> REJECT_LOCATE
locate: open sells count            side=SIDE_SELL i.open_sell=3 i.locate_lots=7                                                        7 8 i -> REJECT_LOCATE
locate: open buys do not            side=SIDE_SELL i.open_buy=9 i.locate_lots=4                                                         4 5 i -> REJECT_LOCATE
locate: a buy needs none            i.locate_lots=0 i.position=-50                                                                      0 0 - -> PASS
locate: a covered sale needs none   side=SIDE_SELL i.position=5 i.locate_lots=0                                                         0 0 - -> PASS
short price: above the bid          side=SIDE_SELL price=10010 top_flags=TOP_FLAG_SHORT_RESTRICTED                                      0 0 - -> PASS
short price: exactly the bid        side=SIDE_SELL price=10000 top_flags=TOP_FLAG_SHORT_RESTRICTED                                      10000 10000 o -> REJECT_SHORT_PRICE
short price: below the bid          side=SIDE_SELL price=9990 top_flags=TOP_FLAG_SHORT_RESTRICTED                                       10000 9990 o -> REJECT_SHORT_PRICE
short price: one tick above         side=SIDE_SELL price=10001 i.band_tick_0=1 top_flags=TOP_FLAG_SHORT_RESTRICTED                      0 0 - -> PASS
short price: no bid                 side=SIDE_SELL price=10000 bid=0 top_flags=TOP_FLAG_SHORT_RESTRICTED                                0 0 - -> PASS
short price: not restricted         side=SIDE_SELL price=9990                                                                           0 0 - -> PASS
short price: a long sale            side=SIDE_SELL price=9990 i.position=5 top_flags=TOP_FLAG_SHORT_RESTRICTED                          0 0 - -> PASS
short price: a buy                  price=9990 top_flags=TOP_FLAG_SHORT_RESTRICTED                                                      0 0 - -> PASS
loss, strategy: below               s.watched=1 s.loss_micro_max=100 s.pnl=-99                                                          0 0 - -> PASS
loss, strategy: exactly at it       s.watched=1 s.loss_micro_max=100 s.pnl=-100                                                         100 100 s -> REJECT_LOSS
loss, strategy: smallest breach     s.watched=1 s.loss_micro_max=100 s.pnl=-101                                                         100 101 s -> REJECT_LOSS
loss, strategy: far beyond          s.watched=1 s.loss_micro_max=100 s.pnl=LOW                                                          100 NONE s -> REJECT_LOSS
loss, strategy: a profit            s.watched=1 s.loss_micro_max=100 s.pnl=BIG                                                          0 0 - -> PASS
loss, strategy: no limit            s.watched=1 s.loss_micro_max=NONE s.pnl=LOW                                                         0 0 - -> PASS
loss, firm: below                   f.watched=1 f.loss_micro_max=100 f.pnl=-99                                                          0 0 - -> PASS
loss, firm: exactly at it           f.watched=1 f.loss_micro_max=100 f.pnl=-100                                                         100 100 f -> REJECT_LOSS
loss: what reduces passes           s.watched=1 s.loss_micro_max=100 s.pnl=-100 p.position=-5                                           0 0 - -> PASS
loss: what turns does not           s.watched=1 s.loss_micro_max=100 s.pnl=-100 p.position=-4                                           100 100 s -> REJECT_LOSS
loss: working orders count          s.watched=1 s.loss_micro_max=100 s.pnl=-100 p.position=-9 p.open_buy=5                              100 100 s -> REJECT_LOSS
loss: a sell reduces a long         f.watched=1 f.loss_micro_max=100 f.pnl=-100 p.position=5 i.position=5 side=SIDE_SELL                0 0 - -> PASS
drawdown, strategy: below           s.watched=1 s.drawdown_micro_max=100 s.drawdown=99                                                  0 0 - -> PASS
drawdown, strategy: exactly at it   s.watched=1 s.drawdown_micro_max=100 s.drawdown=100                                                 100 100 s -> REJECT_DRAWDOWN
drawdown, strategy: breach          s.watched=1 s.drawdown_micro_max=100 s.drawdown=101                                                 100 101 s -> REJECT_DRAWDOWN
drawdown, firm: exactly at it       f.watched=1 f.drawdown_micro_max=100 f.drawdown=100                                                 100 100 f -> REJECT_DRAWDOWN
drawdown, firm: far beyond          f.watched=1 f.drawdown_micro_max=100 f.drawdown=BIG                                                 100 BIG f -> REJECT_DRAWDOWN
drawdown: no limit                  f.watched=1 f.drawdown_micro_max=NONE f.drawdown=BIG                                                0 0 - -> PASS
drawdown: what reduces passes       f.watched=1 f.drawdown_micro_max=100 f.drawdown=100 p.position=-5                                   0 0 - -> PASS
risk age: below                     f.watched=1 f.risk_age_ns_max=50 f.risk_now_ns=951                                                  0 0 - -> PASS
risk age: exactly                   f.watched=1 f.risk_age_ns_max=50 f.risk_now_ns=950                                                  0 0 - -> PASS
risk age: smallest breach           f.watched=1 f.risk_age_ns_max=50 f.risk_now_ns=949                                                  50 51 f -> REJECT_RISK_STALE
risk age: far older                 f.watched=1 f.risk_age_ns_max=50 f.risk_now_ns=0                                                    50 1000 f -> REJECT_RISK_STALE
risk age: a time ahead is young     f.watched=1 f.risk_age_ns_max=50 f.risk_now_ns=BIG                                                  0 0 - -> PASS
risk age: no limit                  f.watched=1 f.risk_now_ns=0                                                                         0 0 - -> PASS
risk age, strategy: breach          s.watched=1 f.risk_age_ns_max=50 s.risk_now_ns=949                                                  50 51 s -> REJECT_RISK_STALE
risk age: not watched               f.risk_age_ns_max=50 f.risk_now_ns=0                                                                0 0 - -> PASS
risk: no row                        f.watched=1 f.risk_code=REJECT_RISK_STALE                                                           NONE -1 f -> REJECT_RISK_STALE
risk: zero is no row                s.watched=1 s.risk_code=0                                                                           NONE -1 s -> REJECT_RISK_STALE
risk: a stale input                 s.watched=1 s.risk_stale=1                                                                          0 1 s -> REJECT_RISK_STALE
risk: many stale inputs             f.watched=1 f.risk_stale=900                                                                        0 900 f -> REJECT_RISK_STALE
risk: stale, what reduces passes    s.watched=1 s.risk_stale=1 p.position=-5                                                            0 0 - -> PASS
greeks: nothing limited             g.standing=0 h.unknown=9 g.delta=1000                                                               0 0 - -> PASS
greeks: no row                      u.watched=1 g.standing=0                                                                            NONE -1 u -> REJECT_GREEKS_STALE
greeks: a row that does not count   u.watched=1 g.standing=2                                                                            NONE -1 u -> REJECT_GREEKS_STALE
greeks: another one is unknown      u.watched=1 h.unknown=1                                                                             NONE -1 u -> REJECT_GREEKS_STALE
greeks: age exactly                 u.watched=1 g.now_ns=950 i.scale_age_ns_max=50                                                      0 0 - -> PASS
greeks: age, smallest breach        u.watched=1 g.now_ns=949 i.scale_age_ns_max=50                                                      50 51 u -> REJECT_GREEKS_STALE
greeks: far older                   u.watched=1 g.now_ns=0 i.scale_age_ns_max=50                                                        50 1000 u -> REJECT_GREEKS_STALE
greeks: no age limit                u.watched=1 g.now_ns=0                                                                              0 0 - -> PASS
greeks: lots exactly in their room  u.watched=1 g.room=5                                                                                0 0 - -> PASS
greeks: one lot more                u.watched=1 g.room=4                                                                                NONE 0 u -> REJECT_GREEKS_STALE
greeks: a replace adds nothing      u.watched=1 g.standing=0 added_lots=0                                                               0 0 - -> PASS
delta: below                        u.watched=1 g.delta=10 u.delta_micro_max=51                                                         0 0 - -> PASS
delta: exactly                      u.watched=1 g.delta=10 u.delta_micro_max=50                                                         0 0 - -> PASS
delta: smallest breach              u.watched=1 g.delta=10 u.delta_micro_max=49                                                         49 50 u -> REJECT_DELTA
delta: far beyond                   u.watched=1 g.delta=17592186044416 u.delta_micro_max=49                                             49 87960930222080 u -> REJECT_DELTA
delta: what is held counts          u.watched=1 g.delta=10 h.delta=1 u.delta_micro_max=50                                               50 51 u -> REJECT_DELTA
delta: working orders count         u.watched=1 g.delta=10 h.delta_up=1 u.delta_micro_max=50                                            50 51 u -> REJECT_DELTA
delta: the other way is not netted  u.watched=1 g.delta=10 h.delta_up=1 h.delta_down=900 u.delta_micro_max=50                           50 51 u -> REJECT_DELTA
delta: it moves it back             u.watched=1 g.delta=10 h.delta=-9999 u.delta_micro_max=50                                           0 0 - -> PASS
delta: it moves it back too far     u.watched=1 g.delta=10 h.delta=-9999 h.delta_up=10000 u.delta_micro_max=50                          50 51 u -> REJECT_DELTA
delta: a put bought is short        u.watched=1 g.delta=-10 h.delta=900 u.delta_micro_max=50                                            0 0 - -> PASS
delta: a put bought, exactly        u.watched=1 g.delta=-10 u.delta_micro_max=50                                                        0 0 - -> PASS
delta: a put bought, breach         u.watched=1 g.delta=-10 h.delta=-1 u.delta_micro_max=50                                             50 51 u -> REJECT_DELTA
delta: a put sold is long           u.watched=1 g.delta=-10 h.delta_up=1 side=SIDE_SELL u.delta_micro_max=50                            50 51 u -> REJECT_DELTA
delta: a sell, exactly              u.watched=1 g.delta=10 h.delta_down=1 side=SIDE_SELL u.delta_micro_max=51                           0 0 - -> PASS
delta: a sell, breach               u.watched=1 g.delta=10 h.delta_down=2 side=SIDE_SELL u.delta_micro_max=51                           51 52 u -> REJECT_DELTA
delta: a lot without delta          u.watched=1 g.delta=0 h.delta=900 u.delta_micro_max=50                                              0 0 - -> PASS
delta: no limit                     u.watched=1 g.delta=10 h.delta=4611686018427387904                                                  0 0 - -> PASS
gamma: exactly                      u.watched=1 g.gamma=10 h.gamma=3 h.gamma_up=7 u.gamma_micro_max=60                                  0 0 - -> PASS
gamma: smallest breach              u.watched=1 g.gamma=10 h.gamma=3 h.gamma_up=7 u.gamma_micro_max=59                                  59 60 u -> REJECT_GAMMA
gamma: far beyond                   u.watched=1 g.gamma=10000 u.gamma_micro_max=1                                                       1 50000 u -> REJECT_GAMMA
gamma: sold options                 u.watched=1 g.gamma=10 h.gamma=-3 h.gamma_down=7 side=SIDE_SELL u.gamma_micro_max=59                59 60 u -> REJECT_GAMMA
gamma: bought back                  u.watched=1 g.gamma=10 h.gamma=-900 h.gamma_down=900 u.gamma_micro_max=50                           0 0 - -> PASS
vega: exactly                       u.watched=1 g.vega=10 h.vega=3 h.vega_up=7 u.vega_micro_max=60                                      0 0 - -> PASS
vega: smallest breach               u.watched=1 g.vega=10 h.vega=3 h.vega_up=7 u.vega_micro_max=59                                      59 60 u -> REJECT_VEGA
vega: far beyond                    u.watched=1 g.vega=10000 u.vega_micro_max=1                                                         1 50000 u -> REJECT_VEGA
vega: sold options                  u.watched=1 g.vega=10 h.vega=-3 h.vega_down=7 side=SIDE_SELL u.vega_micro_max=59                    59 60 u -> REJECT_VEGA
"""
