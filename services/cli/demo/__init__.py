"""`wici demo`: a small shop's day, played through the real HTTP addresses."""
