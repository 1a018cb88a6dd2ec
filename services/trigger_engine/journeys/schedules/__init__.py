"""When scheduled journeys come due. Pure.

For all at once (occurrences.py), on each customer's clock (planned.py), on a day of the customer's own (dated.py).
"""
