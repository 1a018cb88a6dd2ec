"""When scheduled journeys come due: for all at once (occurrences.py), on each customer's clock (planned.py). Pure."""
