"""What a person sees."""

from __future__ import annotations

from cli.place import Place
from editors.neovim.screen import start_screen


def test_a_lane_from_the_prompt_to_the_merge(place: Place) -> None:
    place.env["AGENTLANES_DEMO_PACE_MS"] = "5"
    with start_screen(place) as screen:
        screen.type(":Lanes create Greet the reader", "Enter")
        screen.wait("what shall the agent do?")
        screen.type("iWrite a GREETING.md that says hello to whoever reads it", "C-s")
        screen.wait("aa Allow")
        screen.type("Escape", ":Lanes", "Enter")
        screen.wait("1 waits for you")
        screen.photograph("neovim-approval")
        screen.type("/\\? Greet", "Enter", "aa")
        screen.wait("+5 −0")
        screen.type("/○ Greet", "Enter", "d")
        screen.wait("merge base")
        screen.photograph("neovim-review")
        screen.type(":wincmd t", "Enter", "m")
        screen.wait("Merge Greet the reader into main")
        screen.photograph("neovim-merge")
        screen.type("1", "Enter")
        screen.wait("is merged into main")
