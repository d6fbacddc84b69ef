"""Signal processing: arrays and rates in, findings out. Knows no device, store or network."""
