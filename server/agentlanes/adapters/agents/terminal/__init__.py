"""Agents without a protocol: programs of the terminal, to which a prompt is typed and whose output is read.

[profiles.aider]
driver = "terminal"
argv = ["aider"]                      # with "{prompt}" as an argument it is run anew for each prompt

[profiles.aider.quirks]
quiet_seconds = 10                    # silence after which a program that says nothing about itself is done
settle_seconds = 0.2                  # silence after which one that shows its prompt again is done
start_seconds = 2                     # silence after which one that printed nothing since its start is ready
idle_pattern = "^> $"                 # what the screen shows while it waits for input
idle_title = "ready"                  # the same of the title
interrupt_keys = "\\u0003"            # what stops it
enter_key = "\\r"                     # what ends the input
cols = 120
rows = 40
"""
