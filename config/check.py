"""Checks between the parts of a configuration: what one struct alone cannot see."""

from config.caps import check_caps
from config.errors import ConfigError
from config.fees import check_fees
from config.placement import place
from config.risk import check_risk
from config.topology import RING_RECORDS

MONEY_MAX = 1 << 62  # every product of price, quantity and multiplier stays below it
PPM = 1_000_000
FX_PPM_MAX = 10**12  # times a remainder below 10^6 it stays below 2^62
BANDS_MAX = 4  # of shm/records/instrument.py


def check(config, file_of) -> None:
    """Raise ConfigError at the first contradiction. `file_of(part)` names the file for the message."""
    _check_instances(config, file_of("topology.toml"))
    _check_rings(config, file_of("topology.toml"))
    _check_instruments(config, file_of("instruments.toml"))
    _check_limits(config, file_of("limits.toml"))
    _check_strategies(config, file_of("strategy.toml"))
    _check_venues(config, file_of("venues.toml"))
    check_fees(config, file_of("venues.toml"))
    check_risk(config, file_of("risk.toml"), file_of)
    place(config, str(file_of(f"hosts/{config.profile}.toml")))


def _positive(file, key: str, value: int) -> None:
    if value <= 0:
        raise ConfigError(file, key, "a number above 0", str(value))


def _power_of_two(file, key: str, value: int) -> None:
    if value < 2 or value & (value - 1):
        raise ConfigError(file, key, "a power of two, at least 2", str(value))


def _check_instances(config, file) -> None:
    seen = set()
    for row, instance in enumerate(config.topology.instances):
        if instance.name in seen:
            raise ConfigError(file, f"instance[{row}].name", "a name used once", repr(instance.name))
        seen.add(instance.name)
        if instance.name != instance.role and not instance.name.startswith(instance.role + "."):
            raise ConfigError(
                file, f"instance[{row}].name", f"`{instance.role}` or `{instance.role}.<word>`", repr(instance.name)
            )
        if instance.cold:
            _check_cold(config, row, instance, file)
    if len(config.topology.of_role("oms")) > 1:
        raise ConfigError(
            file, "instance", "at most one oms (one record a firm)", str(len(config.topology.of_role("oms")))
        )
    if len(config.topology.of_role("risk_engine")) > 1:
        found = str(len(config.topology.of_role("risk_engine")))
        raise ConfigError(file, "instance", "at most one risk_engine (one portfolio a firm)", found)
    for role in ("risk_gate", "position_keeper"):
        if len(config.topology.of_role(role)) != 1:
            found = str(len(config.topology.of_role(role)))
            raise ConfigError(file, "instance", f"exactly one {role} (one a firm)", found)
    _power_of_two(file, "journal_entries", config.topology.journal_entries)
    _positive(file, "working_rows", config.topology.working_rows)
    _positive(file, "journal_file_entries", config.topology.journal_file_entries)
    _positive(file, "id_block", config.topology.id_block)
    _positive(file, "snapshot_entries", config.topology.snapshot_entries)


def _check_cold(config, row: int, instance, file) -> None:
    """A cold role has no hot thread: no core, no idle word, and no process shared with those that have one."""
    expected = f"nothing: {instance.role} is cold, it waits and may not share a process with a role that must not"
    for key, unset in (("process", ""), ("core", -1), ("idle", "")):
        if getattr(instance, key) != unset:
            raise ConfigError(file, f"instance[{row}].{key}", expected, repr(getattr(instance, key)))
    for other, held in enumerate(config.topology.instances):
        if held.process == instance.name:
            expected = f"another word: {instance.name} is cold and has its process for itself"
            raise ConfigError(file, f"instance[{other}].process", expected, repr(held.process))


def _check_rings(config, file) -> None:
    topology = config.topology
    seen = {}
    for row, ring in enumerate(topology.rings):
        key = f"ring[{row}]"
        if ring.noun not in RING_RECORDS:
            raise ConfigError(file, f"{key}.name", "a noun of " + ", ".join(RING_RECORDS), repr(ring.name))
        try:
            producer, consumer = topology.ends(ring)
        except ValueError:
            expected = "<noun>.<producer>.<consumer>, both of them instances of this file"
            raise ConfigError(file, f"{key}.name", expected, repr(ring.name)) from None
        producing, consuming, _ = RING_RECORDS[ring.noun]
        if topology.instance(producer).role != producing or topology.instance(consumer).role not in consuming:
            expected = f"{ring.noun}.<{producing}>.<{' or '.join(consuming)}>"
            raise ConfigError(file, f"{key}.name", expected, repr(ring.name))
        if ring.name in seen:
            expected = "one producer on one ring"
            raise ConfigError(file, f"{key}.name", expected, f"{ring.name!r} again (ring[{seen[ring.name]}])")
        seen[ring.name] = row
        _power_of_two(file, f"{key}.capacity", ring.capacity)
        if not 0 <= ring.headroom < ring.capacity:
            raise ConfigError(file, f"{key}.headroom", f"0 to {ring.capacity - 1}", str(ring.headroom))


