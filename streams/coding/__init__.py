"""The event coder: text in, mentions out. Pure functions: no Kafka, network, environment, clock or metrics."""
