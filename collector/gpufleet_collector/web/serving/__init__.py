"""How uvicorn is to serve the application: the one place that knows this server."""
