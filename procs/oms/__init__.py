"""oms: journals to book of record. Every order, execution, decision and position, now and in history, in one store."""
