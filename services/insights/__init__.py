"""What was done, and what it was good for: read out of every service's views, told to people, changing nothing."""
