"""Who may ask what over HTTP: tokens in headers and cookies, the login of the page, and how much is too much."""
