"""FHIR R4 with the HL7 Personal Health Device profiles (guide 2.0.0): docs/fhir.md."""