def _check_instruments(config, file) -> None:
    seen = set()
    for row, instrument in enumerate(config.instruments):
        key = f"instrument[{row}]"
        if not 1 <= len(instrument.symbol) <= 8 or not instrument.symbol.isascii():
            raise ConfigError(file, f"{key}.symbol", "1 to 8 ASCII characters (ITCH)", repr(instrument.symbol))
        if instrument.symbol in seen:
            raise ConfigError(file, f"{key}.symbol", "a symbol used once", repr(instrument.symbol))
        seen.add(instrument.symbol)
        for field in ("quote_tick_ticks", "lot_lots", "price_ticks_max", "multiplier", "price_tick_micro"):
            _positive(file, f"{key}.{field}", getattr(instrument, field))
        _check_bands(file, key, instrument)
    symbols = {instrument.symbol: instrument for instrument in config.instruments}
    for row, instrument in enumerate(config.instruments):
        _check_contract(file, f"instrument[{row}]", instrument, symbols)


def _check_contract(file, key: str, instrument, symbols: dict) -> None:
    """What a derivative must say, and what nothing else may."""
    if instrument.underlying and (
        instrument.underlying not in symbols or symbols[instrument.underlying].underlying or instrument.kind == "equity"
    ):
        expected = "of a future or option, a symbol of this file that is nothing's derivative"
        raise ConfigError(file, f"{key}.underlying", expected, repr(instrument.underlying))
    option, expires = instrument.kind == "option", instrument.kind != "equity"
    if option and not instrument.underlying:
        raise ConfigError(file, f"{key}.underlying", "the symbol that the option is on", "nothing")
    for field, wanted in (
        ("expires", expires),
        ("strike_ticks", option),
        ("option_type", option),
        ("exercise", option),
    ):
        value = getattr(instrument, field)
        if bool(value) != wanted:
            expected = f"a value for a {instrument.kind}" if wanted else f"nothing for a {instrument.kind}"
            raise ConfigError(file, f"{key}.{field}", expected, repr(value) if value else "nothing")
    if instrument.strike_ticks < 0:
        raise ConfigError(file, f"{key}.strike_ticks", "a number above 0", str(instrument.strike_ticks))
    if instrument.expires is not None and instrument.expires.tzinfo is None:
        raise ConfigError(file, f"{key}.expires", "a time with its offset from UTC", str(instrument.expires))


def _check_bands(file, key: str, instrument) -> None:
    """Each dated table starts at price 0, has a few rising bands, and takes what strategies quote."""
    for day in sorted({band.from_date for band in instrument.bands}):
        table = instrument.bands_on(day)
        prices = [band.price_from_ticks for band in table]
        if prices[0] != 0 or len(set(prices)) != len(prices) or len(table) > BANDS_MAX:
            expected = f"at {day} one band from price 0 and at most {BANDS_MAX} different prices"
            raise ConfigError(file, f"{key}.band", expected, str(prices))
        for band in table:
            _positive(file, f"{key}.band.quote_tick_ticks", band.quote_tick_ticks)
        if all(instrument.quote_tick_ticks % band.quote_tick_ticks for band in table):
            expected = f"a band at {day} that takes the step {instrument.quote_tick_ticks} of quote_tick_ticks"
            raise ConfigError(file, f"{key}.band", expected, str([band.quote_tick_ticks for band in table]))


def check_scope(file, key: str, held) -> None:
    """Every limit of one scope: above 0 or "none", what may be 0 not below it, and room between the rates."""
    for field in held.__struct_fields__:
        value = getattr(held, field)
        if field in ("messages_floor", "rate_headroom", "concentration_floor_micro", "locate_lots"):
            if value < 0:
                raise ConfigError(file, f"{key}.{field}", "a number from 0 on", str(value))
        elif isinstance(value, int):
            _positive(file, f"{key}.{field}", value)
            if value >= MONEY_MAX:
                raise ConfigError(file, f"{key}.{field}", 'a number below 2^62, or "none"', str(value))
    messages = getattr(held, "rate_messages_max", "none")
    if messages != "none" and held.rate_headroom >= messages:
        expected = f"less than rate_messages_max ({messages}): else no order ever passes"
        raise ConfigError(file, f"{key}.rate_headroom", expected, str(held.rate_headroom))
    if getattr(held, "venue_rejects_max", "none") != "none" and held.venue_rejects_window_ms == "none":
        raise ConfigError(file, f"{key}.venue_rejects_window_ms", "a time: venue_rejects_max counts in it", "'none'")


