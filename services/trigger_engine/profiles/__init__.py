"""What is known of a customer, and how events change it. Pure: no I/O, no clock."""
