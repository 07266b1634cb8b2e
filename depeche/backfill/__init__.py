"""`depeche backfill`: archives onto the topic for the past, with progress and resume. Reading is in `connectors`."""
