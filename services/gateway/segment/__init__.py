"""The API of Segment's clients: messages in, events in our words out (docs/connect/segment.md)."""
