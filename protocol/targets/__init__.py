"""One module for each language that the protocol is written out in."""
