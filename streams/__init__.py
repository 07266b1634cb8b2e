"""What happens to articles: Faust wiring at the edge, plain functions inside. Never imports `connectors`."""
