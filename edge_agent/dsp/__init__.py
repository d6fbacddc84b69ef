"""Signal processing: arrays and rates in, findings out. Knows no device, store or network.

Every algorithm has a batch function and a streaming class, and for any split of a stream the class
gives what the function gives for the whole. Time is passed in; nothing here is random.
"""
