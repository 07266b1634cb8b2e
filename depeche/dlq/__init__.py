"""`depeche dlq`: what could not be processed, grouped, shown, replayed once the cause is mended, or dropped."""
