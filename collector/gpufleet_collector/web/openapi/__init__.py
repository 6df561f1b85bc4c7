"""The API, described for programs and people: /api/openapi.json and /api/docs."""
