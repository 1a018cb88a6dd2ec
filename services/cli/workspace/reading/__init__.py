"""A file of the workspace as its text says it: a tree with places, its values checked against a shape."""
