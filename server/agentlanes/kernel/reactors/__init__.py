"""Effects: what the world has to do because of an event, and what the log has to say because of the world."""
