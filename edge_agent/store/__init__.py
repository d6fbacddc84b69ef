"""The sealed store: envelope, keys and the outbox."""
