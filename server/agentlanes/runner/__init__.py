"""The runner: the small process that holds a lane's processes, writes their tapes, and outlives the server.

It imports the standard library and ptyprocess, nothing else of agentlanes, and all of it at start: an upgrade or a
deleted environment cannot hurt one that runs. It stays below 15 MB, so dataclasses, typing, pathlib, argparse,
subprocess and asyncio stay out (each costs 0.5 to 9 MB).
"""
