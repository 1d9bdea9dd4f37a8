"""The renderer: a process beside the server that plays the tapes of terminals into an emulator and tells what is seen.

What programs print is not trusted, and the emulator is native code. So it runs in a process of its own, with bounds on
its memory, which reads tapes from their files: a flood never passes through the server, and bytes that break the
emulator end nothing but this process, which is started anew.
"""
