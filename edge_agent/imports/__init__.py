"""What a clinic already knows of the person: laboratory results, medication, genotype.

Readers turn a FHIR bundle or a table into the types of :mod:`edge_agent.imports.record`; every
problem of a file is listed with its place, and no doubtful number is guessed right.
"""
