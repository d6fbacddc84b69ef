"""The bedside page: what the hub sees, in a browser beside the bed."""
