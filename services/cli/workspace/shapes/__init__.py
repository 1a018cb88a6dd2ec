"""What may stand in each file of the workspace, said once: for checking, and as JSON Schema for editors."""
