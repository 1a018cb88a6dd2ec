"""The engine's statements. Each takes a whole batch; none is sent per event. An empty batch sends nothing."""
