"""Events that follow from facts, one file each; registry.py lists them, ../deriving.py applies them. Pure."""
