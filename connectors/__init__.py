"""How articles get in: fetch, parse, translate, decide, publish. Never imports `streams` or Faust."""
