"""What drivers of all protocols make of an agent: bounded frames, growing items, questions, numbered writes."""
