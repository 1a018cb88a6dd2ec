"""`wici customers` and `wici explain`: answering for what was done to a customer."""
