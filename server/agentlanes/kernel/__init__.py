"""Commands in, committed events out: the kernel, what follows it, and the ports to the world."""
