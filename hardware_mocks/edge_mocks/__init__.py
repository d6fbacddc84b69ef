"""Mock peripherals that speak the real wire protocols, for tests and ``edge-agent demo``."""
