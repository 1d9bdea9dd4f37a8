"""The renderer process as the server sees it."""