def _check_rates(file, limits) -> None:
    for currency, rate in limits.fx_ppm.items():
        if not 1 <= rate <= FX_PPM_MAX:
            raise ConfigError(file, f"fx_ppm.{currency}", f"1 to {FX_PPM_MAX}", str(rate))
    if limits.fx_ppm.get(limits.firm.currency) != PPM:
        expected = f"{PPM} for the firm's own currency"
        raise ConfigError(
            file, f"fx_ppm.{limits.firm.currency}", expected, str(limits.fx_ppm.get(limits.firm.currency))
        )


def check_products(file, key: str, held, instrument) -> None:
    """What an instrument's limits allow fits the numbers that it is counted with."""
    unit = instrument.multiplier * instrument.price_tick_micro
    size = max(held.qty_lots_max, held.long_lots_max, held.short_lots_max)
    if instrument.price_ticks_max * size * unit >= MONEY_MAX:
        expected = "price_ticks_max * lots * multiplier * price_tick_micro below 2^62"
        raise ConfigError(file, key, expected, str(instrument.price_ticks_max * size * unit))


def _check_limits(config, file) -> None:
    limits = config.limits
    for symbol in limits.instruments:
        if symbol not in {instrument.symbol for instrument in config.instruments}:
            raise ConfigError(file, f"instrument.{symbol}", "a symbol of instruments.toml", repr(symbol))
    for instrument in config.instruments:
        held = limits.instruments.get(instrument.symbol)
        key = f"instrument.{instrument.symbol}"
        if held is None:
            raise ConfigError(file, key, "limits for every instrument (no limit means no trading)", "nothing")
        check_scope(file, key, held)
        check_products(file, key, held, instrument)
    for instance in config.topology.of_role("strategy"):
        held = limits.strategies.get(instance.name)
        if held is None:
            raise ConfigError(file, f"strategy.{instance.name}", "limits for every strategy instance", "nothing")
        check_scope(file, f"strategy.{instance.name}", held)
    check_scope(file, "firm", limits.firm)
    _check_rates(file, limits)
    _positive(file, "revision", limits.revision)
    check_caps(file, limits)


def _check_strategies(config, file) -> None:
    names = [instance.name for instance in config.topology.of_role("strategy")]
    for instance in config.topology.of_role("strategy"):
        held = config.strategies.get(instance.name)
        if held is None:
            raise ConfigError(file, f"strategy.{instance.name}", "a table for every strategy instance", "nothing")
        for symbol in (*held.universe, *held.overrides):
            if symbol not in {instrument.symbol for instrument in config.instruments}:
                raise ConfigError(file, f"strategy.{instance.name}", "symbols of instruments.toml", repr(symbol))
        if not held.universe:
            raise ConfigError(file, f"strategy.{instance.name}.universe", "at least one symbol", "none")
    running = {name: config.strategies[name] for name in names}
    executors = [name for name, held in running.items() if held.executes_for_firm]
    if len(executors) > 1:
        expected = "at most one executor: two would work the same position down"
        raise ConfigError(file, f"strategy.{executors[1]}.executes_for_firm", expected, f"{executors[0]!r} is one")


def _check_venues(config, file) -> None:
    if len(config.venues) != len(config.topology.of_role("feed_handler")):
        expected = f"one venue for each feed_handler instance ({len(config.topology.of_role('feed_handler'))})"
        raise ConfigError(file, "venue", expected, str(len(config.venues)))
    for row, venue in enumerate(config.venues):
        for field in ("port_a", "port_b", "retransmission_port"):
            if not 1024 <= getattr(venue.channel, field) <= 65535:
                found = str(getattr(venue.channel, field))
                raise ConfigError(file, f"venue[{row}].channel.{field}", "a port from 1024 to 65535", found)
        if not 1024 <= venue.session.port <= 65535:
            raise ConfigError(file, f"venue[{row}].session.port", "a port from 1024 to 65535", str(venue.session.port))
        if not (len(venue.session.firm) <= 4 and venue.session.firm.isascii()):
            raise ConfigError(file, f"venue[{row}].session.firm", "up to 4 letters (OUCH)", repr(venue.session.firm))
        if not 1 <= len(venue.session.username) <= 6:
            found = repr(venue.session.username)
            raise ConfigError(file, f"venue[{row}].session.username", "1 to 6 characters (SoupBinTCP)", found)
        if venue.drop_copy is not None:
            _check_drop_copy(venue.drop_copy, f"venue[{row}].drop_copy", file)


def _check_drop_copy(held, key: str, file) -> None:
    if not 1024 <= held.port <= 65535:
        raise ConfigError(file, f"{key}.port", "a port from 1024 to 65535", str(held.port))
    if not 1 <= len(held.username) <= 6:
        raise ConfigError(file, f"{key}.username", "1 to 6 characters (SoupBinTCP)", repr(held.username))
    _positive(file, f"{key}.settle_ms", held.settle_ms)
    if held.silence_ms < 2000:
        expected = "at least 2000: a venue that has nothing to say sends a heartbeat a second"
        raise ConfigError(file, f"{key}.silence_ms", expected, str(held.silence_ms))
