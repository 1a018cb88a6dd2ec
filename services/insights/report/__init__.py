"""What journeys are good for: who entered, what was said, which goals were reached, and what a holdout says of it."""
