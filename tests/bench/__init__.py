"""The benchmarks: what DESIGN promises in numbers, each beside a peer in the same run."""
