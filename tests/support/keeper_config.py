"""A configuration for position_keeper alone: two strategies, three currencies, fees of every kind."""

from datetime import date

from msgspec import structs

from config.fees import Fees
from config.load import load
from tests.oracles.position import Account, Fee

CURRENCIES = ("USD", "EUR", "USD", "JPY", "USD")
CLASSES = ("standard", "by-value", "least", "standard", "by-value")


def several_currencies():
    """The shipped configuration with that; on whatever date it is."""
    config = load()
    topology = config.topology
    one = topology.of_role("strategy")[0]
    instances = (*topology.instances, structs.replace(one, name="strategy.second"))
    instruments = tuple(
        structs.replace(held, currency=currency, fee_class=name)
        for held, currency, name in zip(config.instruments, CURRENCIES, CLASSES, strict=True)
    )
    fees = (
        Fees(date(2000, 1, 1), -2000, 3000),
        Fees(date(2000, 1, 1), 0, 100, fee_class="by-value", added_e8_of_notional=-1113, removed_e8_of_notional=2787),
        Fees(date(2000, 1, 1), 7, 3000, fee_class="least", added_fill_min_micro=100, removed_fill_min_micro=50_000),
    )
    venues = tuple(structs.replace(venue, fees=fees) for venue in config.venues)
    topology = structs.replace(topology, instances=instances)
    return structs.replace(config, topology=topology, instruments=instruments, venues=venues)


def account_of(config, instrument: int) -> Account:
    """An empty oracle account with the unit and fees that the files say."""
    held = config.instruments[instrument]
    fees = next(entry for entry in config.venues[0].fees if entry.fee_class == held.fee_class)
    added = Fee(fees.added_micro_per_lot, fees.added_e8_of_notional, fees.added_fill_min_micro)
    removed = Fee(fees.removed_micro_per_lot, fees.removed_e8_of_notional, fees.removed_fill_min_micro)
    return Account(held.multiplier * held.price_tick_micro, added, removed)
