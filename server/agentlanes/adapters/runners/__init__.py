"""The server's side of the runners: start them, speak to them, and notice how they end."""
