"""Products as far as customers care: what becomes of them, and who has shown an interest. Pure."""
