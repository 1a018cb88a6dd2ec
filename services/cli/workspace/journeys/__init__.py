"""`journeys/`, `groups/` and the tests beside them: steps, sends, trials, schedules, ways out."""
