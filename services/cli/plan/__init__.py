"""`wici plan` and `wici apply`: what a change does, before it is done."""
