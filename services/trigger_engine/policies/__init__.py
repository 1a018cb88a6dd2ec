"""Policies: when a customer may be spoken to, and how often. Pure: no I/O, no clock; docs/policies.md says it in words.

rules.py    a workspace's policies, made ready
hours.py    quiet hours, where the customer lives
caps.py     how many messages a customer has got, and when the next may come
timing.py   over which channels to speak now, else when
"""
