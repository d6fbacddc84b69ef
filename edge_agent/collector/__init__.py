"""The clinic's end: ingest, verify, open, write out."""
