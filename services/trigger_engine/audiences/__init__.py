"""Who a fan-out is for: one file for each kind of `engine.fan_outs`."""
