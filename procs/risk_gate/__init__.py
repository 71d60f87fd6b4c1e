"""risk_gate: intent -> order or coded reject; the one owner of exposure."""
