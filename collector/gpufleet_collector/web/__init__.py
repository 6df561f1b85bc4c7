"""HTTP and WebSocket: the API, the page, and the health of the collector itself."""
