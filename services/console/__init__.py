"""What the people who run a shop ask over HTTP: why a customer got something, what journeys are good for."""
