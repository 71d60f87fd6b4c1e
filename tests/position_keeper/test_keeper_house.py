"""position_keeper books what no strategy traded in the house's rows, so that firm and venue agree."""

from procs.runtime.desks import HOUSE, desk_names
from shm.codes import REPORT_BROKEN, REPORT_EXECUTED, SIDE_BUY, SIDE_SELL
from shm.records.position import POSITION
from tests.support.keeper_bench import KeeperBench


def house_row(bench, instrument_id):
    house = desk_names(bench.config).index(HOUSE)
    return bench._read("positions", POSITION, house * len(bench.config.instruments) + instrument_id)


def test_fills_of_an_external_order_are_the_houses_and_survive_a_restart():
    bench = KeeperBench()
    house = desk_names(bench.config).index(HOUSE)
    bench.report(REPORT_EXECUTED, SIDE_BUY, 1, qty_lots=30, price_ticks=100_0000, match_number=1)
    bench.report(
        REPORT_EXECUTED, SIDE_SELL, 1, qty_lots=10, price_ticks=101_0000, match_number=2, strategy_id=house, order_id=9
    )
    bench.step()
    for _ in range(2):
        assert bench.position(1)["position_lots"] == 30 and house_row(bench, 1)["position_lots"] == -10
        assert int(bench.state.totals_held[0]["fills"]) == 2, "the firm's total has both"
        bench.start()
    bench.report(
        REPORT_BROKEN, SIDE_SELL, 1, qty_lots=10, price_ticks=101_0000, match_number=2, strategy_id=house, order_id=9
    )
    bench.step()
    bench.catch_up()
    assert house_row(bench, 1)["position_lots"] == 0 and bench.position(1)["position_lots"] == 30
