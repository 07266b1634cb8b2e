"""Articles onto Kafka. Knows nothing of where they come from."""
