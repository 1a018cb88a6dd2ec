"""`wici simulate`: an invented shop, or given events, through the workspace in a virtual world.

people.py, catalogue.py (what happens in the shop), mail.py (what becomes of messages), or a file of events
-> play.py (the world, at full speed) -> flow.py, seen.py (what happened) -> report.py, picture.py
"""
