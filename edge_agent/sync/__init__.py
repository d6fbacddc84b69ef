"""Delivery: sealed records to the collector, receipts back."""
