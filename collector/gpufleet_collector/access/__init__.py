"""Who may do what: tokens, their roles, and the streams and sockets that end with them."""
