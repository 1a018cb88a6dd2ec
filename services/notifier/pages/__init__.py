"""The pages that a message's links lead customers to: no login, no script, nothing from elsewhere."""
