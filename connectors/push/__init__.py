"""Articles that are brought to us over HTTP: `POST /articles`, and what WebSub hubs deliver. Fetches nothing itself."""
