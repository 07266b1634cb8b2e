"""Bytes to entries: each format that publishers offer. Knows nothing of Kafka, of the network, of what is new."""
