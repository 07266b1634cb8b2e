"""`depeche replay` and `depeche diff`: history coded again beside the live topics, and two codings compared."""
