"""What a running process says about itself: log lines, metrics, trace context."""
